# SPDX-License-Identifier: BSD-3-Clause
"""Fragments addressed to hamd (RFC 8200, 4.5; RFC 5722): tunnel packets, signalling and echo
requests in fragments of every order, cut by a kernel or by hand; what is refused, and how; floods
that must not hurt those who are in order."""

import fcntl
import itertools
import os
import random
import select
import socket
import struct
import threading

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (HAO, HBHOptUnknown, ICMPv6EchoRequest, ICMPv6ND_NS, IPv6,
                                IPv6ExtHdrDestOpt, MIP6MH_BU, MIP6OptAltCoA, MIP6OptUnknown)
from scapy.packet import Raw

from lab import mip6
from lab.raw import Wire, fragments, icmp6, is_icmp6, send_ip6
from lab.shell import until
from lab.transfer import Transfer
from lab.world import CN, HA, HAMD, HOA

TIMEOUT_MS = 2000  # who stands still for so long loses what waits
CONFIG = {"domain": {"tcp-mss-clamp": "off"}, "reassembly": {"timeout-ms": TIMEOUT_MS},
          "icmp": {"errors-per-s": 1000000, "burst": 1000000}}
TIME_EXCEEDED, PARAM_PROBLEM, ECHO_REPLY = 3, 4, 129


@pytest.fixture(scope="module")
def wire(home):
    with home.world.wire() as it:
        yield it


@pytest.fixture(autouse=True)
def registered(home):
    home.mn.register("link1")
    home.mn.native(home.mn.link)


def held(home):
    return sum(row["fragments-held"] for row in home.ctl.show("lcores"))


def numbers(start):
    """Identifications, never twice in this module."""
    return itertools.count(start << 16)


def inner(data, dst=CN):
    return bytes(IPv6(src=HOA, dst=dst) / UDP(sport=4000, dport=9) / Raw(data))


def outer(packet, coa, dst=HA):
    return bytes(IPv6(src=coa, dst=dst, nh=41) / Raw(packet))


def sent_and_seen(home, send, wanted):
    """Which of the payloads in `wanted` arrive at the correspondent while send() runs, each how
    often."""
    seen = {}
    with Wire(home.cn, "cn-r") as cn:
        send()
        for frame in cn.frames(15.0):
            if frame[20:21] == b"\x11":
                seen[frame[62:]] = seen.get(frame[62:], 0) + 1
            if len(seen) >= len(wanted):
                break
    return seen


# --- tunnel packets ---

