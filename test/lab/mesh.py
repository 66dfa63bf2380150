# SPDX-License-Identifier: BSD-3-Clause
"""Sites of a mesh, far from each other.

    correspondent cnK ----- router rK ----- haK: hamd of site K, 2001:db8:K::10
      2001:db8:cK::2      |  |     |          2001:db8:K::/64
                          |  |     mobile node mn, a link at each site: 2001:db8:1K::/64
                          |  |     (a second one: 2001:db8:2K::/64)
              to each other router: a long line (wires.py), 2001:db8:eIJ::/64

The mobile prefix 2001:db8:a::/48 is anycast: router K sends it to its own hamd while that is
healthy, else to the nearest site that is. Health is what an operator's routing daemon would ask
for: a process that runs and has begun, and in a mesh `hamctl ready DOMAIN` that says 0; a thread per
site and domain asks (Gate).

A second domain, where a test wants one, has 2001:db8:b::/48, sites and mobile nodes of its own.
"""

import subprocess
import threading
from dataclasses import dataclass

from . import world
from .clocks import Clocks
from .daemon import HAMCTL, Hamd, runtime
from .mn import Link, MobileNode
from .netns import Netns
from .shell import LabError, sh, until
from .wires import Wires

# What `hamctl metrics` has in a mesh only.
METRICS = {"hamd_" + name for name in (
    "domain_ready", "bindings_alone", "acknowledgements_waiting", "relayed_packets",
    "relayed_bytes", "relayed_further_packets", "relayed_further_bytes", "relayed_mismatches",
    "peer_up", "peer_rtt_seconds", "peer_clock_offset_seconds", "peer_lag_records",
    "peer_lag_seconds", "peer_sent_bytes", "peer_received_bytes", "peer_records",
    "peer_records_refused", "peer_records_repaired")}

DOMAIN = "msp1"
SHARED_HA = "2001:db8:a::1"
DEV = world.HAMD_DEV
HELLO_MS, DEAD_MS = 50, 500  # machines that run tests have other things to do for a while


def site_address(k):
    return f"2001:db8:{k}::10"


def correspondent(k):
    return f"2001:db8:c{k}::2"


def agent_address(k):
    """Home agent address of site k where each has its own."""
    return f"2001:db8:a::{k}"


@dataclass(frozen=True)
class Domain:
    """A Mobile Service Provider. sites: numbers of those that serve it."""

    name: str
    prefix: str
    sites: tuple
    mobile_nodes: int = 1

    @property
    def _net(self):
        return self.prefix.split("/")[0]

    def agent(self, k):
        """Home agent address of site k where each has its own."""
        return f"{self._net}{k}"

    def hoa(self, number):
        """Home address of its mobile node 1, 2, ..."""
        return f"{self._net}{0xff + number:x}"


def second_domain(*sites):
    return Domain("msp2", "2001:db8:b::/48", sites)


def between(a, b):
    """Name of the line between two sites."""
    return f"{min(a, b)}-{max(a, b)}"


class Site:
    """What there is at one place."""

    def __init__(self, lab, k, mtu):
        self.number, self.name = k, f"site{k}"
        self.address = site_address(k)
        self.ns: Netns = lab.ns(f"ha{k}")
        self.router: Netns = lab.ns(f"r{k}")
        self.cn: Netns = lab.ns(f"cn{k}")
        self.cn_address = correspondent(k)
        self.hamd, self.env = None, {}

        self.router.sysctl(net__ipv6__conf__all__forwarding=1)
        lab.link(self.cn, "cn-r", self.router, "r-cn", mtu)
        near = correspondent(k)[:-1] + "1"
        self.cn.ip("addr", "add", f"{self.cn_address}/64", "dev", "cn-r", "nodad")
        self.router.ip("addr", "add", f"{near}/64", "dev", "r-cn", "nodad")
        self.cn.ip("-6", "route", "add", "default", "via", near, "dev", "cn-r")
        lab.calm(self.router, "r-ha")
        lab.link(self.ns, DEV, self.router, "r-ha", mtu)
        lab.silence(self.ns, DEV)
        self.gateway = f"2001:db8:{k}::1"
        self.router.ip("addr", "add", f"{self.gateway}/64", "dev", "r-ha", "nodad")

    @property
    def ctl(self):
        return self.hamd.ctl


