# SPDX-License-Identifier: BSD-3-Clause
"""Sites of real daemons, long lines between them, and around them bench-around: a thousand
mobile nodes that talk and the many that do not. scripts/bench/around/around.c says what it does.

A router of each site leads to it what goes to correspondents and to care-of addresses there; the
mobile prefix is led by the Gate of test/lab/mesh.py, as an operator's routing daemon would."""

import collections
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from machine import backlog_drops, ring_drops, unthrottled
from programs import BenchError
from trials import RATE

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "test"))

HOME, CARE_OF = "2001:db8:a::", "2001:db8:c::"
FIRST = 0x100  # NODE_FIRST of rnd/frame.h
OTHERS = 0x200  # where the lab's own mobile node is there too
TALK = 1000  # mobile nodes with packets
REGISTER_RATE = 20000  # Binding Updates a second
MOVE_RATE = 1000
DELAY_MS = 10  # one way between the sites
START_S = 60
CORES = 2  # what sites run on: a third one shares the first one's
AFTER_S = 0.5  # what is on its way arrives within
LIFETIME_S = 60000
MEMORY_MB, BINDING_BYTES = 256, 400
FRAMES = 4096  # room of a site's port: what comes while the machine takes its core away waits there
PRIORITY = 20  # above hamd's own when it is started with realtime
GATEWAY = "fe80::99"  # bench-around, for the routers: a neighbour they need not ask for


class Around:
    """bench-around in a namespace of its own."""

    def __init__(self, lab, world, build):
        self.ns, self.sites = lab.ns("around"), list(world.sites)
        arguments = []
        for k, site in world.sites.items():
            for name, place, net in (("cn", 0, f"2001:db8:d{k}::/64"),
                                     ("mn", k, f"2001:db8:c:0:0:{k}::/96")):
                arguments.append(self._port(lab, world, site, f"{name}{k}", place, net))
        self._proc = self.ns.popen(build / "scripts" / "bench" / "around" / "bench-around",
                                   *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
        lab.on_close(self.close)
        # Late packets would be the bench's: nothing takes the processor away from what it is.
        for pid in (self._proc.pid, world.wires.pid):
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(PRIORITY))
        if self._proc.stdout.readline() != "ready\n":
            raise BenchError(f"bench-around ended with {self._proc.wait(5)}")

    def _port(self, lab, world, site, name, place, net):
        dev = f"r-a{name}"
        lab.link(self.ns, name, site.router, dev, world.mtu)
        lab.silence(self.ns, name)
        site.router.ip("-6", "neigh", "replace", GATEWAY, "lladdr", self.ns.mac(name), "dev", dev,
                       "nud", "permanent")
        site.router.ip("-6", "route", "add", net, "via", GATEWAY, "dev", dev)
        for k, other in world.sites.items():
            if other is not site:
                other.router.ip("-6", "route", "add", net, "via",
                                world.line_address(site.number, k), "dev", f"r-r{site.number}")
        return f"{name}={name},{site.router.mac(dev)},{place}"

    def close(self):
        with contextlib.suppress(OSError):
            self._proc.stdin.close()
        try:
            self._proc.wait(5)
        except subprocess.TimeoutExpired:
            self._proc.kill()
            self._proc.wait()

    def ask(self, command):
        self._proc.stdin.write(command + "\n")
        self._proc.stdin.flush()
        said = []
        while (line := self._proc.stdout.readline().strip()) != "ok":
            if not line.startswith("{"):
                raise BenchError(f"bench-around: {command}: {line or 'it ended'}")
            said.append(json.loads(line))
        return said

    def answers_ms(self, crowd):
        """How long each one's last answer took."""
        return [ns / 1e6 for ns in self.ask(f"answers {crowd}")[0]["ns"]]

    def rows(self, kind):
        """{name: what it says of it}; kind: "flow", "crowd" or "port"."""
        return {row[kind]: row for row in self.ask("show") if next(iter(row)) == kind}

    def register(self, crowd, place, rate, timeout=60):
        """All of a crowd at a place, again where nobody answered in a second."""
        self.ask(f"update {crowd} {place} {rate}")
        end, again = time.monotonic() + timeout, 0
        nodes = self.rows("crowd")[crowd]["nodes"]
        due = time.monotonic() + nodes / rate + 1
        while True:
            time.sleep(0.1)
            row = self.rows("crowd")[crowd]
            if time.monotonic() > due - 1 and row["unanswered"] == 0:
                return again
            if time.monotonic() > end:
                raise BenchError(f"{row['unanswered']} Binding Updates were not acknowledged,"
                                 f" {row['refused']} refused")
            if time.monotonic() > due:
                self.ask(f"update {crowd} {place} {rate}")
                again += row["unanswered"]
                due = time.monotonic() + row["unanswered"] / rate + 1

    @contextlib.contextmanager
    def flow_to(self, trial, k, rate):
        """From the correspondent at site k to all that talk. Yields a list that has its book and
        what came by each port afterwards."""
        self.ask(f"flow {trial} talk to cn{k} 2001:db8:d{k}::2 {rate}")
        books = []
        yield books
        self.ask(f"end {trial}")
        time.sleep(AFTER_S)
        books.append(self.rows("flow")[trial])

    @contextlib.contextmanager
    def flows(self, trial, places=()):
        """Correspondents in equal parts at those places, which are all sites where none is named,
        both ways. Yields a list that has the books afterwards."""
        names, books = [], []
        places = places or self.sites
        for k in places:
            for way in ("to", "from"):
                names.append(f"{trial}-{way}-{k}")
                self.ask(f"flow {names[-1]} talk {way} cn{k} 2001:db8:d{k}::2"
                         f" {RATE // len(places)}")
        yield books
        for name in names:
            self.ask(f"end {name}")
        time.sleep(AFTER_S)
        rows = self.rows("flow")
        books += [rows[name] for name in names]


