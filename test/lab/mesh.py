# SPDX-License-Identifier: BSD-3-Clause
"""Sites of a mesh, far from each other.

    correspondent cnK ----- router rK ----- haK: hamd of site K, 2001:db8:K::10
      2001:db8:cK::2      |  |     |          2001:db8:K::/64
                          |  |     mobile node mn, a link at each site: 2001:db8:1K::/64
                          |  |     (a second one: 2001:db8:2K::/64)
              to each other router: a long line (wires.py), 2001:db8:eIJ::/64

The mobile prefix 2001:db8:a::/48 is anycast: router K sends it to its own hamd while that is
healthy, else to the nearest site that is. Health is what an operator's routing daemon would ask
for: a process that runs and has begun, and in a mesh `hamctl ready` that says 0; a thread per site
asks (Gate).
"""

import subprocess
import threading

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
        lab.link(self.ns, DEV, self.router, "r-ha", mtu)
        lab.silence(self.ns, DEV)
        self.gateway = f"2001:db8:{k}::1"
        self.router.ip("addr", "add", f"{self.gateway}/64", "dev", "r-ha", "nodad")

    @property
    def ctl(self):
        return self.hamd.ctl


class MeshWorld:
    """sites: how many. delay_ms: {(1, 2): one way, ...}, or one number for all pairs."""

    def __init__(self, lab, sites=3, delay_ms=5.0, mobile_nodes=1, mtu=1500, seed=1):
        self.lab = lab
        self.mtu = mtu
        self._keys = {}
        self.sites = {k: Site(lab, k, mtu) for k in range(1, sites + 1)}
        self.pairs = [(a, b) for a in self.sites for b in self.sites if a < b]
        self.delay_ms = {pair: delay_ms[pair] if isinstance(delay_ms, dict) else delay_ms
                         for pair in self.pairs}
        self.mns = [self._mobile_node(n) for n in range(1, mobile_nodes + 1)]
        self.mn = self.mns[0]
        lab.on_close(lambda: [mn.close() for mn in self.mns])
        self._lines(seed)
        self.gate = Gate(self)
        lab.on_close(self.gate.close)

    def __getitem__(self, k):
        return self.sites[k]

    # --- places ---

    def _mobile_node(self, number):
        ns = self.lab.ns("mn" if number == 1 else f"mn{number}")
        links = {}
        for k, site in self.sites.items():
            coa = world.coa_of(number, k)
            link = Link(f"mn-{site.name}", coa, coa[:-1] + "1")
            self.lab.link(ns, link.dev, site.router, f"r-mn{number}", self.mtu)
            site.router.ip("addr", "add", f"{link.router}/64", "dev", f"r-mn{number}", "nodad")
            links[site.name] = link
        return MobileNode(ns, world.hoa_of(number), agent_address(1), links)

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
                "name": DOMAIN, "mobile-prefixes": [world.MOBILE_PREFIX],
                "home-agent-address": agent_address(k),
                "mobile-nodes": [{"home-address": mn.hoa, "auth": {"type": "none"}}
                                 for mn in self.mns],
                **(domain or {})}],
            **sections,
        }

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
        """... with the other sites as peers. mesh, domain: changes to those sections."""
        others = [other for other in self.sites if other != k]
        self.public_key(k)
        config = self.alone(k, **sections)
        config["mesh"] = {
            "site-address": site_address(k), "private-key-file": str(self.key_file(k)),
            "hello-ms": HELLO_MS, "dead-ms": DEAD_MS,
            "peers": [{"id": other, "name": f"site{other}", "address": site_address(other),
                       "public-key": self.public_key(other)} for other in others],
            **(mesh or {})}
        peers = [{"name": f"site{other}"} for other in others]
        if mode == "unicast":
            for peer, other in zip(peers, others):
                peer["home-agent-address"] = agent_address(other)
        else:
            config["domains"][0]["home-agent-address"] = SHARED_HA
        config["domains"][0].update({"mode": mode, "peers": peers, **(domain or {})})
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
    """Leads the mobile prefix to sites that are healthy; a thread each, so that one that hangs
    holds up nobody."""

    EVERY_S, PATIENCE_S = 0.1, 1.0

    def __init__(self, mesh):
        self.mesh = mesh
        self.healthy = dict.fromkeys(mesh.sites, False)
        self.routes = dict.fromkeys(mesh.sites)  # {router: site}
        self.held = set()  # withdrawn by a test, healthy or not
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(site,), daemon=True)
                         for site in mesh.sites.values()]
        for thread in self._threads:
            thread.start()

    def close(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, site):
        while not self._stop.wait(self.EVERY_S):
            self.look(site)

    def look(self, site):
        healthy = self._is_healthy(site)
        with self._change:
            if healthy != self.healthy[site.number]:
                self.healthy[site.number] = healthy
                self._lead()

    def _is_healthy(self, site):
        hamd = site.hamd
        if site.number in self.held or hamd is None or not hamd.is_ready():
            return False
        if not hamd.has_mesh:
            return True
        try:
            return hamd.ctl.run("ready", timeout=self.PATIENCE_S).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _lead(self):
        for k, site in self.mesh.sites.items():
            to = next((other for other in self.mesh.nearest(k) if self.healthy[other]), None)
            if to == self.routes[k]:
                continue
            if to is None:
                how = ("unreachable", world.MOBILE_PREFIX)
            elif to == k:
                how = (world.MOBILE_PREFIX, "via", site.address, "dev", "r-ha")
            else:
                how = (world.MOBILE_PREFIX, "via", self.mesh.line_address(to, k), "dev",
                       f"r-r{to}")
            site.router.ip("-6", "route", "replace", *how)
            self.routes[k] = to
        self._change.notify_all()

    def hold(self, k, held=True):
        """Withdraw site k's route whatever it says, or stop doing so. At once."""
        (self.held.add if held else self.held.discard)(k)
        self.look(self.mesh.sites[k])

    def wait(self, timeout=10.0, **sites):
        """wait(site1=True, site2=False): until that is so."""
        want = {int(name.removeprefix("site")): is_up for name, is_up in sites.items()}
        with self._change:
            if not self._change.wait_for(
                    lambda: all(self.healthy[k] == up for k, up in want.items()), timeout):
                raise LabError(f"health is {self.healthy}, not {want}, after {timeout} s")
