# SPDX-License-Identifier: BSD-3-Clause
"""Home agent address discovery (RFC 6275, 10.5.1) from afar and mobile prefix discovery (10.6) by a
bound mobile node. What hamd says is decoded by tshark, field by field, without a complaint."""

import json
import time

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6HAADRequest, ICMPv6MPSol, ICMPv6Unknown,
                                IPv6)
from scapy.packet import Raw

from lab import mip6
from lab.raw import checksum, icmp6, is_icmp6
from lab.shell import until
from lab.world import CN, HA, HAMD, HOA, MOBILE_PREFIX

ANYCAST = "2001:db8:a:0:fdff:ffff:ffff:fffe"  # RFC 2526: of the /64 that the home agent is in,
PLAIN = "2001:db8:a:ffff:ffff:ffff:ffff:fffe"  # and as mobile nodes with a /48 make it
SECOND = "2001:db8:b::/64"
NOWHERE = "2001:db8:f"  # r drops what is answered to there
COA = "2001:db8:11::2"
HAAD_REPLY, MPA = 145, 147
PER_S, BURST = 50, 3
FLOOD = 3000
INFINITE = str(0xffffffff)
CONFIG = {"domain": {
    "mobile-prefixes": [MOBILE_PREFIX, SECOND],
    "prefix-lifetimes": [{"prefix": SECOND, "valid-s": 7200, "preferred-s": 3600}],
    "limits": {"haad-per-s": PER_S, "haad-burst-per-source": BURST}}}


@pytest.fixture(scope="module", autouse=True)
def routes(home):
    home.r.ip("-6", "route", "add", SECOND, "via", HAMD, "dev", "r-ha")
    home.r.ip("-6", "route", "add", "blackhole", f"{NOWHERE}::/48")


@pytest.fixture(autouse=True)
def unbound(home):
    yield
    for hoa in home.ctl.bindings():
        home.ctl("binding", "delete", hoa)


@pytest.fixture
def said(home, capture):
    """What hamd sends while the test runs."""
    return capture(home.r, "r-ha", f"ether src {home.hamd.ns.mac('ha-wan')} and ip6")


@pytest.fixture
def wire(home):
    with home.world.wire() as it:
        yield it


def haad(src=CN, dst=ANYCAST, ident=0x1234, r=0):
    return IPv6(src=src, dst=dst) / ICMPv6HAADRequest(id=ident, R=r)


def mps(ident, coa=COA, hoa=HOA, dst=HA):
    return mip6.with_hao(coa, hoa, dst) / ICMPv6MPSol(id=ident)


def is_reply(pkt):
    return (icmp6(pkt) or (0,))[0] == HAAD_REPLY


def is_mpa(pkt):
    return (icmp6(pkt) or (0,))[0] == MPA


# --- home agents ---


def test_agents_from_afar(home, wire, said):
    asked = [ANYCAST, PLAIN, "2001:db8:b::fdff:ffff:ffff:fffe"]
    with home.ctl.moves("counters", haad_answered=3):
        for n, dst in enumerate(asked):
            assert wire.ask(haad(dst=dst, ident=42435 + n), is_reply) is not None
    said.stop()
    assert said.fields("icmpv6.type == 145", "ipv6.src", "ipv6.dst", "ipv6.plen", "icmpv6.code",
                       "icmpv6.mip6.identifier", "icmpv6.reserved",
                       "icmpv6.mip6.home_agent_address", "icmpv6.checksum.status") == [
        (HA, CN, "24", "0", str(42435 + n), "0000", HA, "1") for n in range(3)]
    said.assert_clean("icmpv6", least=3)


def test_mobile_router_asks(home, wire):
    """RFC 3963, 7.2: no home agent for mobile routers here, so R is 0; others may be listed."""
    # the test before may have used up this source's share of answers
    got = until("an answer", lambda: wire.ask(haad(r=1), is_reply, timeout=0.5), 5)
    assert icmp6(got) == (HAAD_REPLY, 0, 0x1234 << 16)


def test_anycast_speaks_from_unicast(home, wire):
    """RFC 4443, 4.2: an echo reply comes from a unicast address; so does an error. Nothing is
    registered there."""
    echo = wire.ask(IPv6(src=CN, dst=ANYCAST) / ICMPv6EchoRequest(id=7, seq=1), is_icmp6(129))
    assert echo[IPv6].src == HA
    error = wire.ask(IPv6(src=CN, dst=ANYCAST) / UDP() / Raw(b"x" * 8), is_icmp6(1, 4))
    assert error[IPv6].src == HAMD
    bu = mip6.binding_update(HOA, COA, ANYCAST, 1)
    with home.ctl.moves("drops", mh_anycast=1):
        wire.tell(bu)
    assert home.ctl.bindings() == {}
    assert {r["prefix"] for r in home.ctl.show("routes") if r["kind"] == "home-agents-anycast"} \
        == {ANYCAST + "/128", PLAIN + "/128", "2001:db8:b:0:fdff:ffff:ffff:fffe/128"}


