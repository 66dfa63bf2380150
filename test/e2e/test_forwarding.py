# SPDX-License-Identifier: BSD-3-Clause
"""Plain IPv6 forwarding between two ports under a real kernel's TCP (config/router.json), and
the ICMPv6 that a router and its own addresses owe (RFC 4443, RFC 8200, RFC 5095)."""

import json
import time
from types import SimpleNamespace

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6TimeExceeded, IPv6,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, HBHOptUnknown)
from scapy.packet import Raw

from lab.daemon import ROOT
from lab.raw import fragments, icmp6, is_icmp6
from lab.shell import until
from lab.transfer import Transfer
from lab.world import RouterWorld

SMALL_MTU = 1400
PARAM_PROBLEM, TIME_EXCEEDED, TOO_BIG, UNREACHABLE = 4, 3, 2, 1


@pytest.fixture(scope="module")
def router(lab, daemon):
    """Two kernels, a and b, with hamd between them. Port b's MTU is smaller than what the link
    carries, and b tells its peers nothing about it: only Packet Too Big can."""
    config = json.loads((ROOT / "config" / "router.json").read_text())
    config["runtime"]["socket"] = str(lab.dir / "router.sock")
    config["ports"] = config["ports"][:2]
    config["ports"][1]["mtu"] = SMALL_MTU
    config["icmp"] = {"errors-per-s": 100, "burst": 50}
    world = RouterWorld(lab, config)
    a, b = world.sides.values()
    b.ns.ip("-6", "route", "replace", "default", "via", b.router, "dev", b.host_dev, "mtu",
            SMALL_MTU, "advmss", 1440)
    hamd = daemon(world.ha, config, "router").start()
    start = hamd.ctl.pool()[0]
    with a.wire(world.ha) as wire:
        yield SimpleNamespace(world=world, hamd=hamd, ctl=hamd.ctl, a=a, b=b, wire=wire)
    until("all packet buffers back", lambda: hamd.ctl.pool()[0] >= start, 10)
    assert hamd.stop() == 0


def echo(src, dst, data=b"hello", **ip):
    return IPv6(src=src, dst=dst, **ip) / ICMPv6EchoRequest(id=7, seq=1, data=data)


def test_icmp_that_is_none(router):
    """A wrong checksum, a message cut short, an error that quotes nothing of ours."""
    wrong = echo(router.a.host, router.a.router)
    wrong[ICMPv6EchoRequest].cksum = 1
    short = IPv6(src=router.a.host, dst=router.a.router, nh=58) / Raw(b"\x80\0")
    foreign = (IPv6(src=router.a.host, dst=router.a.router) / ICMPv6TimeExceeded()
               / IPv6(src=router.b.host, dst=router.a.host) / UDP())
    with router.ctl.moves("drops", icmp6_invalid=3):
        for pkt in (wrong, short, foreign):
            router.wire.tell(pkt)


def test_ping_across(router):
    got, said = router.a.ns.ping(router.b.host)
    assert got == 3 and "ttl=63" in said, said
    got, said = router.b.ns.ping(router.a.host)
    assert got == 3, said


@pytest.mark.parametrize("way", ["ab", "ba"])
def test_tcp_across(router, way):
    """Packet Too Big from the port with the smaller MTU: TCP adapts and arrives whole."""
    src, dst = (router.a, router.b) if way == "ab" else (router.b, router.a)
    with router.ctl.moves("drops", too_big=-1 if way == "ab" else 0):
        Transfer(src.ns, src.host, dst.ns, dst.host, 8 << 20).join()
    if way == "ab":
        assert f"mtu {SMALL_MTU}" in src.ns.ip("-6", "route", "get", dst.host)


def test_packet_too_big_names_the_mtu(router):
    got, said = router.a.ns.ping(router.b.host, "-M", "do", "-s", SMALL_MTU - 48, count=1)
    assert got == 1, said
    router.a.ns.ip("-6", "route", "flush", "cache", check=False)
    too_big = echo(router.a.host, router.b.host, b"x" * (SMALL_MTU - 47))
    answer = router.wire.ask(too_big, is_icmp6(TOO_BIG))
    assert icmp6(answer)[2] == SMALL_MTU
    assert answer[IPv6].src == router.a.router
    assert len(answer[IPv6]) <= 1280


def test_time_exceeded(router):
    """What traceroute sees: the router's address on the near side, then the host."""
    got, said = router.a.ns.ping(router.b.host, "-t", "1", count=1)
    assert got == 0 and f"From {router.a.router}" in said and "Hop limit" in said, said
    got, said = router.a.ns.ping(router.b.host, "-t", "2", count=1)
    assert got == 1, said


