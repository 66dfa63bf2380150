# SPDX-License-Identifier: BSD-3-Clause
"""Bad input: truncated and bit-flipped packets of every kind through a running hamd, without a
crash and without a packet buffer lost. The fixture `home` checks both at the module's end, each
test checks that the mobile node's traffic still flows."""

import random
import struct

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import (HBHOptUnknown, ICMPv6DestUnreach, ICMPv6EchoReply,
                                ICMPv6EchoRequest, ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6ParamProblem,
                                ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, MIP6MH_BA, MIP6MH_BE,
                                MIP6MH_BRR, MIP6MH_CoT, MIP6MH_CoTI, MIP6MH_HoT,
                                MIP6MH_HoTI, MIP6OptAltCoA, MIP6OptBindingAuthData,
                                MIP6OptNonceIndices)
from scapy.packet import Raw

from lab import mip6
from lab.raw import checksum
from lab.shell import until
from lab.world import CN, HA, HAMD, HAMD_ROUTER, HOA

SEED = 20260101
FLIPS = 150  # per kind of packet
COA = "2001:db8:11::2"
CONFIG = {"domain": {"limits": {"bu-per-s-per-source": 100000, "bu-burst-per-source": 100000,
                                "bu-per-s": 100000}},
          "icmp": {"errors-per-s": 100000, "burst": 100000}}
LINK_LOCAL = "fe80::5:5"


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
        "hao data": away(HAMD) / ICMPv6EchoRequest(data=b"h" * 8),
        "ns": nd / ICMPv6ND_NS(tgt=HAMD) / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:05:05"),
        "na": nd / ICMPv6ND_NA(tgt=LINK_LOCAL, S=1)
        / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:05:05"),
        "ra": IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255) / ICMPv6ND_RA(),
        "redirect": nd / ICMPv6ND_Redirect(tgt=LINK_LOCAL, dst=CN),
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


def feed(home, frames):
    """Into hamd at a pace that it takes: what is lost on the way is not tested."""
    eth = bytes.fromhex((home.ha_mac + home.wire.mac).replace(":", "")) + b"\x86\xdd"
    start = home.ctl.counters()["rx_packets"]
    for n, pkt in enumerate(frames, 1):
        home.wire.send(eth + pkt)
        if n % 128 == 0:
            until("hamd to take what was sent",
                  lambda n=n: home.ctl.counters()["rx_packets"] - start >= n - 200, 10, 0.005)
        if n % 1024 == 0:
            home.wire.flush()
    return n


@pytest.fixture(scope="module")
def hostile(home):
    with home.world.wire() as wire:
        home.wire, home.ha_mac = wire, wire.peer
        yield home


@pytest.fixture(autouse=True)
def still_works(hostile):
    """Before and after each storm: registered, and a ping through the tunnel."""
    mn = hostile.mn
    ba = mn.update("link1")
    if ba.status == mip6.SEQUENCE_OUT_OF_WINDOW:
        mn.seq = ba.seq
        ba = mn.update("link1")
    assert ba.status == 0
    mn.attach("link1")
    yield
    assert hostile.hamd.is_running()
    # A forged de-registration counts as the mobile node's own: it registers again.
    ba = mn.update("link1")
    if ba is None or ba.status == mip6.SEQUENCE_OUT_OF_WINDOW:
        mn.seq = ba.seq if ba else mn.seq
        ba = mn.update("link1")
    assert ba is not None and ba.status == 0
    until("ping through the tunnel", lambda: hostile.cn.ping(HOA, count=1)[0] == 1, 10)


def test_every_kind_as_it_is(hostile):
    feed(hostile, KINDS.values())


def test_truncated(hostile):
    """Each kind cut at each octet: the payload length as it was, and as it would be."""
    for pkt in KINDS.values():
        feed(hostile, [pkt[:n] for n in range(len(pkt))]
             + [with_length(pkt[:n]) for n in range(40, len(pkt))])


def test_flipped(hostile):
    """Bits anywhere, one to four of them."""
    rnd = random.Random(SEED)
    for pkt in KINDS.values():
        frames = []
        for _ in range(FLIPS):
            b = bytearray(pkt)
            for _ in range(rnd.randint(1, 4)):
                bit = rnd.randrange(len(b) * 8)
                b[bit // 8] ^= 1 << bit % 8
            frames.append(bytes(b))
        feed(hostile, frames)


@pytest.mark.parametrize("kind,offset,src", [
    ("bu", 64, HOA), ("bu with options", 64, HOA), ("bu from home", 40, HOA), ("ba", 64, HOA),
    ("be", 64, HOA), ("hoti", 40, COA), ("ns", 40, LINK_LOCAL), ("na", 40, LINK_LOCAL),
    ("redirect", 40, LINK_LOCAL), ("too big about a tunnel", 40, CN),
    ("param problem about a tunnel", 40, CN)])
def test_flipped_behind_a_right_checksum(hostile, kind, offset, src):
    """The same behind the checksum, where decoders and rules are."""
    rnd = random.Random(f"{SEED} {kind}")
    pkt, frames = KINDS[kind], []
    for _ in range(FLIPS * 4):
        b = bytearray(pkt)
        for _ in range(rnd.randint(1, 3)):
            b[rnd.randrange(offset, len(b))] = rnd.choice((0, 1, 0x7f, 0x80, 0xff,
                                                           rnd.randrange(256)))
        if kind.startswith("bu"):
            b[offset] = 59
            b[offset + 2] = 5
        if rnd.random() < 0.2:
            b = b[:rnd.randrange(offset + 8, len(b) + 1)]
        frames.append(with_length(resealed(bytes(b), offset, src, kind)))
    feed(hostile, frames)


def test_random_octets(hostile):
    """Behind a sound IPv6 header: every next header, random octets."""
    rnd = random.Random(SEED + 1)
    head = {dst: bytes(IPv6(src=COA, dst=dst)) for dst in (HA, HAMD, HOA, CN)}
    frames = []
    for dst, ip in head.items():
        for nh in range(256):
            body = rnd.randbytes(rnd.choice((0, 1, 7, 8, 39, 40, 41, 200, 1400)))
            frames.append(with_length(ip[:6] + bytes([nh]) + ip[7:] + body))
    feed(hostile, frames)


def test_chains_of_headers(hostile):
    """Long chains, options that fill the packet, tunnels in tunnels: all bounded."""
    ip = IPv6(src=COA, dst=HA)
    many = bytes([60, 0, 1, 4, 0, 0, 0, 0])
    frames = [with_length(bytes(IPv6(src=COA, dst=HA, nh=60)) + many * n)
              for n in (1, 8, 9, 50, 180)]
    frames += [with_length(bytes(IPv6(src=COA, dst=HA, nh=60)) + bytes([59, n]) + b"\0" * (8 * n + 6))
               for n in (1, 63, 64, 150)]
    for depth in (2, 4, 8, 20):
        pkt = IPv6(src=HOA, dst=CN) / UDP()
        for _ in range(depth):
            pkt = IPv6(src=HOA, dst=HA) / pkt
        frames.append(bytes(ip / pkt))
    for depth in (2, 8, 20):
        pkt = UDP() / Raw(b"deep")
        for _ in range(depth):
            pkt = IPv6(src=CN, dst=HOA) / pkt
        frames.append(bytes(pkt))
    feed(hostile, frames * 20)
