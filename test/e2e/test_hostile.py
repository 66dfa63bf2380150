# SPDX-License-Identifier: BSD-3-Clause
"""Bad input: truncated and bit-flipped packets of every kind through a running hamd, without a
crash and without a packet buffer lost. The fixture `home` checks both at the module's end, each
test checks that the mobile node's traffic still flows."""

import random

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from lab import mip6
from lab.kinds import COA, KINDS, LINK_LOCAL, resealed, with_length
from lab.shell import until
from lab.world import CN, HA, HAMD, HOA

SEED = 20260101
FLIPS = 150  # per kind of packet
CONFIG = {"domain": {"limits": {"bu-per-s-per-source": 100000, "bu-burst-per-source": 100000,
                                "bu-per-s-per-mobile-node": 100000,
                                "bu-burst-per-mobile-node": 100000, "bu-per-s": 100000,
                                "haad-per-s-per-source": 100000, "haad-burst-per-source": 100000,
                                "haad-per-s": 100000}},
          "icmp": {"errors-per-s": 100000, "burst": 100000}, "reassembly": {"timeout-ms": 1000}}


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
    ("param problem about a tunnel", 40, CN), ("haad", 40, COA),
    ("mps with option", 64, HOA)])
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
