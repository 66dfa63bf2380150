# SPDX-License-Identifier: BSD-3-Clause
"""One valid packet of every kind that reaches a home agent, and mutations of them: what hostile
tests start from."""

import random
import struct

from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import (HAO, HBHOptUnknown,
                                MIP6MH_BU, MIP6OptReplayProtection, MIP6OptUnknown, ICMPv6DestUnreach, ICMPv6EchoReply,
                                ICMPv6EchoRequest, ICMPv6HAADReply, ICMPv6HAADRequest,
                                ICMPv6MLReport2, ICMPv6MPAdv, ICMPv6MPSol, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6ParamProblem,
                                ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, MIP6MH_BA, MIP6MH_BE,
                                MIP6MH_BRR, MIP6MH_CoT, MIP6MH_CoTI, MIP6MH_HoT,
                                MIP6MH_HoTI, MIP6OptAltCoA, MIP6OptBindingAuthData,
                                MIP6OptNonceIndices)
from scapy.packet import Raw

from . import mip6
from .raw import checksum
from .world import CN, HA, HAMD, HAMD_ROUTER, HOA

COA = "2001:db8:11::2"
LINK_LOCAL = "fe80::5:5"
HOME_AGENTS = "2001:db8:a:0:fdff:ffff:ffff:fffe"  # RFC 2526


def limit(n):
    return IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=4, optdata=bytes([n]))])