class MeshWorld:
    """sites: how many. delay_ms: {(1, 2): one way, ...}, or one number for all pairs. more: domains
    beside the one that all sites serve."""

    def __init__(self, lab, sites=3, delay_ms=5.0, mobile_nodes=1, mtu=1500, seed=1, more=()):
        self.lab = lab
        self.mtu = mtu
        self._keys = {}
        self.sites = {k: Site(lab, k, mtu) for k in range(1, sites + 1)}
        first = Domain(DOMAIN, world.MOBILE_PREFIX, tuple(self.sites), mobile_nodes)
        self.domains = {domain.name: domain for domain in (first, *more)}
        self.pairs = [(a, b) for a in self.sites for b in self.sites if a < b]
        self.delay_ms = {pair: delay_ms[pair] if isinstance(delay_ms, dict) else delay_ms
                         for pair in self.pairs}
        nodes = [(d, n) for d in self.domains.values() for n in range(1, d.mobile_nodes + 1)]
        self.mns = [self._mobile_node(i, *node) for i, node in enumerate(nodes, 1)]
        self.mn = self.mns[0]
        lab.on_close(lambda: [mn.close() for mn in self.mns])
        self._lines(seed)
        self.gate = Gate(self)
        lab.on_close(self.gate.close)

    def __getitem__(self, k):
        return self.sites[k]

    # --- places ---

    def _mobile_node(self, number, domain, of_domain):
        ns = self.lab.ns("mn" if number == 1 else f"mn{number}")
        links = {}
        for k, site in self.sites.items():
            coa = world.coa_of(number, k)
            link = Link(f"mn-{site.name}", coa, coa[:-1] + "1")
            self.lab.link(ns, link.dev, site.router, f"r-mn{number}", self.mtu)
            site.router.ip("addr", "add", f"{link.router}/64", "dev", f"r-mn{number}", "nodad")
            links[site.name] = link
        return MobileNode(ns, domain.hoa(of_domain), domain.agent(domain.sites[0]), links)

    def _lines(self, seed):
        ns, ends = self.lab.ns("wires"), {}
        for a, b in self.pairs:
            for k, other in ((a, b), (b, a)):
                dev, far = f"r-r{other}", f"w{k}{other}"
                self.lab.link(self.sites[k].router, dev, ns, far, self.mtu)
                self.lab.silence(ns, far)
                self.sites[k].router.ip("addr", "add", f"{self.line_address(k, other)}/64", "dev",
                                        dev, "nodad")
            for k, other in ((a, b), (b, a)):
                self._routes(k, other, len(self.mns))
            ends[between(a, b)] = (f"w{a}{b}", f"w{b}{a}")
        self.wires = Wires(self.lab, ns, ends, seed) if ends else None
        for (a, b), delay in self.delay_ms.items():
            self.wires.set(between(a, b), delay_ms=delay)

    def line_address(self, k, other):
        """Of router k on the line to the other."""
        return f"2001:db8:e{min(k, other)}{max(k, other)}::{k}"

    def _routes(self, k, other, mobile_nodes):
        """What router k knows of the other place."""
        nets = [f"2001:db8:{other}::/64", f"2001:db8:c{other}::/64"]
        nets += [f"2001:db8:{n}{other}::/64" for n in range(1, mobile_nodes + 1)]
        for net in nets:
            self.sites[k].router.ip("-6", "route", "add", net, "via",
                                    self.line_address(other, k), "dev", f"r-r{other}")

    def nearest(self, k):
        """Numbers of the sites, from site k on outwards."""
        return sorted(self.sites, key=lambda other: (
            0 if other == k else self.delay_ms[min(k, other), max(k, other)], other))

    # --- lines ---

    def cut(self, a, b, is_cut=True, way=None):
        """The line between two sites; way=(from, to): that direction only."""
        which = "both" if way is None else ("there" if way[0] < way[1] else "back")
        self.wires.set(between(a, b), which, cut=is_cut)

    def heal(self):
        for name in self.wires.names:
            self.wires.set(name, cut=False)

    def delays(self, factor=1.0, **settings):
        for (a, b), delay in self.delay_ms.items():
            self.wires.set(between(a, b), delay_ms=delay * factor, **settings)

    # --- daemons ---

    def alone(self, k, domain=None, **sections):
        """hamd's configuration at site k without a mesh. domain: changes to that section."""
        return {
            "node": {"id": k, "name": self.sites[k].name, "roles": ["ha"]},
            "runtime": runtime(),
            "ports": [{"name": "wan", "device": f"net_af_packet0,iface={DEV}", "mtu": self.mtu,
                       "addresses": [f"{site_address(k)}/64"], "dad": False}],
            "routes": [{"prefix": "::/0", "via": self.sites[k].gateway}],
            "domains": [{
                "name": d.name, "mobile-prefixes": [d.prefix], "home-agent-address": d.agent(k),
                "mobile-nodes": [{"home-address": d.hoa(n), "auth": {"type": "none"}}
                                 for n in range(1, d.mobile_nodes + 1)],
                **((domain or {}) if d.name == DOMAIN else {})}
                for d in self.domains_of(k)],
            **sections,
        }

    def domains_of(self, k):
        """Those that site k serves, in the order of its configuration."""
        return [d for d in self.domains.values() if k in d.sites]

    def public_key(self, k):
        """Site k's; its private key is made with it."""
        if k not in self._keys:
            self._keys[k] = sh(HAMCTL, "genkey", self.key_file(k)).strip()
        return self._keys[k]

    def key_file(self, k):
        return self.lab.dir / f"site{k}.key"

    def other_key(self):
        """A private key file that nobody has the public key of."""
        path = self.lab.dir / "other.key"
        if not path.exists():
            sh(HAMCTL, "genkey", path)
        return path

    def config(self, k, mode="unicast", mesh=None, domain=None, **sections):
        """... with the other sites as peers. mesh, domain: changes to those sections, of the domain
        that all have; mode: of all domains."""
        others = [other for other in self.sites if other != k]
        self.public_key(k)
        config = self.alone(k, **sections)
        config["mesh"] = {
            "site-address": site_address(k), "private-key-file": str(self.key_file(k)),
            "hello-ms": HELLO_MS, "dead-ms": DEAD_MS,
            "peers": [{"id": other, "name": f"site{other}", "address": site_address(other),
                       "public-key": self.public_key(other)} for other in others],
            **(mesh or {})}
        for section, d in zip(config["domains"], self.domains_of(k)):
            peers = [{"name": f"site{other}"} for other in others if other in d.sites]
            if mode == "unicast":
                for peer in peers:
                    peer["home-agent-address"] = d.agent(int(peer["name"].removeprefix("site")))
            else:
                section["home-agent-address"] = d.agent(1)
            section.update({"mode": mode, "peers": peers,
                            **((domain or {}) if d.name == DOMAIN else {})})
        return config

    def start(self, k, config=None, ready=True):
        """hamd at site k, with the configuration of its last run if none is given."""
        site = self.sites[k]
        if config is not None:
            site.hamd = Hamd(site.ns, config, self.lab.dir, site.name)
        site.hamd.env = site.env
        site.hamd.start(ready=ready)
        return site.hamd

    def clocks(self, k):
        """Those of site k from its next start on, for a test to set."""
        clocks = Clocks(self.lab.dir / f"site{k}.clocks")
        self.sites[k].env = clocks.env
        return clocks

    def stop(self):
        """All of them; {site: exit status}"""
        return {k: site.hamd.stop() for k, site in self.sites.items()
                if site.hamd is not None and site.hamd.is_running()}

    def until_known(self, k, mn):
        """Site k knows where the mobile node is."""
        until(f"{mn.coa} is known at site {k}", lambda: (
            row := self.sites[k].ctl.binding(mn.hoa)) and row["care-of-address"] == mn.coa, 10)

    # --- measuring ---

    def rtt_ms(self, k, hoa, count=5):
        """The least round trip from the correspondent near site k; None: no answer."""
        got, said = self.sites[k].cn.ping(hoa, count=count)
        if got == 0:
            return None
        return float(said.split("min/avg/max")[1].split("=")[1].split("/")[0])

    def crossings(self, k, hoa, count=5, repeats=2):
        """{line: how often an echo request with its answer crosses it}; large ones, to tell them
        from what the sites have to say to each other. repeats: how often all of it may be done
        again because something was lost, as a machine does that stands still for a moment; it is
        said when it was. 0 where nothing may be lost."""
        for again in range(repeats + 1):
            before = self.wires.large()
            got, said = self.sites[k].cn.ping(hoa, "-s", 1100, count=count)
            if got == count:
                break
            print(f"site {k} to {hoa}: {got} of {count} answered, attempt {again + 1}")
        else:
            raise LabError(f"{got} of {count} answered: {said}")
        after = self.wires.large()
        return {name: n for name in self.wires.names
                if (n := round((after[name] - before[name]) / count))}