def test_every_order(home):
    """Inner packets of 1500 octets, outer ones of 1540 in three fragments: every order, the first
    from 8 to 1448 octets long."""
    rnd, ident = random.Random(1), numbers(1)
    packets, wanted = [], {}
    for first in range(8, 1449, 96):
        second = first + 8 * rnd.randint(1, (1496 - first) // 8)
        for order in itertools.permutations(range(3)):
            data = rnd.randbytes(1500 - 48)
            pieces = fragments(outer(inner(data), home.mn.coa), first, second, ident=next(ident))
            assert len(pieces) == 3
            packets += [pieces[i] for i in order]
            wanted[data] = 1
    first = b"neighbours on the way know each other"  # few packets wait for that
    assert sent_and_seen(home, lambda: send_ip6(home.mn.ns, outer(inner(first), home.mn.coa)),
                         [first]) == {first: 1}
    before = home.ctl.counters(), home.ctl.drops(), home.ctl.binding(HOA)
    seen = sent_and_seen(home, lambda: [send_ip6(home.mn.ns, p) for p in packets], wanted)
    after = home.ctl.counters(), home.ctl.drops(), home.ctl.binding(HOA)
    assert seen == wanted
    moved = {name: after[0][name] - before[0][name] for name in after[0]}
    assert moved["fragments"] == moved["fragments_joined"] == len(packets)
    assert moved["reassembled"] == moved["decapsulated"] == len(wanted)
    assert after[1] == before[1]
    for name, each in (("packets-from", 1), ("bytes-from", 1500)):
        assert after[2][name] - before[2][name] == each * len(wanted)


class FragmentingTunnel:
    """The mobile node's way out by a kernel that cuts tunnel packets: inner packets come from a
    TUN device, a raw socket that may fragment puts the outer header in front."""

    def __init__(self, mn, name="mn-tun"):
        self.mn = mn
        with mn.ns.inside():
            self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(self.fd, 0x400454ca, struct.pack("16sH", name.encode(), 0x1001))
        mn.ns.ip("link", "set", name, "mtu", 1500, "up")
        self.raw = mn.ns.socket(socket.AF_INET6, socket.SOCK_RAW, 41)
        self.raw.setsockopt(socket.IPPROTO_IPV6, 23, 0)  # IPV6_MTU_DISCOVER: fragment
        self.raw.bind((mn.coa, 0))
        mn.ns.ip("-6", "route", "replace", "default", "dev", name, "src", mn.hoa)
        self.poll, self.poke = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            ready = select.select([self.fd, self.poll], [], [])[0]
            if self.poll in ready:
                return
            packet = os.read(self.fd, 2048)
            if packet[0] >> 4 == 6 and packet[8:10] != b"\xfe\x80":
                self.raw.sendto(packet, (HA, 0))

    def close(self):
        os.write(self.poke, b"x")
        self.thread.join()
        self.raw.close()
        for fd in (self.fd, self.poll, self.poke):
            os.close(fd)
        self.mn.attach("link1")


def test_transfer_in_fragments(home):
    """TCP with full segments: each outer packet is more than the link takes, and the mobile
    node's kernel cuts it in two. hamd loses nothing."""
    tunnel = FragmentingTunnel(home.mn)
    before = home.ctl.counters(), home.ctl.drops()
    try:
        run = Transfer(home.mn.ns, HOA, home.cn, CN, 8 << 20, rate=16 << 20).join()
    finally:
        tunnel.close()
    after = home.ctl.counters(), home.ctl.drops()
    moved = {name: after[0][name] - before[0][name] for name in after[0]}
    assert moved["reassembled"] >= (8 << 20) // 1440 * 9 // 10  # the rest was short
    assert moved["fragments_joined"] == 2 * moved["reassembled"]
    # what was lost in front of hamd was sent again
    assert 0 <= moved["fragments"] - moved["fragments_joined"] <= run.retransmissions
    assert {n for n in after[1] if n.startswith("frag") and after[1][n] != before[1][n]} == set()


def test_fragments_in_fragments(home):
    """An echo request in two fragments, each in a tunnel packet that is itself in two."""
    ident, packets = numbers(2), []
    whole = bytes(IPv6(src=HOA, dst=HAMD) / ICMPv6EchoRequest(id=77, data=os.urandom(900)))
    for piece in fragments(whole, 480, ident=next(ident)):
        packets += fragments(outer(piece, home.mn.coa), 128, ident=next(ident))
    with home.ctl.moves("counters", echo_answered=1, fragments=4 + 2, reassembled=2 + 1):
        for packet in packets:
            send_ip6(home.mn.ns, packet)


# --- signalling and echo ---

def test_binding_update(home):
    """The Home Address option is in each fragment, before the Fragment header (RFC 6275, 6.3);
    options make the message long."""
    mn, ident = home.mn, numbers(3)
    link = mn.links["link1"]
    for ends in ((24,), (8, 16, 40, 104)):
        for back in (False, True):
            mn.seq = (mn.seq + 1) & 0xffff
            padding = [MIP6OptUnknown(otype=200 + n, odata=bytes(30)) for n in range(4)]
            pkt = bytes(mip6.binding_update(HOA, link.coa, HA, mn.seq, options=padding))
            pieces = fragments(pkt, *ends, head=64, ident=next(ident))
            wire = mn.wire(link)
            wire.flush()
            with home.ctl.moves("counters", reassembled=1, bu_received=1):
                for piece in reversed(pieces) if back else pieces:
                    send_ip6(mn.ns, piece)
            got = wire.expect(lambda p: mip6.read_ba(p) is not None,
                              first=(mip6.PROTO_ROUTING, mip6.PROTO_MH))
            assert got is not None
            ba = mip6.read_ba(got)
            assert (ba.status, ba.seq) == (0, mn.seq)


def test_binding_update_with_the_option_behind(home):
    """A Home Address option in the fragmentable part is refused, as behind any Fragment header."""
    pkt = bytes(IPv6(src=home.mn.coa, dst=HA) / IPv6ExtHdrDestOpt(options=[HAO(hoa=HOA)])
                / MIP6MH_BU(seq=1, flags="AH", mhtime=9,
                            options=[MIP6OptAltCoA(acoa=home.mn.coa)]))
    with home.ctl.moves("drops", ext_order=1):
        send_ip6(home.mn.ns, fragments(pkt, 48, ident=next(numbers(4)))[0])


@pytest.mark.parametrize("dst", [HAMD, HA])
def test_ping(home, capture, dst):
    """The kernel cuts the request in three, hamd the reply, and the kernel takes that."""
    cap = capture(home.cn, "cn-r", "ip6")
    with home.ctl.moves("counters", echo_answered=3, reassembled=3, fragments=9):
        got, said = home.cn.ping(dst, "-s", "3000", "-M", "dont")
    cap.stop()
    assert got == 3, said
    cap.assert_clean(f"ipv6.src == {dst}", least=9)


def test_ping_from_a_mobile_node(home):
    home.mn.ns.ping_all(HA, "-I", home.mn.coa, "-s", "3000", "-M", "dont")


# --- what is refused ---

def echo_request(size=200):
    return bytes(IPv6(src=CN, dst=HAMD) / ICMPv6EchoRequest(id=7, data=b"x" * size))


def test_overlap(home, wire):
    """RFC 5722: all of it is dropped, silently, what comes later too."""
    pkt = echo_request()
    a, b, c = fragments(pkt, 64, 128, ident=next(numbers(5)))
    attack = c[:43] + bytes([c[43] - 16]) + c[44:]
    with home.ctl.moves("drops", frag_overlap=4), home.ctl.moves("counters", icmp6_errors_sent=0):
        for piece in (a, b, attack, c):
            wire.tell(piece)
    wire.flush()
    for piece in fragments(pkt, 64, 128, ident=next(numbers(5)) + 1):
        wire.tell(piece)
    assert wire.expect(is_icmp6(ECHO_REPLY)) is not None


def test_same_octets_twice_are_no_overlap(home, wire):
    a, b = fragments(echo_request(), 64, ident=next(numbers(6)))
    wire.flush()
    with home.ctl.moves("drops", frag_duplicate=1, frag_overlap=0):
        for piece in (a, a, b):
            wire.tell(piece)
    assert wire.expect(is_icmp6(ECHO_REPLY)) is not None


def test_errors(home, wire):
    """RFC 8200, 4.5: what the sender is told, and where it is pointed to."""
    pkt, ident = echo_request(), numbers(7)
    chain = bytes(IPv6(src=CN, dst=HAMD)
                  / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1e, optdata=b"1" * 12)])
                  / ICMPv6EchoRequest(data=b"y" * 64))
    first, last = fragments(pkt, 64, ident=next(ident))
    odd = first[:-3]
    odd = odd[:4] + struct.pack("!H", len(odd) - 40) + odd[6:]
    far = first[:42] + b"\xff\xf9" + first[44:]
    cases = [("frag_length", odd, 0, 4), ("frag_beyond", far, 0, 42),
             ("ext_truncated", fragments(chain, 8, ident=next(ident))[0], 3, 0)]
    for reason, packet, code, pointer in cases:
        with home.ctl.moves("drops", **{reason: 1}):
            answer = wire.ask(packet, is_icmp6(PARAM_PROBLEM, code))
        assert answer is not None and icmp6(answer)[2] == pointer, reason
        assert bytes(answer[IPv6].payload)[8:] == packet
    with home.ctl.moves("drops", frag_empty=1):
        wire.tell(last[:4] + b"\0\x08" + last[6:48])