def domain(delivery, prefix=f"{HOME}/48"):
    """What differs from the lab's: any mobile node, as often as it likes."""
    return {"delivery": delivery, "lifetime-max-s": LIFETIME_S, "mobile-prefixes": [prefix],
            "limits": {"bu-per-s": 1000000, "bu-per-s-per-source": 1000000},
            "subscribers": {"ranges": [{"home-addresses": prefix, "auth": {"type": "none"}}]}}


def site_config(world, k, count, of_domain, **sections):
    """sections: "mode", "mesh" and more of MeshWorld.config()."""
    from lab.daemon import runtime  # pylint: disable=import-outside-toplevel
    config = world.config(k, domain=of_domain, runtime=runtime(
        **{"lcores": str((k - 1) % CORES), "memory-mb": MEMORY_MB + count * BINDING_BYTES // 10 ** 6,
           "mbufs": 32768, "max-bindings": count + 1000}), **sections)
    del config["domains"][0]["mobile-nodes"]
    config["ports"][0]["device"] += f",framecnt={FRAMES}"
    return config


def use(build):
    """test/lab takes its programs from there: it must not be loaded before."""
    os.environ["HAMD_BUILD"] = str(build.resolve())


@contextlib.contextmanager
def real_sites(options, configure, delay_ms=DELAY_MS, sites=2):
    """(world, around): sites that are ready, with configure(world, k). Where there are more than cores
    they start one after the other."""
    use(options.build)
    from lab.daemon import Hamd  # pylint: disable=import-outside-toplevel
    from lab.mesh import MeshWorld  # pylint: disable=import-outside-toplevel
    from lab.netns import Lab  # pylint: disable=import-outside-toplevel
    from lab.shell import LabError  # pylint: disable=import-outside-toplevel
    try:
        with unthrottled(), Lab() as lab:
            world = MeshWorld(lab, sites=sites, delay_ms=delay_ms)
            lab.on_close(world.stop)
            world.gate.patient = True
            around = Around(lab, world, options.build)
            for k, site in world.sites.items():
                site.hamd = Hamd(site.ns, configure(world, k), lab.dir, site.name)
            if sites > CORES:
                start_in_turn(world)
            for site in world.sites.values() if sites <= CORES else ():
                start(site)
            world.gate.wait(START_S, **{site.name: True for site in world.sites.values()})
            yield world, around
    except LabError as e:
        raise BenchError(str(e)) from e


