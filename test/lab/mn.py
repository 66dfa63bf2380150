# SPDX-License-Identifier: BSD-3-Clause
"""A mobile node in a namespace of its own.

Signalling is scapy's, the data path the kernel's, so that neither end of the tunnel shares a
line with hamd. Where a kernel has ip6_tunnel a mobile node uses that; seg6 is in more of them
and does the same on the wire: encap.red with a single segment is plain IPv6-in-IPv6, End.DT6
takes it out again.

The care-of addresses are ordinary addresses of the interfaces (the kernel answers neighbour
discovery for them), so what is tunnelled to them would end in the kernel's own stack: nftables
marks it, a rule ahead of the local table sends the mark to End.DT6, which delivers the inner
packet to the home address on lo. IPv6-in-IPv6 from anyone but the home agent is dropped and
counted. This kernel knows neither routing header type 2 nor the Mobility Header and would
answer with parameter problems what is meant for the signalling side: dropped and counted too.
"""

import secrets
from dataclasses import dataclass

from . import mip6
from .raw import Wire, send_ip6
from .shell import LabError

MARK, TABLE = 41, 41

RULES = """
table ip6 mn {{
	counter tunnelled {{ }}
	counter stray {{ }}
	counter signalling {{ }}
	set agents {{
		type ipv6_addr
		elements = {{ {ha} }}
	}}
	chain in {{
		type filter hook prerouting priority -300
		meta l4proto 135 counter name signalling drop
		rt type 2 counter name signalling drop
		meta l4proto 41 ip6 saddr != @agents counter name stray drop
		meta l4proto 41 counter name tunnelled meta mark set {mark}
	}}
}}
"""


DEFRAGMENT = """
table ip6 whole {
	chain in {
		type filter hook prerouting priority -300
		ct state invalid counter
	}
}
"""


@dataclass
class Link:
    """A visited link as the mobile node has it."""

    dev: str
    coa: str
    router: str