def test_unreachable(router):
    """No route: code 0. A neighbour that never answers: code 3, after three solicitations."""
    answer = router.wire.ask(echo(router.a.host, "2001:db8:dead::1"), is_icmp6(UNREACHABLE, 0))
    assert answer is not None and answer[IPv6].src == router.a.router
    nobody = router.b.host[:-1] + "77"
    with router.ctl.moves("drops", timeout=6, neighbor_failed=1):
        answer = router.wire.ask(echo(router.a.host, nobody), is_icmp6(UNREACHABLE, 3), 6)
    assert answer is not None


@pytest.mark.parametrize("dst", ["near", "far"])
def test_echo_to_the_router(router, dst, capture):
    """Both addresses answer, whole packets, and tshark finds nothing wrong."""
    cap = capture(router.a.ns, router.a.host_dev, "icmp6")
    got, said = router.a.ns.ping(router.a.router if dst == "near" else router.b.router,
                                 "-s", "1000")
    assert got == 3, said
    cap.stop()
    cap.assert_clean("icmpv6.type == 129", 3)


def test_routing_header_0_refused(router):
    """RFC 5095: with segments left to us a parameter problem, code 0, at the routing type; with
    none left skipped; through us none of our business."""
    def rh(dst, kind, left):
        return (IPv6(src=router.a.host, dst=dst)
                / IPv6ExtHdrRouting(type=kind, segleft=left, addresses=[router.b.host])
                / ICMPv6EchoRequest(id=9, seq=left))

    for kind in (0, 77):
        with router.ctl.moves("drops", rh_refused=1):
            answer = router.wire.ask(rh(router.a.router, kind, 1), is_icmp6(PARAM_PROBLEM, 0))
        assert icmp6(answer)[2] == 42
        answer = router.wire.ask(rh(router.a.router, kind, 0), is_icmp6(129))
        assert answer is not None and answer[ICMPv6EchoReply].id == 9
    with router.b.wire(router.world.ha) as far:
        router.wire.tell(rh(router.b.host, 0, 1))
        seen = far.expect(lambda p: IPv6ExtHdrRouting in p)
        assert seen is not None and seen[IPv6].hlim == 63


def test_routing_header_2_to_us_is_silent(router):
    pkt = (IPv6(src=router.a.host, dst=router.a.router)
           / IPv6ExtHdrRouting(type=2, segleft=1, addresses=[router.b.host])
           / ICMPv6EchoRequest(id=9))
    with router.ctl.moves("drops", rh2_to_us=1):
        assert router.wire.ask(pkt, lambda p: icmp6(p) is not None and icmp6(p)[0] < 130, 0.3) is None


@pytest.mark.parametrize("option,answered", [(0x1e, "reply"), (0x5e, None), (0x9e, "problem"),
                                             (0xde, "problem")])
def test_unknown_options(router, option, answered):
    """RFC 8200, 4.2: the two high bits of an option's type say what becomes of the packet."""
    pkt = (IPv6(src=router.a.host, dst=router.a.router)
           / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=option, optdata=b"\0" * 4)])
           / ICMPv6EchoRequest(id=11))
    answer = router.wire.ask(pkt, lambda p: (icmp6(p) or (0,))[0] in (PARAM_PROBLEM, 129),
                             1.0 if answered else 0.3)
    if answered == "reply":
        assert icmp6(answer)[0] == 129
    elif answered == "problem":
        assert icmp6(answer) == (PARAM_PROBLEM, 2, 42)
    else:
        assert answer is None


def test_nobody_listens(router):
    """UDP and TCP to us: port unreachable. An upper layer that we lack: parameter problem 1."""
    to_us = IPv6(src=router.a.host, dst=router.a.router)
    answer = router.wire.ask(to_us / UDP(sport=1, dport=9), is_icmp6(UNREACHABLE, 4))
    assert answer is not None
    answer = router.wire.ask(IPv6(src=router.a.host, dst=router.a.router, nh=132) / Raw(b"x" * 12),
                             is_icmp6(PARAM_PROBLEM, 1))
    assert icmp6(answer)[2] == 6


def test_no_error_about(router):
    """RFC 4443, 2.4: never about an error, to or about a group, to who is nobody."""
    silent = [
        IPv6(src=router.a.host, dst="2001:db8:dead::1") / ICMPv6TimeExceeded() / Raw(b"q" * 48),
        IPv6(src="ff02::1", dst="2001:db8:dead::1") / UDP(),
        IPv6(src="::", dst="2001:db8:dead::1") / UDP(),
        IPv6(src=router.a.host, dst="ff02::1") / UDP(dport=9),
        IPv6(src=router.a.host, dst="ff02::1")
        / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0xde, optdata=b"\0" * 4)]) / UDP(),
    ]
    sent = router.ctl.counters()["icmp6_errors_sent"]
    router.wire.flush()
    for pkt in silent:
        router.wire.tell(pkt)
    got = router.wire.collect(lambda p: (icmp6(p) or (200,))[0] < 128, 0.5)
    assert not got and router.ctl.counters()["icmp6_errors_sent"] == sent


