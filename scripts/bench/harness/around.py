# SPDX-License-Identifier: BSD-3-Clause
"""Two sites of real daemons, long lines between them, and around them bench-around: a thousand
mobile nodes that talk and the many that do not. scripts/bench/around/around.c says what it does.

A router of each site leads to it what goes to correspondents and to care-of addresses there; the
mobile prefix is led by the Gate of test/lab/mesh.py, as an operator's routing daemon would."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from programs import BenchError
from trials import RATE

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "test"))

HOME, CARE_OF = "2001:db8:a::", "2001:db8:c::"
FIRST = 0x100  # NODE_FIRST of rnd/frame.h
TALK = 1000  # mobile nodes with packets
REGISTER_RATE = 20000  # Binding Updates a second
MOVE_RATE = 1000
DELAY_MS = 10  # one way between the sites
AFTER_S = 0.5  # what is on its way arrives within
LIFETIME_S = 60000
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
    def flows(self, trial):
        """Half of the correspondents at each site, both ways. Yields a list that has the books
        afterwards."""
        names, books = [], []
        for k in self.sites:
            for way in ("to", "from"):
                names.append(f"{trial}-{way}-{k}")
                self.ask(f"flow {names[-1]} talk {way} cn{k} 2001:db8:d{k}::2"
                         f" {RATE // len(self.sites)}")
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


def site_config(world, k, count, of_domain, **kind):
    """kind: mode, mesh of MeshWorld.config()."""
    from lab.daemon import runtime  # pylint: disable=import-outside-toplevel
    config = world.config(k, domain=of_domain, **kind, runtime=runtime(
        **{"lcores": str(k - 1), "memory-mb": 256, "mbufs": 32768, "max-bindings": count + 1000}))
    del config["domains"][0]["mobile-nodes"]
    return config


@contextlib.contextmanager
def real_sites(options, configure, delay_ms=DELAY_MS):
    """(world, around): two sites that are ready, with configure(world, k)."""
    os.environ["HAMD_BUILD"] = str(options.build.resolve())
    # what hamd is to be taken from there: not before it is known
    from lab.daemon import Hamd  # pylint: disable=import-outside-toplevel
    from lab.mesh import MeshWorld  # pylint: disable=import-outside-toplevel
    from lab.netns import Lab  # pylint: disable=import-outside-toplevel
    from lab.shell import LabError  # pylint: disable=import-outside-toplevel
    try:
        with Lab() as lab:
            world = MeshWorld(lab, sites=2, delay_ms=delay_ms)
            lab.on_close(world.stop)
            around = Around(lab, world, options.build)
            for k, site in world.sites.items():
                site.hamd = Hamd(site.ns, configure(world, k), lab.dir, site.name)
                site.hamd.start(realtime=True)
            world.gate.wait(30, site1=True, site2=True)
            yield world, around
    except LabError as e:
        raise BenchError(str(e)) from e


def known(world, count):
    """All sites have so many bindings."""
    from lab.shell import until  # pylint: disable=import-outside-toplevel
    for site in world.sites.values():
        until(f"{count} bindings at {site.name}", lambda ctl=site.ctl:
              ctl.show("version")[0]["bindings"] == count, 30)


@contextlib.contextmanager
def two_sites(options, delivery, count):
    """(world, around): every mobile node is registered at place 1, and both sites know."""
    with real_sites(options, lambda world, k: site_config(world, k, count, domain(delivery),
                                                          mode="shared")) as (world, around):
        for name, first, nodes in (("talk", FIRST, TALK), ("rest", FIRST + TALK, count - TALK)):
            around.ask(f"crowd {name} {HOME} {CARE_OF} {HOME}1 {first} {nodes}")
            around.register(name, 1, REGISTER_RATE)
        known(world, count)
        yield world, around


def settle(around):
    """Neighbours and routers know each other: what that costs is no trial's."""
    with around.flows("settle"):
        time.sleep(1)


def longest_us(world):
    """The longest turn of any site since its start."""
    return max(lcore["longest-turn-us"] for site in world.sites.values()
               for lcore in site.ctl.show("lcores"))