def test_neighbour_discovery(home, wire):
    """RFC 6980: never in fragments."""
    ns = bytes(IPv6(src="fe80::9", dst=HAMD, hlim=255) / ICMPv6ND_NS(tgt=HAMD))
    with home.ctl.moves("drops", nd_fragment=1):
        wire.tell(fragments(ns, 16, ident=next(numbers(8)))[0])


def test_time_exceeded(home, wire):
    """After the time-out the source of a first fragment is told, with that fragment; without one
    nobody is."""
    ident = numbers(9)
    first, _, last = fragments(echo_request(), 64, 128, ident=next(ident))
    wire.flush()
    with home.ctl.moves("drops", timeout=10, frag_timeout=3):
        wire.tell(first)
        wire.tell(last)
        wire.tell(fragments(echo_request(), 64, ident=next(ident))[1])
        until("three that wait", lambda: held(home) == 3)
        answers = wire.collect(is_icmp6(TIME_EXCEEDED, 1), 5 * TIMEOUT_MS / 1000, 1)
    assert [bytes(p[IPv6].payload)[8:] for p in answers] == [first]
    assert answers[0][IPv6].dst == CN and answers[0][IPv6].src == HAMD
    until("nothing waits", lambda: held(home) == 0)


def test_too_big(home, wire):
    """More than a packet buffer is for; the largest that fits is answered."""
    for size, fits in ((3072 - 48, True), (3073 - 48, False)):
        pieces = fragments(echo_request(size), 1400, 2800, ident=next(numbers(10)) + size)
        wire.flush()
        with home.ctl.moves("drops", frag_too_big=0 if fits else 3):
            for piece in pieces:
                wire.tell(piece)
            answer = wire.expect(lambda p: IPv6 in p and p[IPv6].src == HAMD and p[IPv6].nh == 44,
                                 3.0 if fits else 0.3)
        assert (answer is not None) == fits