def test_link_local_is_not_forwarded(router):
    with router.ctl.moves("drops", src_scope=1):
        answer = router.wire.ask(echo("fe80::99", router.b.host), is_icmp6(UNREACHABLE, 2), 0.5)
    assert answer is None or answer[IPv6].dst == "fe80::99"


@pytest.mark.parametrize("src", ["::1", "ff02::1", "::ffff:192.0.2.1", "::"])
def test_impossible_sources(router, src):
    with router.ctl.moves("drops", src_invalid=1):
        router.wire.tell(echo(src, router.b.host))


def test_fragments(router):
    """Through us like any other; to us held until the rest comes, but an atomic one."""
    frag = IPv6ExtHdrFragment(m=1, offset=0, id=5)
    with router.b.wire(router.world.ha) as far:
        router.wire.tell(IPv6(src=router.a.host, dst=router.b.host) / frag / Raw(b"z" * 64))
        assert far.expect(lambda p: IPv6ExtHdrFragment in p) is not None
    first, last = fragments(bytes(echo(router.a.host, router.a.router, b"z" * 56)), 40)
    router.wire.tell(first)
    assert router.wire.ask(last, is_icmp6(129)) is not None
    atomic = (IPv6(src=router.a.host, dst=router.a.router) / IPv6ExtHdrFragment(m=0, offset=0)
              / ICMPv6EchoRequest(id=21))
    assert router.wire.ask(atomic, is_icmp6(129)) is not None


def test_hop_by_hop(router):
    """First it is looked at, later it is a parameter problem (RFC 8200, 4)."""
    first = (IPv6(src=router.a.host, dst=router.a.router) / IPv6ExtHdrHopByHop()
             / ICMPv6EchoRequest(id=22))
    assert router.wire.ask(first, is_icmp6(129)) is not None
    late = (IPv6(src=router.a.host, dst=router.a.router) / IPv6ExtHdrDestOpt()
            / IPv6ExtHdrHopByHop() / ICMPv6EchoRequest(id=23))
    answer = router.wire.ask(late, is_icmp6(PARAM_PROBLEM, 1))
    assert answer is not None and icmp6(answer)[2] == 40


def test_frames_that_are_not_for_us(router):
    """Another Ethernet address, another protocol, too short, wrong version, wrong length."""
    ok = bytes(echo(router.a.host, router.b.host))
    eth = bytes.fromhex(router.wire.peer.replace(":", "")) + bytes.fromhex(
        router.wire.mac.replace(":", ""))
    other = bytes.fromhex("020000000099") + eth[6:]
    frames = {
        "rx_not_for_us": other + b"\x86\xdd" + ok,
        "rx_not_ipv6": eth + b"\x08\x00" + ok,
        "rx_too_short": eth + b"\x86\xdd" + ok[:30],
        "ip6_version": eth + b"\x86\xdd" + b"\x50" + ok[1:],
        "ip6_length": eth + b"\x86\xdd" + ok[:4] + b"\x02\x00" + ok[6:],
        "rx_bad_source_mac": eth[:6] + b"\x01" + eth[7:] + b"\x86\xdd" + ok,
    }
    for reason, frame in frames.items():
        with router.ctl.moves("drops", **{reason: 1}):
            router.wire.send(frame)


@pytest.mark.parametrize("dst", ["across", "nowhere"])
def test_frame_to_a_group_is_not_forwarded(router, dst):
    """Nor answered with an error, when its packet is to one address."""
    pkt = echo(router.a.host, router.b.host if dst == "across" else "2001:db8:dead::1")
    eth = bytes.fromhex("333300000001" + router.wire.mac.replace(":", "")) + b"\x86\xdd"
    with router.ctl.moves("drops", rx_not_for_us=1):
        router.wire.send(eth + bytes(pkt))


def test_error_rate(router):
    """RFC 4443, 2.4 (f): a token bucket, here 100 a second and 50 at once."""
    def counts():
        return (router.ctl.counters()["icmp6_errors_sent"],
                router.ctl.values("drops")["icmp6_rate"])

    sent, refused = counts()
    begin = time.monotonic()
    for n in range(500):
        router.wire.tell(echo(router.a.host, f"2001:db8:dead::{n:x}"))
    until("500 errors, sent or not", lambda: sum(counts()) - sent - refused == 500, 5)
    seconds = time.monotonic() - begin
    assert counts()[0] - sent <= 50 + 100 * seconds + 1
    assert counts()[1] > refused