class Gate:
    """Leads each mobile prefix to sites that are healthy; a thread for each site and domain, so that
    one that hangs holds up nobody. patient: one that runs and does not answer in time is what it
    was; where realtime threads have all processors, it is hamctl that does not come to run."""

    EVERY_S, PATIENCE_S = 0.1, 1.0

    def __init__(self, mesh):
        self.mesh = mesh
        pairs = [(site, domain) for site in mesh.sites.values()
                 for domain in mesh.domains_of(site.number)]
        self.healthy = {(site.number, domain.name): False for site, domain in pairs}
        self.routes = {}  # {(router, domain): site}
        self.held = set()  # withdrawn by a test, healthy or not
        self.patient = False
        self.changes = []  # [(site, None, or why it is not healthy any more)]
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=pair, daemon=True)
                         for pair in pairs]
        for thread in self._threads:
            thread.start()

    def close(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, site, domain):
        while not self._stop.wait(self.EVERY_S):
            self.look(site, domain)

    def look(self, site, domain):
        why = self._why_not(site, domain)
        with self._change:
            if site.number in self.held:  # since it was asked
                why = "held"
            if (why is None) != self.healthy[site.number, domain.name]:
                self.changes.append((site.number, why))
                self.healthy[site.number, domain.name] = why is None
                self._lead(domain)

    def _why_not(self, site, domain):
        """None: it is healthy."""
        hamd = site.hamd
        if site.number in self.held:
            return "held"
        if hamd is None or not hamd.is_ready():
            return "not begun"
        if not hamd.has_mesh:
            return None
        try:
            done = hamd.ctl.run("ready", domain.name, timeout=self.PATIENCE_S)
        except subprocess.TimeoutExpired:
            was = self.healthy[site.number, domain.name]
            return None if self.patient and was else "no answer"
        return None if done.returncode == 0 else (done.stdout + done.stderr).strip()

    def _lead(self, domain):
        for k, site in self.mesh.sites.items():
            to = next((other for other in self.mesh.nearest(k)
                       if self.healthy.get((other, domain.name))), None)
            if to == self.routes.get((k, domain.name)):
                continue
            if to is None:
                how = ("unreachable", domain.prefix)
            elif to == k:
                how = (domain.prefix, "via", site.address, "dev", "r-ha")
            else:
                how = (domain.prefix, "via", self.mesh.line_address(to, k), "dev", f"r-r{to}")
            site.router.ip("-6", "route", "replace", *how)
            self.routes[k, domain.name] = to
        self._change.notify_all()

    def hold(self, k, held=True):
        """Withdraw site k's routes whatever it says, or stop doing so. At once."""
        (self.held.add if held else self.held.discard)(k)
        for domain in self.mesh.domains_of(k):
            self.look(self.mesh.sites[k], domain)

    def wait(self, timeout=10.0, domain=DOMAIN, **sites):
        """wait(site1=True, site2=False): until that is so in the domain."""
        want = {int(name.removeprefix("site")): is_up for name, is_up in sites.items()}
        with self._change:
            if not self._change.wait_for(
                    lambda: all(self.healthy[k, domain] == up for k, up in want.items()), timeout):
                raise LabError(f"health is {self.healthy}, not {want}, after {timeout} s")