@pytest.mark.parametrize("drop, pkt", [
    ("icmp6_invalid", IPv6(src=CN, dst=ANYCAST) / ICMPv6HAADRequest(cksum=1)),
    ("icmp6_invalid", IPv6(src=CN, dst=ANYCAST) / ICMPv6Unknown(type=144, msgbody=b"\0\1")),
    # of a source of its own: those before have used up CN's share
    ("haad_invalid", IPv6(src=f"{NOWHERE}::77", dst=ANYCAST) / ICMPv6HAADRequest(code=1)),
    ("src_invalid", IPv6(src="ff0e::1", dst=ANYCAST) / ICMPv6HAADRequest()),
    ("src_invalid", IPv6(src="::", dst=ANYCAST) / ICMPv6HAADRequest()),
    ("src_ours", IPv6(src=HA, dst=ANYCAST) / ICMPv6HAADRequest()),
    ("local_icmp6", IPv6(src=CN, dst=HA) / ICMPv6HAADRequest()),
])
def test_bad_requests(home, wire, drop, pkt):
    with home.ctl.moves("drops", **{drop: 1}), home.ctl.moves("counters", haad_answered=0):
        assert wire.ask(pkt, is_reply, timeout=0.2) is None


def test_flood(home, wire):
    """Requests from invented sources and from one that is real: the domain's rate holds, and a
    Binding Update gets its answer in the middle."""
    frames = [bytes(haad(src=f"{NOWHERE}:{n:x}::1")) for n in range(FLOOD)]
    def looked_at():
        drops = home.ctl.drops()
        return (home.ctl.counters()["haad_answered"] + drops["haad_rate"]
                + drops["punt_discovery_full"])

    begin, seen = time.monotonic(), looked_at()
    before = home.ctl.counters()
    for n, frame in enumerate(frames):
        wire.tell(frame)
        if n == FLOOD // 2:
            home.mn.seq += 1
            wire.tell(mip6.binding_update(HOA, COA, HA, home.mn.seq))
        if n % 256 == 255:  # what a socket's ring has no room for does not get to hamd
            until("hamd to take what was sent", lambda n=n: home.ctl.counters()["rx_packets"]
                  - before["rx_packets"] >= n - 200, 10, 0.005)
    ba = wire.expect(lambda p: mip6.read_ba(p) is not None)
    assert ba is not None and mip6.read_ba(ba).status == 0
    until("all of them to be looked at", lambda: looked_at() - seen == FLOOD, 10)
    answered = home.ctl.counters()["haad_answered"] - before["haad_answered"]
    assert answered <= PER_S * (2 + time.monotonic() - begin)
    assert home.ctl.drops()["haad_rate"] > FLOOD // 2


def test_one_source(home, wire):
    time.sleep(0.5)  # the domain's bucket, after the flood
    wire.flush()
    for ident in range(20):
        wire.tell(haad(src=COA, ident=ident))
    got = wire.collect(is_reply, 0.5)
    assert [icmp6(p)[2] >> 16 for p in got] == list(range(BURST))


# --- prefixes ---


def check_mpa(pkt, ident, hoa=HOA, coa=COA):
    ip = pkt[IPv6]
    assert (ip.src, ip.dst, icmp6(pkt)) == (HA, coa, (MPA, 0, ident << 16))
    data = bytes(ip.payload)
    assert data[:4] == b"\x3a\x02\x02\x01"  # routing header type 2, one segment left
    assert checksum(HA, hoa, mip6.PROTO_ICMP6, data[24:24 + ip.plen - 24]) == 0


def test_prefixes(home, wire, said):
    """The prefix of the home agent with R and its whole address; the other one, of 64 bits, with
    A. L, M and O are 0."""
    assert home.mn.register("link1", attach=False).status == 0
    with home.ctl.moves("counters", mps_received=1, mpa_sent=1, mpa_unsolicited=0):
        got = wire.ask(mps(0xbeef), is_mpa)
    check_mpa(got, 0xbeef)
    said.stop()
    assert said.fields("icmpv6.type == 147", "ipv6.src", "ipv6.dst",
                       "ipv6.routing.mipv6.home_address", "icmpv6.code", "icmpv6.mip6.identifier",
                       "icmpv6.mip6.flag.m", "icmpv6.mip6.flag.o", "icmpv6.checksum.status",
                       "icmpv6.opt.prefix", "icmpv6.opt.prefix.length", "icmpv6.opt.prefix.flag",
                       "icmpv6.opt.prefix.valid_lifetime",
                       "icmpv6.opt.prefix.preferred_lifetime") == [
        (HA, COA, HOA, "0", str(0xbeef), "0", "0", "1", f"{HA},2001:db8:b::", "48,64", "0x20,0x40",
         f"{INFINITE},7200", f"{INFINITE},3600")]
    said.assert_clean("icmpv6.type == 147")