class MobileNode:
    """links: {name: Link}. The mobile node has an interface on each at the same time and uses
    one: moving is switching the care-of address."""

    def __init__(self, ns, hoa, ha, links):
        self.ns, self.hoa, self.ha, self.links = ns, hoa, ha, {}
        self.link = None  # where its tunnel is now
        self.seq = secrets.randbelow(0x10000)
        self.seqs = {}  # of other home agents: {address: number}
        self.wires = {}
        ns.sysctl(net__ipv6__conf__all__seg6_enabled=1)
        ns.ip("addr", "add", f"{hoa}/128", "dev", "lo", "nodad")
        ns.nft(RULES.format(ha=ha, mark=MARK))
        # The local table moves back, to let the mark come first.
        ns.ip("-6", "rule", "add", "pref", 5, "fwmark", MARK, "lookup", TABLE)
        ns.ip("-6", "rule", "add", "pref", 10, "lookup", "local")
        ns.ip("-6", "rule", "del", "pref", 0)
        for name, link in links.items():
            self.add_link(name, link)

    def add_link(self, name, link):
        """The interface is there and up."""
        self.links[name] = link
        self.ns.sysctl(**{f"net__ipv6__conf__{link.dev}__seg6_enabled": 1})
        self.ns.ip("addr", "add", f"{link.coa}/64", "dev", link.dev, "nodad")
        self.ns.ip("-6", "route", "add", f"{link.coa}/128", "encap", "seg6local", "action",
                   "End.DT6", "table", 255, "dev", link.dev, "table", TABLE)

    def use_agent(self, ha, keep=()):
        """Another home agent address from the next Binding Update on, with numbers of its own
        (RFC 6275, 11.1). Tunnel packets from it are taken, and from those in `keep`."""
        self.seqs[self.ha] = self.seq
        self.ha = ha
        self.seq = self.seqs.get(ha, secrets.randbelow(0x10000))
        self.ns.nft("flush set ip6 mn agents\n"
                    f"add element ip6 mn agents {{ {', '.join({ha, *keep})} }}")

    def defragment(self):
        """Tunnel packets that came in fragments are put together by the kernel before the rules
        above see them: connection tracking wants to see whole packets."""
        self.ns.nft(DEFRAGMENT)

    def close(self):
        for wire in self.wires.values():
            wire.close()
        self.wires.clear()

    @property
    def coa(self):
        return self.link.coa

    def wire(self, link):
        if link.dev not in self.wires:
            self.wires[link.dev] = Wire(self.ns, link.dev)
        return self.wires[link.dev]

    # --- the data path ---

    def attach(self, link, mtu=None, advmss=None):
        """Send through the tunnel from this link from now on. `link` is a name."""
        self.link = self.links[link]
        at = self.link
        self.ns.ip("sr", "tunsrc", "set", at.coa)
        self.ns.ip("-6", "route", "replace", f"{self.ha}/128", "via", at.router, "dev", at.dev,
                   "src", at.coa)
        extra = []
        if mtu:
            extra += ["mtu", mtu]
        if advmss:
            extra += ["advmss", advmss]
        self.ns.ip("-6", "route", "replace", "default", "encap", "seg6", "mode", "encap.red",
                   "segs", self.ha, "dev", at.dev, "src", self.hoa, *extra)

    def counter(self, name):
        """Packets: "tunnelled" from the home agent, "stray" from anyone else, "signalling"."""
        return self.ns.nft_packets("mn", name)

    # --- signalling ---

    def update(self, link=None, lifetime_s=600, timeout=3.0, seq=None, step=1, meanwhile=None,
               **message):
        """One Binding Update from a link, whatever becomes of it. `message` overrides
        mip6.binding_update's arguments; meanwhile() runs between question and answer. Returns
        the BindingAck that arrives at the link's interface, or None."""
        at = self.links[link] if link else self.link
        if seq is None:
            self.seq = (self.seq + step) & 0xffff
            seq = self.seq
        args = {"hoa": self.hoa, "coa": at.coa, "ha": self.ha, **message}
        pkt = bytes(mip6.binding_update(seq=seq, lifetime_s=lifetime_s, **args))
        self.native(at, args["ha"])
        wire = self.wire(at)
        wire.flush()
        send_ip6(self.ns, pkt)
        if meanwhile:
            meanwhile()
        got = wire.expect(lambda p: mip6.read_ba(p) is not None, timeout,
                          first=(mip6.PROTO_ROUTING, mip6.PROTO_MH))
        return mip6.read_ba(got) if got is not None else None

    def native(self, link, ha=None):
        """The home agent itself is reached past the tunnel, from the link given."""
        self.ns.ip("-6", "route", "replace", f"{ha or self.ha}/128", "via", link.router, "dev",
                   link.dev, "src", link.coa)

    def register(self, link, lifetime_s=600, attach=True, tries=1, **message):
        """Register at a link and send through the tunnel from there. The answer must be an
        acceptance. tries: so often it is said while there is no answer, each time with the next
        number (RFC 6275, 11.8)."""
        ba = None
        for attempt in range(tries):
            if attempt:
                print(f"{self.hoa} at {link}: no answer, again")
            ba = self.update(link, lifetime_s, **message)
            if ba is not None:
                break
        if ba is None:
            raise LabError(f"{self.hoa} at {link}: no Binding Acknowledgement")
        if ba.status >= 128:
            raise LabError(f"{self.hoa} at {link}: refused with status {ba.status}")
        if attach:
            self.attach(link)
        return ba

    def move(self, link, lifetime_s=600, tries=1):
        """A mobile node at a new link has left the old one: it sends from the new care-of address
        behind its Binding Update; what is still on its way to the old one is taken."""
        return self.register(link, lifetime_s, attach=False, tries=tries,
                             meanwhile=lambda: self.attach(link))

    def deregister(self, **message):
        """From away: lifetime 0 through the link in use."""
        return self.update(lifetime_s=0, **message)