def kinds():
    """{name: a valid packet to or through hamd, as octets}."""
    away = lambda dst=HA: mip6.with_hao(COA, HOA, dst)
    to_us = IPv6(src=CN, dst=HAMD)
    tunnel = IPv6(src=COA, dst=HA)
    from_mn, to_mn = IPv6(src=HOA, dst=CN), IPv6(src=CN, dst=HOA)
    nd = IPv6(src=LINK_LOCAL, dst=HAMD, hlim=255)
    quoted = IPv6(src=HA, dst=COA) / IPv6(src=CN, dst=HOA) / UDP() / Raw(b"q" * 40)
    bu = mip6.binding_update(HOA, COA, HA, 1)
    every = {
        "udp through": IPv6(src=HAMD_ROUTER, dst=CN) / UDP() / Raw(b"u" * 16),
        "udp to mn": to_mn / UDP(dport=4001) / Raw(b"u" * 16),
        "tcp to mn": to_mn / TCP(flags="S"),
        "echo to us": to_us / ICMPv6EchoRequest(data=b"e" * 24),
        "echo reply to us": to_us / ICMPv6EchoReply(data=b"e" * 24),
        "tcp to us": to_us / TCP(),
        "hop by hop": to_us / IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x1e, optdata=b"12")])
        / ICMPv6EchoRequest(),
        "dest options": to_us / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1e)] * 5)
        / ICMPv6EchoRequest(),
        "rh0": to_us / IPv6ExtHdrRouting(type=0, segleft=1, addresses=[CN, HOA]) / UDP(),
        "rh2": to_us / IPv6ExtHdrRouting(type=2, segleft=1, addresses=[HOA]) / UDP(),
        "fragment": to_us / IPv6ExtHdrFragment(m=1, id=9) / Raw(b"f" * 40),
        "chain": to_us / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()
        / IPv6ExtHdrRouting(type=0, segleft=0, addresses=[]) / IPv6ExtHdrFragment(m=0)
        / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest(),
        "tunnel": tunnel / from_mn / UDP() / Raw(b"t" * 16),
        "tunnel to mn": to_mn / IPv6(src=CN, dst=HOA) / UDP() / Raw(b"n" * 16),
        "tunnel with limit": tunnel / limit(4) / from_mn / UDP(),
        "nested with limit": to_mn / limit(1) / IPv6(src=CN, dst=HOA) / UDP(),
        "tunnel in tunnel": tunnel / IPv6(src=HOA, dst=HA) / from_mn / UDP(),
        "to itself": tunnel / IPv6(src=HOA, dst=HOA) / UDP() / Raw(b"s" * 8),
        "bu": bu,
        "bu in tunnel": tunnel / bu,
        "bu with options": mip6.binding_update(HOA, COA, HA, 1, options=[
            MIP6OptNonceIndices(olen=4, hni=1, coni=2), MIP6OptAltCoA(acoa=COA),
            MIP6OptBindingAuthData(authenticator=7)]),
        "bu from home": mip6.binding_update(HOA, HOA, HA, 1, 0, hao=False, src=HOA),
        "ba": away() / MIP6MH_BA(), "be": away() / MIP6MH_BE(ha=HOA),
        "brr": IPv6(src=COA, dst=HA) / MIP6MH_BRR(), "hoti": tunnel / MIP6MH_HoTI(),
        "coti": tunnel / MIP6MH_CoTI(), "hot": to_mn / MIP6MH_HoT(), "cot": tunnel / MIP6MH_CoT(),
        "haad reply": to_us / ICMPv6HAADReply(addresses=[HA]),
        "mpa": away() / ICMPv6MPAdv(),
        "mps with option": away() / ICMPv6MPSol() / Raw(b"\x7f\x02" + b"o" * 14),
        "bu to anycast": mip6.binding_update(HOA, COA, HOME_AGENTS, 1),
        "hao data": away(HAMD) / ICMPv6EchoRequest(data=b"h" * 8),
        "ns": nd / ICMPv6ND_NS(tgt=HAMD) / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:05:05"),
        "na": nd / ICMPv6ND_NA(tgt=LINK_LOCAL, S=1)
        / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:05:05"),
        "ra": IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255) / ICMPv6ND_RA(),
        "redirect": nd / ICMPv6ND_Redirect(tgt=LINK_LOCAL, dst=CN),
        "ba through": to_mn / IPv6ExtHdrRouting(type=2, segleft=1, addresses=[HOA]) / MIP6MH_BA(),
        "hao and rh2": IPv6(src=COA, dst=HA) / IPv6ExtHdrRouting(type=2, segleft=1, addresses=[HOA])
        / IPv6ExtHdrDestOpt(options=[HAO(hoa=HOA)]) / MIP6MH_BU(seq=9, flags="AH", mhtime=9),
        "bu in fragments": IPv6(src=COA, dst=HA) / IPv6ExtHdrDestOpt(options=[HAO(hoa=HOA)])
        / IPv6ExtHdrFragment(m=1, id=11, nh=135) / Raw(bytes(bu)[64:80]),
        "tunnel in fragments": tunnel / IPv6ExtHdrFragment(m=1, id=12, nh=41) / from_mn / UDP()
        / Raw(b"f" * 32),
        "last fragment": tunnel / IPv6ExtHdrFragment(m=0, offset=11, id=12, nh=41) / Raw(b"l" * 21),
        "signed bu": mip6.binding_update(HOA, COA, HA, 1, options=[
            MIP6OptReplayProtection(timestamp=1 << 63),
            MIP6OptUnknown(otype=9, odata=b"\1" + bytes([0, 0, 1, 0]) + b"m" * 12)]),
        "haad": IPv6(src=COA, dst=HOME_AGENTS) / ICMPv6HAADRequest(id=7, R=0),
        "mps": away() / ICMPv6MPSol(id=8),
        "mld": IPv6(src=LINK_LOCAL, dst="ff02::16", hlim=1) / ICMPv6MLReport2(),
    }
    for name, error in (("unreachable", ICMPv6DestUnreach(code=3)),
                        ("too big", ICMPv6PacketTooBig(mtu=1400)),
                        ("time exceeded", ICMPv6TimeExceeded()),
                        ("param problem", ICMPv6ParamProblem(ptr=42))):
        every[f"{name} about a tunnel"] = IPv6(src=CN, dst=HA) / error / quoted
        every[f"{name} to mn"] = to_mn / error / IPv6(src=HOA, dst=CN) / UDP() / Raw(b"q" * 8)
    return {name: bytes(pkt) for name, pkt in every.items()}


KINDS = kinds()
MOBILITY = {"bu", "bu with options", "bu from home", "ba", "be", "hoti"}


def with_length(pkt):
    """The payload length says what is there."""
    return pkt[:4] + struct.pack("!H", len(pkt) - 40) + pkt[6:] if len(pkt) >= 40 else pkt


def resealed(pkt, at, src, kind):
    """Mobility Header or ICMPv6 at `at` with the right checksum: past the first gate."""
    where, proto = (at + 4, 135) if kind in MOBILITY else (at + 2, 58)
    pkt = pkt[:where] + b"\0\0" + pkt[where + 2:]
    dst = "%x:%x:%x:%x:%x:%x:%x:%x" % struct.unpack("!8H", pkt[24:40])
    return pkt[:where] + checksum(src, dst, proto, pkt[at:]).to_bytes(2, "big") + pkt[where + 2:]


# --- mutations ---

ODD = (0, 1, 2, 7, 8, 0x29, 0x2b, 0x2c, 0x3a, 0x3b, 0x3c, 0x7f, 0x80, 0x87, 0xc9, 0xfe, 0xff)
EXTENSIONS = (0, 43, 44, 51, 60)
TUNNELS = [bytes(IPv6(src=src, dst=dst, nh=41)) for src, dst in
           ((COA, HA), (HOA, HA), (CN, HOA), (HA, COA))]