def start(site, has_core=True):
    """Realtime once it has begun: what starts has to wait, not a site that runs beside it. Not where
    two share a core: the one that is busy would leave the other one nothing."""
    site.hamd.start()
    if has_core:
        site.hamd.prefer()


def start_in_turn(world):
    """The first is told to serve what it has, and fills the others one by one: to fill each other two
    sites that share a core take longer than they wait for a sign of life."""
    from lab.mesh import DOMAIN  # pylint: disable=import-outside-toplevel
    for site in world.sites.values():
        start(site, has_core=False)
        if site.number == 1:
            site.ctl("ready", "--force", DOMAIN)
        world.gate.wait(START_S, **{site.name: True})


RINGS = collections.Counter()  # {site: packets for which its port's ring had no room}


def mishaps(world):
    """{where and what: packets}: all that may become of one that does not arrive. What the ports of
    bench-around lost is in Around.rows("port")."""
    counts = {}
    for site in world.sites.values():
        counts |= {f"{site.name} {drop}": n for drop, n in site.ctl.drops().items()}
        port = site.ctl.show("ports")[0]
        counts |= {f"{site.name} port {key}": port[key]
                   for key in ("rx-missed", "rx-errors", "rx-no-buffer", "tx-errors")}
        RINGS[site.name] += ring_drops(site.hamd.pid)
        counts[f"{site.name} port's ring full"] = RINGS[site.name]
        kernel = dict(line.split() for line in
                      site.router.run("cat", "/proc/net/snmp6").splitlines())
        counts |= {f"router {site.number} {key}": int(kernel[key])
                   for key in ("Ip6InNoRoutes", "Ip6OutNoRoutes", "Ip6InDiscards",
                               "Ip6OutDiscards", "Ip6InTooBigErrors")}
    counts |= {f"kernel's queue of core {k}": n for k, n in enumerate(backlog_drops())}
    for (name, way), row in world.wires.show().items():
        counts |= {f"line {name} {way} {key}": row[key]
                   for key in ("cut", "lost", "overflow", "refused")}
    return counts


def known(world, count):
    """All sites have so many bindings."""
    from lab.shell import until  # pylint: disable=import-outside-toplevel
    for site in world.sites.values():
        until(f"{count} bindings at {site.name}", lambda ctl=site.ctl:
              ctl.show("version")[0]["bindings"] == count, START_S)


@contextlib.contextmanager
def shared_sites(options, delivery, count, delay_ms=DELAY_MS, sites=2):
    """(world, around): every mobile node is registered at place 1, and all sites know."""
    with real_sites(options, lambda world, k: site_config(world, k, count, domain(delivery),
                                                          mode="shared"),
                    delay_ms, sites) as (world, around):
        world.mn.register("site1")
        for name, first, nodes in (("talk", OTHERS, TALK),
                                   ("rest", OTHERS + TALK, count - TALK - 1)):
            around.ask(f"crowd {name} {HOME} {CARE_OF} {HOME}1 {first} {nodes}")
            around.register(name, 1, REGISTER_RATE)
        known(world, count)
        yield world, around


def settle(around, places=()):
    """Neighbours and routers know each other: what that costs is no trial's."""
    with around.flows("settle", places):
        time.sleep(1)


def parts(sites):
    """{site: {part of its control's turns: the longest since its start in us}}."""
    return {site.name: {part["part"]: part["longest-us"] for lcore in site.ctl.show("lcores")
                        for part in lcore.get("parts", ())} for site in sites}


def turns(sites):
    """(the longest turn of any of them since its start in us, how many took 10 ms and more);
    that it found itself asleep for too long, which hello says, is one more."""
    lcores = [lcore for site in sites for lcore in site.ctl.show("lcores")]
    still = [int(found.group(1)) * 1000 for site in sites for line in site.hamd.lines
             if (found := re.search(r"this site stood still ms=(\d+)", line))]
    return (max([lc["longest-turn-us"] for lc in lcores] + still),
            sum(lc["slow-turns"] for lc in lcores) + len(still))
