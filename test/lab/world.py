# SPDX-License-Identifier: BSD-3-Clause
"""The topology of quickstart and of the end-to-end tests of mobility.

                      2001:db8:c::/64        2001:db8:1::/64
     correspondent cn ---------------- r ------------------- ha: hamd, 2001:db8:1::10
       2001:db8:c::2                   |   (mobile prefix 2001:db8:a::/48 lies behind it)
                      +----------------+----------------+
     2001:db8:11::/64 |                                 | 2001:db8:12::/64
                link1 +--------- mobile node mn --------+ link2
                       home address 2001:db8:a::100 on lo

More mobile nodes have links of their own: 2001:db8:21::/64 and 2001:db8:22::/64 for the second.
r, cn and the mobile nodes are kernels; hamd's interface belongs to hamd alone. add_narrow() gives
a mobile node a third link, "narrow", on a path that gets narrower twice:

     r ------------------ r2 ---------------------- mn
        2001:db8:e::/64      2001:db8:1N::/64 (13, 23)
        MTU 1400             MTU 1280 from r2 to mn
"""

import ipaddress
import re
from dataclasses import dataclass

from .mn import Link, MobileNode
from .netns import Netns
from .raw import Wire

CN = "2001:db8:c::2"
HAMD = "2001:db8:1::10"
HAMD_ROUTER = "2001:db8:1::1"
HAMD_DEV = "ha-wan"
MOBILE_PREFIX = "2001:db8:a::/48"
HA = "2001:db8:a::1"
HOA = "2001:db8:a::100"
LINKS = ("link1", "link2")


def hoa_of(number):
    """Home address of mobile node 1, 2, ..."""
    return f"2001:db8:a::{0xff + number:x}"


def coa_of(number, link):
    """Care-of address of mobile node 1, 2, ... at link 1, 2."""
    return f"2001:db8:{number}{link}::2"


class World:
    """hamd at home between a correspondent and its mobile nodes."""

    def __init__(self, lab, mobile_nodes=1, mtu=1500):
        self.lab = lab
        self.cn, self.r, self.ha = lab.ns("cn"), lab.ns("r"), lab.ns("ha")
        self.r.sysctl(net__ipv6__conf__all__forwarding=1)

        lab.link(self.cn, "cn-r", self.r, "r-cn", mtu)
        self.cn.ip("addr", "add", f"{CN}/64", "dev", "cn-r", "nodad")
        self.r.ip("addr", "add", "2001:db8:c::1/64", "dev", "r-cn", "nodad")
        self.cn.ip("-6", "route", "add", "default", "via", "2001:db8:c::1", "dev", "cn-r")

        lab.calm(self.r, "r-ha")
        lab.link(self.ha, HAMD_DEV, self.r, "r-ha", mtu)
        lab.silence(self.ha, HAMD_DEV)
        self.r.ip("addr", "add", f"{HAMD_ROUTER}/64", "dev", "r-ha", "nodad")
        self.r.ip("-6", "route", "add", MOBILE_PREFIX, "via", HAMD, "dev", "r-ha")

        self.mns = [self._mobile_node(n, mtu) for n in range(1, mobile_nodes + 1)]
        self.mn = self.mns[0]
        self.r2 = None
        lab.on_close(self._close)

    def _second_router(self):
        self.r2 = self.lab.ns("r2")
        self.r2.sysctl(net__ipv6__conf__all__forwarding=1)
        self.lab.link(self.r, "r-r2", self.r2, "r2-r", 1400)
        self.r.ip("addr", "add", "2001:db8:e::1/64", "dev", "r-r2", "nodad")
        self.r2.ip("addr", "add", "2001:db8:e::2/64", "dev", "r2-r", "nodad")
        self.r2.ip("-6", "route", "add", "default", "via", "2001:db8:e::1", "dev", "r2-r")

    def add_narrow(self, mn, number=1):
        """mn: mobile node `number`. The last hop is narrow for what comes to it only: this kernel's
        seg6 cannot fragment what it sends."""
        if self.r2 is None:
            self._second_router()
        dev, far, coa = "mn-narrow", f"r2-{number}3", coa_of(number, 3)
        router = coa[:-1] + "1"
        self.lab.link(mn.ns, dev, self.r2, far)
        self.r2.sysctl(**{f"net__ipv6__conf__{far}__mtu": 1280})
        self.r2.ip("addr", "add", f"{router}/64", "dev", far, "nodad")
        self.r.ip("-6", "route", "add", f"{coa}/64", "via", "2001:db8:e::2", "dev", "r-r2")
        mn.add_link("narrow", Link(dev, coa, router))

    def _mobile_node(self, number, mtu):
        ns = self.lab.ns("mn" if number == 1 else f"mn{number}")
        links = {}
        for i, name in enumerate(LINKS, 1):
            dev, far = f"mn-{name}", f"r-{number}{i}"
            coa = coa_of(number, i)
            router = coa[:-1] + "1"
            self.lab.link(ns, dev, self.r, far, mtu)
            self.r.ip("addr", "add", f"{router}/64", "dev", far, "nodad")
            links[name] = Link(dev, coa, router)
        return MobileNode(ns, hoa_of(number), HA, links)

    def wire(self):
        """What r and hamd say to each other, raw."""
        return Wire(self.r, "r-ha", peer=self.ha.mac(HAMD_DEV))

    def _close(self):
        for mn in self.mns:
            mn.close()


@dataclass
class Side:
    """One port of a router under test and the host behind it."""

    name: str  # the port's, as configured
    dev: str  # hamd's interface
    router: str  # hamd's address on it
    ns: Netns
    host_dev: str
    host: str

    def wire(self, hamd_ns):
        return Wire(self.ns, self.host_dev, peer=hamd_ns.mac(self.dev))


class RouterWorld:
    """A host behind each af_packet port of a configuration: PREFIX::2, or the gateway that the
    configuration's routes name. raw: names of ports whose host is a test and no kernel."""

    def __init__(self, lab, config, raw=()):
        self.lab, self.ha = lab, lab.ns("ha")
        self.sides = {}
        for n, port in enumerate(config["ports"]):
            iface = re.search(r"iface=([^,]+)", port["device"])
            if iface is None or "addresses" not in port:
                continue
            self._side(n, port, iface.group(1), config.get("routes", []), port["name"] in raw)

    def _side(self, n, port, dev, routes, raw):
        ns, host_dev = self.lab.ns(f"host{n}"), f"host-{n}"
        own = ipaddress.IPv6Interface(port["addresses"][0])
        vias = [ipaddress.IPv6Address(r["via"]) for r in routes]
        host = next((v for v in vias if v in own.network), own.network[2])
        self.lab.calm(ns, host_dev)
        self.lab.link(self.ha, dev, ns, host_dev)
        self.lab.silence(self.ha, dev)
        side = Side(port["name"], dev, str(own.ip), ns, host_dev, str(host))
        if raw:
            self.lab.silence(ns, host_dev)
        else:
            ns.ip("addr", "add", f"{host}/{own.network.prefixlen}", "dev", host_dev, "nodad")
            ns.ip("-6", "route", "add", "default", "via", side.router, "dev", host_dev)
        self.sides[side.name] = side