def test_one_a_second(home, wire):
    """6.8. What comes too early is answered when the second is over, with its identifier."""
    home.clocks.later(1)  # since the test before
    home.mn.register("link1", attach=False)
    wire.flush()
    for ident in (1, 2, 3):
        wire.tell(mps(ident))
    got = wire.collect(is_mpa, 2.5, 2)
    assert [icmp6(p)[2] >> 16 for p in got] == [1, 3]
    assert 0.9 < got[1].time - got[0].time < 1.5  # as seen from here


def test_who_is_not_told(home, wire):
    home.mn.register("link1", attach=False)
    unknown = wire.ask(mps(1, hoa="2001:db8:a::999"), lambda p: mip6.read_be(p) is not None)
    assert mip6.read_be(unknown) == (mip6.BE_UNKNOWN_BINDING, "2001:db8:a::999")
    for drop, pkt in [("hao_no_binding", mps(1, coa="2001:db8:12::2")),
                      ("mps_no_hao", IPv6(src=HOA, dst=HA) / ICMPv6MPSol(id=1)),
                      ("mps_no_hao", IPv6(src=CN, dst=HA) / ICMPv6MPSol(id=1)),
                      ("mps_invalid", mip6.with_hao(COA, HOA, HA) / ICMPv6MPSol(code=1)),
                      ("mps_invalid", mps(1) / Raw(bytes(8))),
                      ("local_icmp6", mps(1, dst=HAMD))]:
        with home.ctl.moves("drops", **{drop: 1}), home.ctl.moves("counters", mpa_sent=0):
            assert wire.ask(pkt, is_mpa, timeout=0.2) is None, drop
    # an option that nobody knows is no reason
    check_mpa(wire.ask(mps(5) / Raw(b"\x7f\1" + bytes(6)), is_mpa), 5)


def test_renumbering(home, wire):
    """The configuration deprecates the home prefix. A mobile node that registers anew is told so
    in its acknowledgement (status 1), granted no more than the prefix is valid, and told the
    prefixes without asking: again after 3 s, until it asks."""
    home.hamd.stop()
    config = json.loads(home.hamd.path.read_text())
    config["domains"][0]["prefix-lifetimes"] = [
        {"prefix": MOBILE_PREFIX, "valid-s": 483, "preferred-s": 0}]
    config["domains"][0]["discovery"] = {"min-interval-s": 1, "max-interval-s": 3600}
    home.hamd.path.write_text(json.dumps(config))
    home.hamd.start()
    ba = home.mn.register("link1", attach=False, lifetime_s=600)
    assert (ba.status, ba.lifetime_s) == (1, 480)
    wire.flush()
    first = wire.expect(is_mpa, 5)
    check_mpa(first, 0)
    assert b"\x03\x04\x30\x20" + (483).to_bytes(4, "big") + bytes(4) in bytes(first)
    home.clocks.later(2.5)
    second = wire.expect(is_mpa, 5)
    check_mpa(second, 0)
    assert 2.9 < second.time - first.time + 2.5 < 4
    home.clocks.later(1)
    with home.ctl.moves("counters", mps_received=1, mpa_unsolicited=0):
        check_mpa(wire.ask(mps(0x4321), is_mpa), 0x4321)


def test_many_prefixes(home, wire, said):
    """10.6.2: the list in its entirety in all cases, in fragments if it has to be. And nobody is
    answered at the anycast address when the operator does not want it."""
    many = [MOBILE_PREFIX] + [f"2001:db8:b:{n:x}::/64" for n in range(63)]
    home.hamd.stop()
    config = json.loads(home.hamd.path.read_text())
    config["domains"][0].update({"mobile-prefixes": many, "prefix-lifetimes": [],
                                 "discovery": {"home-agents": False}})
    config["runtime"]["max-routes"] = 80
    home.hamd.path.write_text(json.dumps(config))
    home.hamd.start()
    home.mn.register("link1", attach=False)
    with home.ctl.moves("counters", mpa_sent=1):
        wire.tell(mps(0x2222))
    with home.ctl.moves("drops", intercept_no_binding=1):
        assert wire.ask(haad(), is_icmp6(1, 3)) is not None
    said.stop()
    told = said.fields("icmpv6.type == 147", "ipv6.dst", "icmpv6.mip6.identifier",
                       "icmpv6.opt.prefix", "icmpv6.checksum.status")
    assert told == [(COA, str(0x2222), ",".join([HA] + [p[:-3] for p in many[1:]]).replace(
        "b:0::", "b::"), "1")]
    assert said.count("ipv6.fraghdr") > 1
    said.assert_clean("icmpv6.type == 147")
