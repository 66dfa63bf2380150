# SPDX-License-Identifier: BSD-3-Clause
"""What Pktgen sends, and the hamd it is meant for.

Pktgen's "tx" port stands for the correspondents' side, its "rx" port for the side of the mobile
nodes; each is a router, one hop away from a port of hamd's of its own. Mobile node n has home
address n in one /64; its care-of address in round r of Binding Updates is one of four.

Pktgen answers no neighbour solicitation. Captures bring the answers unasked: "asides"."""

import ipaddress

import packets
from scenario import (CARE_OF, CORRESPONDENT, HA, HOME, LIFETIME_S, PORT, ROUTER,
                      SIGNALLING_PORT as MN_PORT)

MN_ROUTER = "2001:db8:2::1"
CN_MAC, MN_MAC = "02:00:00:00:01:01", "02:00:00:00:01:02"  # hamd's ports on memif
ROUTER_MACS = bytes.fromhex("020000009901"), bytes.fromhex("020000009902")

MAX_BINDINGS = 4096
ROUNDS = 4  # of Binding Updates; a quarter of the sequence numbers from each to the next
TURNS = 4  # of all mobile nodes in a capture of data, so that asides are rare in it
ASIDE_EVERY = 64  # frames of a round of Binding Updates
FCS = 4
TUNNEL = packets.IP6
SMALL, LARGE = 78, 1518
CHURN = 128  # what comes out of its tunnel is longer than any acknowledgement
IMIX = ((SMALL, 28), (570, 16), (LARGE, 4))


def _mac(text):
    return bytes.fromhex(text.replace(":", ""))


def _node(base, n, subnet=0):
    return str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(base)) + (subnet << 64)
                                     + 0x100 + n))


def sequence(r):
    return (r % ROUNDS + 1) * (65536 // ROUNDS) % 65536


class Plan:
    """macs: of hamd's ports, on the correspondents' and on the mobile nodes' side; largest: octets
    of a frame, checksum included, before it is tunnelled."""

    def __init__(self, bindings, macs=(CN_MAC, MN_MAC), largest=LARGE):
        self.bindings, self.largest = bindings, largest
        self.cn_mac, self.mn_mac = map(_mac, macs)

    # Frames. Sizes count the checksum, as RFC 2544 does; captures do not have it.

    def octets(self, size, n):
        if size == "imix":
            n %= sum(count for _, count in IMIX)
            for size, count in IMIX:
                if n < count:
                    break
                n -= count
        return min(size, self.largest) - FCS

    def cn_aside(self):
        return packets.advertisement(ROUTER, ROUTER_MACS[0], PORT, self.cn_mac)

    def mn_aside(self):
        return packets.advertisement(MN_ROUTER, ROUTER_MACS[1], MN_PORT, self.mn_mac)

    def to_mobile(self, size):
        def make(n):
            return packets.plain(n, self.cn_mac, CORRESPONDENT, _node(HOME, n % self.bindings),
                                 self.octets(size, n))
        return make

    def from_mobile(self, size, r):
        """r: the round whose care-of addresses are in force."""
        def make(n):
            node = n % self.bindings
            return packets.tunnelled(n, self.mn_mac, _node(CARE_OF, node, r % ROUNDS), HA,
                                     _node(HOME, node), CORRESPONDENT, self.octets(size, n))
        return make

    def data(self, make, aside=None):
        """Frames of a capture: every mobile node some times; the first is the aside, if any."""
        frames = [make(n) for n in range(self.bindings * TURNS)]
        if aside:
            frames[0] = aside
        return frames

    def round(self, r):
        """Binding Updates of all mobile nodes, an aside before each so many."""
        frames = []
        for n in range(self.bindings):
            if n % (ASIDE_EVERY - 1) == 0:
                frames.append(self.mn_aside())
            frames.append(packets.binding_update(
                self.mn_mac, _node(CARE_OF, n, r % ROUNDS), HA, _node(HOME, n), sequence(r),
                LIFETIME_S))
        return frames

    def round_frames(self):
        return self.bindings + -(-self.bindings // (ASIDE_EVERY - 1))

    def updates(self, r):
        """A capture that turns forever, beginning with round r."""
        return [frame for i in range(ROUNDS) for frame in self.round(r + i)]

    # hamd

    def config(self, cn_device, mn_device, runtime, mtu):
        return {
            "runtime": {"max-bindings": max(1000, self.bindings), **runtime},
            "ports": [{"name": name, "device": device, "mtu": mtu, "dad": False,
                       "addresses": [f"{address}/64"]}
                      for name, device, address in (("correspondents", cn_device, PORT),
                                                    ("mobile", mn_device, MN_PORT))],
            "routes": [{"prefix": "::/0", "via": ROUTER},
                       {"prefix": f"{CARE_OF}/48", "via": MN_ROUTER}],
            "domains": [{
                "name": "home", "mobile-prefixes": [f"{HOME}/48"], "home-agent-address": HA,
                "lifetime-max-s": LIFETIME_S,
                "limits": {"bu-per-s": 1000000, "bu-per-s-per-source": 1000000},
                "subscribers": {"ranges": [{"home-addresses": f"{HOME}/48",
                                            "auth": {"type": "none"}}]}}]}