class Mutator:
    """Endless distinct mutants of some packets, the same ones for the same seed."""

    def __init__(self, seeds, seed):
        self.rnd = random.Random(seed)
        self.seeds = list(seeds)
        self.seen = set()
        self.ways = [self.flip, self.poke, self.cut, self.repeat, self.splice, self.wrap,
                     self.extend, self.fragment]

    def take(self, n):
        """n mutants that none of those before was equal to: it counts hashes."""
        while n > 0:
            pkt = self.mutant()
            if hash(pkt) in self.seen:
                continue
            self.seen.add(hash(pkt))
            n -= 1
            yield pkt

    def mutant(self):
        rnd = self.rnd
        b = bytearray(rnd.choice(self.seeds))
        for _ in range(rnd.choice((1, 1, 1, 2, 2, 3, 5))):
            rnd.choice(self.ways)(b)
        if len(b) >= 40 and rnd.random() < 0.9:
            b[4:6] = (len(b) - 40 & 0xffff).to_bytes(2, "big")
        if rnd.random() < 0.8:
            seal(b)
        return bytes(b[:1500])

    def at(self, b, least=0):
        """Some place, more often behind the addresses, where nothing is compared."""
        start = 40 if len(b) > 48 and self.rnd.random() < 0.8 else least
        return self.rnd.randrange(min(start, len(b)), len(b) + 1)

    def flip(self, b):
        for _ in range(self.rnd.randint(1, 4)):
            if b:
                bit = self.rnd.randrange(len(b) * 8)
                b[bit // 8] ^= 1 << bit % 8

    def poke(self, b):
        for _ in range(self.rnd.randint(1, 3)):
            i = self.at(b)
            if i < len(b):
                b[i] = self.rnd.choice(ODD) if self.rnd.random() < 0.8 else self.rnd.randrange(256)

    def cut(self, b):
        del b[self.at(b):]

    def repeat(self, b):
        i, n = self.at(b), 8 * self.rnd.randint(1, 6)
        b[i:i] = b[i:i + n] * self.rnd.choice((1, 1, 2, 8))

    def splice(self, b):
        other = self.rnd.choice(self.seeds)
        b[self.at(b):] = other[self.rnd.randrange(len(other)):]

    def wrap(self, b):
        b[:0] = with_length(self.rnd.choice(TUNNELS) + bytes(b))[:40]

    def extend(self, b):
        """An extension header behind the IPv6 header, sound or not."""
        if len(b) < 40:
            return
        n = self.rnd.choice((0, 0, 0, 1, 2, 30))
        kind = self.rnd.choice(EXTENSIONS)
        body = (bytes([b[6], n, 1, 8 * n + 4]) + bytes(8 * n + 4) if self.rnd.random() < 0.6
                else bytes([b[6], n]) + self.rnd.randbytes(8 * n + 6))
        b[6] = kind
        b[40:40] = body

    def fragment(self, b):
        """A part of it, as a fragment of it."""
        if len(b) < 64:
            return
        first = 40 + 8 * self.rnd.randint(0, (len(b) - 40) // 8)
        end = min(len(b), first + 8 * self.rnd.randint(1, 20))
        more = end < len(b) or self.rnd.random() < 0.2
        frag = struct.pack("!BBHI", b[6], 0, first - 40 | more, self.rnd.randint(1, 8))
        b[6] = 44
        b[40:] = frag + b[first:end]


def seal(b):
    """The right checksum into a Mobility Header or ICMPv6 message, where one is found behind
    headers that are in order; over the home address where there is one."""
    at, proto, src = 40, b[6] if len(b) >= 40 else 59, bytes(b[8:24])
    while proto in (0, 43, 60) and at + 8 <= len(b):
        if proto == 60 and b[at + 1] == 2 and b[at + 6] == 0xc9:
            src = bytes(b[at + 8:at + 24])
        proto, at = b[at], at + 8 * (b[at + 1] + 1)
    where = {135: 4, 58: 2}.get(proto)
    if where is None or at + where + 2 > len(b):
        return
    b[at + where:at + where + 2] = b"\0\0"
    total = len(b) - at + proto
    for part in (src, bytes(b[24:40]), bytes(b[at:]) + bytes(len(b) - at & 1)):
        total += sum(struct.unpack(f"!{len(part) // 2}H", part))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    b[at + where:at + where + 2] = (~total & 0xffff).to_bytes(2, "big")