def test_too_many(home, wire):
    pieces = fragments(echo_request(), *range(8, 8 * 17, 8), ident=next(numbers(11)))
    assert len(pieces) == 17
    with home.ctl.moves("drops", frag_too_many=17):
        for piece in pieces:
            wire.tell(piece)


def test_congestion(home, wire):
    """RFC 3168, 5.3: a mark on any fragment is the packet's; none for who is not ECN-capable."""
    data = inner(b"marked.." * 20)
    for first, second, out in ((2, 3, 3), (2, 2, 2), (0, 3, None)):
        pieces = fragments(outer(data, home.mn.coa), 64,
                           ident=next(numbers(12)) + 4 * first + second)
        marked = [bytes([0x60, p_ecn << 4]) + p[2:] for p, p_ecn in zip(pieces, (first, second))]
        with home.ctl.moves("drops", frag_ecn=2 if out is None else 0):
            for piece in marked:
                wire.tell(piece)


# --- floods ---

def feed(home, wire, packets):
    """At a pace that hamd takes: what is lost on the way is not tested."""
    start = home.ctl.counters()["rx_packets"]
    for n, packet in enumerate(packets, 1):
        wire.tell(packet)
        if n % 256 == 0:
            until("hamd to take what was sent",
                  lambda n=n: home.ctl.counters()["rx_packets"] - start >= n - 200, 10, 0.005)
    until("hamd to take all", lambda: home.ctl.counters()["rx_packets"] - start >= n, 10, 0.005)


def test_flood_of_invented_sources(home, wire):
    """10,000 sources send a first fragment each and nothing more. The mobile node's packets, whose
    two fragments have some of those between them, all arrive; the table stays within its bounds,
    and afterwards every packet buffer is back."""
    ident, packets, wanted = numbers(13), [], {}
    good = None
    junk = fragments(echo_request(1000), 512, ident=0)[0]
    for n in range(10000):
        packets.append(junk[:8] + bytes.fromhex("20010db8f00d0000") + struct.pack("!Q", n + 1)
                       + junk[24:])
        if n % 20 == 0:
            data = b"%016d" % n + bytes(1400)
            good = fragments(outer(inner(data), home.mn.coa), 1200, ident=next(ident))
            wanted[data] = 1
            packets.append(good[0])
        elif n % 20 == 12:
            packets.append(good[1])
    before = home.ctl.counters(), home.ctl.drops()
    seen = sent_and_seen(home, lambda: feed(home, wire, packets), wanted)
    after = home.ctl.counters(), home.ctl.drops()
    assert seen == wanted
    assert after[0]["reassembled"] - before[0]["reassembled"] == len(wanted) == 500
    lost = after[1]["frag_evicted"] - before[1]["frag_evicted"] + (
        after[1]["frag_timeout"] - before[1]["frag_timeout"])
    assert after[1]["frag_evicted"] - before[1]["frag_evicted"] >= 1000 and lost <= 10000
    assert after[1]["frag_source_limit"] == before[1]["frag_source_limit"]
    until("the flood to be forgotten", lambda: held(home) == 0, 10)
    until("all packet buffers back", lambda: home.ctl.pool()[0] >= home.pool_start, 10)


def test_one_source_pushes_out_itself_only(home, wire):
    """500 datagrams of one source that never become whole: of them 128 fragments stay, and the
    one that somebody else began before them is still there."""
    mine = fragments(echo_request(), 64, ident=next(numbers(14)))
    junk = bytes(IPv6(src="2001:db8:c::bad", dst=HAMD) / ICMPv6EchoRequest(data=b"z" * 200))
    packets = [mine[0]]
    packets += [fragments(junk, 64, ident=n)[0] for n in range(500)]
    wire.flush()
    with home.ctl.moves("drops", frag_source_limit=500 - 128, frag_evicted=0):
        feed(home, wire, packets)
    wire.tell(mine[1])
    assert wire.expect(is_icmp6(ECHO_REPLY)) is not None
