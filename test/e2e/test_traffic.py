# SPDX-License-Identifier: BSD-3-Clause
"""Traffic through the tunnels: real TCP and ping between correspondent and mobile node while it
moves, mobile node to mobile node, to itself and to the home agent; what the tunnel packets look
like on the wire (RFC 2473, 6040, 6438), and what may not pass."""

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (HBHOptUnknown, ICMPv6EchoRequest, IPv6,
                                IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, MIP6MH_HoT, MIP6MH_HoTI)
from scapy.packet import Raw

from lab import mip6
from lab.raw import Wire, icmp6, is_icmp6, send_ip6
from lab.transfer import Transfer
from lab.world import CN, HA, HOA, hoa_of

MOBILE_NODES = 2
# Packet Too Big is to be heard here; test_mss.py has the other way.
CONFIG = {"domain": {"tcp-mss-clamp": "off"}}


@pytest.fixture(autouse=True)
def registered(home):
    for mn in home.mns:
        mn.register("link1")


def tunnelled(pkt):
    """The inner packet when pkt is a tunnel packet."""
    inner = pkt[IPv6].payload
    while isinstance(inner, IPv6ExtHdrDestOpt):
        inner = inner.payload
    return inner if isinstance(inner, IPv6) else None


def from_cn(home, pkt, mn=None, timeout=2.0):
    """Send from the correspondent's wire; the tunnel packet as it arrives at the mobile node."""
    mn = mn or home.mn
    wire = mn.wire(mn.link)
    wire.flush()
    send_ip6(home.cn, pkt)
    mark = bytes(pkt)[-8:]
    return wire.expect(lambda p: bytes(p).endswith(mark), timeout)


def datagram(dst=HOA, data=b"........", **ip):
    return IPv6(src=CN, dst=dst, **ip) / UDP(sport=4000, dport=4001) / Raw(data)


def test_ping_both_ways(home):
    got, said = home.cn.ping(HOA)
    assert got == 3, said
    got, said = home.mn.ns.ping(CN, "-I", HOA)
    assert got == 3, said


@pytest.mark.parametrize("direction", ["to", "from"])
def test_transfer(home, direction):
    mn = (home.mn.ns, HOA)
    cn = (home.cn, CN)
    ends = cn + mn if direction == "to" else mn + cn
    key = "bytes-to" if direction == "to" else "bytes-from"
    before = home.ctl.binding(HOA)[key]
    run = Transfer(*ends, size=16 << 20).join()
    counted = home.ctl.binding(HOA)[key] - before
    assert run.size * 1.02 < counted < run.size * 1.25


def test_transfer_with_full_segments(home):
    """1500 octets everywhere: the tunnel needs 40 of them, and the correspondent learns it from
    Packet Too Big to its own address."""
    home.mn.ns.ip("-6", "route", "flush", "cache", check=False)
    home.mn.attach("link1", advmss=1440)
    with home.ctl.moves("drops", encap_too_big=-1):
        Transfer(home.cn, CN, home.mn.ns, HOA, 8 << 20).join()
    assert "mtu 1460" in home.cn.ip("-6", "route", "get", HOA)


@pytest.mark.parametrize("direction", ["to", "from"])
def test_move_during_transfer(home, direction):
    """The job: a TCP transfer lives through the mobile node's move to the other link."""
    mn, cn = (home.mn.ns, HOA), (home.cn, CN)
    ends = cn + mn if direction == "to" else mn + cn
    run = Transfer(*ends, size=12 << 20, rate=8 << 20)
    for part, link in ((3, "link2"), (6, "link1"), (9, "link2")):
        run.wait_for(part << 20)
        home.mn.move(link)
    run.join()
    assert run.max_gap < 1.0
    assert home.ctl.binding(HOA)["care-of-address"] == home.mn.links["link2"].coa


def test_only_the_home_agent_tunnelled(home):
    """After all of the above: nothing came to the mobile nodes from anyone else's tunnel."""
    home.cn.ping(HOA)
    for mn in home.mns:
        assert mn.counter("stray") == 0
    assert home.mn.counter("tunnelled") > 0


def test_mobile_node_to_mobile_node(home):
    one, two = home.mns
    with home.ctl.moves("drops", intercept_no_binding=0, decap_no_binding=0, decap_wrong_coa=0):
        one.ns.ping_all(two.hoa, "-I", one.hoa)
        Transfer(one.ns, one.hoa, two.ns, two.hoa, 4 << 20).join()
        two.move("link2")
        one.ns.ping_all(two.hoa, "-I", one.hoa)


def test_mobile_node_to_itself(home):
    """What a mobile node sends to its own home address comes back through the tunnel."""
    mn = home.mn
    wire = mn.wire(mn.link)
    wire.flush()
    inner = IPv6(src=HOA, dst=HOA, hlim=9) / UDP(sport=1, dport=2) / Raw(b"to myself")
    send_ip6(mn.ns, IPv6(src=mn.coa, dst=HA) / inner)
    got = wire.expect(lambda p: bytes(p).endswith(b"to myself"))
    assert (got[IPv6].src, got[IPv6].dst) == (HA, mn.coa)
    assert tunnelled(got).hlim == 8


def test_echo_to_the_home_agent(home, capture):
    """The answer is hamd's own to a bound home address: routing header type 2 (9.3.2)."""
    mn = home.mn
    cap = capture(mn.ns, mn.link.dev, "ip6")
    wire = mn.wire(mn.link)
    wire.flush()
    inner = IPv6(src=HOA, dst=HA) / ICMPv6EchoRequest(id=77, seq=5, data=b"are you there")
    send_ip6(mn.ns, IPv6(src=mn.coa, dst=HA) / inner)
    got = wire.expect(is_icmp6(129))
    assert got is not None
    assert (got[IPv6].src, got[IPv6].dst) == (HA, mn.coa)
    cap.stop()
    row = cap.fields("icmpv6.type == 129", "ipv6.routing.type", "ipv6.routing.segleft",
                     "ipv6.routing.mipv6.home_address", "icmpv6.echo.identifier",
                     "icmpv6.checksum.status")
    assert row == [("2", "1", HOA, "0x004d", "1")], row
    cap.assert_clean("icmpv6.type == 129")


def test_return_routability_passes(home):
    """HoTI and HoT are payload for us (10.4.6)."""
    mn = home.mn
    with Wire(home.cn, "cn-r") as cn_wire:
        send_ip6(mn.ns, IPv6(src=mn.coa, dst=HA) / mip6.home_test_init(HOA, CN))
        hoti = cn_wire.expect(lambda p: MIP6MH_HoTI in p)
    assert hoti[IPv6].src == HOA and hoti[MIP6MH_HoTI].cookie == b"\1\2\3\4\5\6\7\x08"
    got = from_cn(home, IPv6(src=CN, dst=HOA) / MIP6MH_HoT(index=1, cookie=b"\1" * 8,
                                                          token=b"tokentok"))
    assert got is not None and MIP6MH_HoT in tunnelled(got)


def test_hop_limits(home):
    """RFC 2473, 6.3: the inner loses one on the way in, the outer starts with 64."""
    got = from_cn(home, datagram(hlim=20, data=b"hoplimit"))
    # r between correspondent and hamd took one, hamd one; r again one of the outer.
    assert tunnelled(got).hlim == 18 and got[IPv6].hlim == 63
    with home.world.wire() as wire:
        one_left = IPv6(src=CN, dst=HOA, hlim=1) / UDP() / Raw(b"x" * 8)
        with home.ctl.moves("drops", hop_limit=1):
            answer = wire.ask(one_left, is_icmp6(3))
    assert answer is not None and answer[IPv6].dst == CN


def test_traffic_class(home):
    """DSCP and ECN are copied outwards (RFC 6040, normal mode)."""
    for tc in (0, 0b10111000, 0b00101001, 0b00000010, 0b01001111):
        got = from_cn(home, datagram(tc=tc, data=b"tc%06d" % tc))
        assert got[IPv6].tc == tc and tunnelled(got).tc == tc


@pytest.mark.parametrize("outer,inner,out", [
    (3, 1, 3), (3, 2, 3), (3, 0, None), (3, 3, 3), (0, 2, 2), (1, 2, 1), (2, 1, 1), (2, 0, 0)])
def test_congestion_out_of_the_tunnel(home, outer, inner, out):
    """RFC 6040, figure 4."""
    mn = home.mn
    data = b"ecn%d%d..." % (outer, inner)
    pkt = (IPv6(src=mn.coa, dst=HA, tc=outer) / IPv6(src=HOA, dst=CN, tc=inner)
           / UDP(dport=4001) / Raw(data))
    with Wire(home.cn, "cn-r") as wire:
        before = home.ctl.drops()["decap_ecn"]
        send_ip6(mn.ns, pkt)
        got = wire.expect(lambda p: bytes(p).endswith(data), 1.0 if out is not None else 0.3)
    if out is None:
        assert got is None and home.ctl.drops()["decap_ecn"] == before + 1
    else:
        assert got[IPv6].tc == out


def test_flow_label(home):
    """RFC 6438: one label a flow, many flows many labels, never 0."""
    def label(port, n=0):
        pkt = IPv6(src=CN, dst=HOA) / UDP(sport=port, dport=4001) / Raw(b"%04d%04d" % (port, n))
        return from_cn(home, pkt)[IPv6].fl

    labels = [label(5000 + n) for n in range(16)]
    assert label(5000, 1) == labels[0]
    assert len(set(labels)) >= 15 and 0 not in labels


def test_packet_too_big_to_the_inner_source(home):
    """RFC 2473, 7.1: above the tunnel's MTU the inner source is told, MTU less 40."""
    with home.world.wire() as wire:
        big = IPv6(src=CN, dst=HOA) / UDP() / Raw(b"x" * (1461 - 48))
        with home.ctl.moves("drops", encap_too_big=1):
            answer = wire.ask(big, is_icmp6(2))
    assert icmp6(answer)[2] == 1460 and answer[IPv6].dst == CN
    assert from_cn(home, datagram(data=b"y" * (1460 - 48))) is not None


def test_nested_tunnel_gets_a_limit(home, capture):
    """RFC 2473, 4.1.1: what is a tunnel packet already gets the limit option, 4."""
    inner = IPv6(src=CN, dst=HOA) / UDP(sport=4000, dport=9) / Raw(b"innermst")
    cap = capture(home.mn.ns, home.mn.link.dev, "ip6")
    got = from_cn(home, IPv6(src=CN, dst=HOA) / inner)
    assert got[IPv6].nh == mip6.PROTO_DSTOPT
    opt = bytes(got[IPv6].payload)
    assert opt[:5] == bytes([41, 0, 4, 1, 4])
    cap.stop()
    cap.assert_clean("udp.port == 9")


def limited(limit):
    return IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=4, optdata=bytes([limit]))])


def test_nested_limit_counts_down(home):
    inner = IPv6(src=CN, dst=HOA) / UDP(sport=4000, dport=9) / Raw(b"limit3..")
    got = from_cn(home, IPv6(src=CN, dst=HOA) / limited(3) / inner)
    assert bytes(got[IPv6].payload)[:5] == bytes([41, 0, 4, 1, 2])


def test_nested_limit_zero(home):
    """... and at 0 a parameter problem, code 0, at the limit itself."""
    pkt = (IPv6(src=CN, dst=HOA) / limited(0) / IPv6(src=CN, dst=HOA) / UDP() / Raw(b"limit0.."))
    with home.world.wire() as wire, home.ctl.moves("drops", encap_limit=1):
        answer = wire.ask(pkt, is_icmp6(4))
    at = bytes(pkt).index(bytes([4, 1, 0]), 40) + 2
    assert icmp6(answer) == (4, 0, at)


def test_a_tunnel_inside_a_tunnel_is_opened(home):
    """The mobile node's packet to the home agent may itself be a tunnel packet."""
    mn = home.mn
    inner = IPv6(src=HOA, dst=CN) / UDP(sport=4000, dport=9) / Raw(b"two deep")
    with Wire(home.cn, "cn-r") as wire:
        send_ip6(mn.ns, IPv6(src=mn.coa, dst=HA) / inner)
        assert wire.expect(lambda p: bytes(p).endswith(b"two deep")) is not None
    with home.ctl.moves("drops", decap_wrong_coa=1):
        send_ip6(mn.ns, IPv6(src=mn.coa, dst=HA) / IPv6(src=HOA, dst=HA) / inner)


@pytest.mark.parametrize("reason,outer,inner", [
    ("decap_wrong_coa", "2001:db8:12::2", HOA),
    ("decap_wrong_coa", "2001:db8:11::2", hoa_of(2)),
    ("decap_no_binding", "2001:db8:11::2", "2001:db8:a::999"),
    ("decap_no_binding", "2001:db8:11::2", CN),
    ("decap_link_local", "2001:db8:11::2", "fe80::1"),
])
def test_nobody_speaks_for_another(home, reason, outer, inner):
    """10.4.5: outer source = care-of address of the inner source's binding, or it is dropped."""
    pkt = IPv6(src=outer, dst=HA) / IPv6(src=inner, dst=CN) / UDP(sport=4000, dport=9) / Raw(b"pretends")
    with Wire(home.cn, "cn-r") as wire, home.ctl.moves("drops", **{reason: 1}):
        send_ip6(home.mn.ns, pkt)
        assert wire.expect(lambda p: bytes(p).endswith(b"pretends"), 0.3) is None


def test_no_whole_packet_inside(home):
    good = bytes(IPv6(src=HOA, dst=CN) / UDP() / Raw(b"12345678"))
    for bad in (good[:39], good[:-1], b"\x45" + good[1:], b""):
        with home.ctl.moves("drops", decap_inner=1):
            send_ip6(home.mn.ns, IPv6(src=home.mn.coa, dst=HA, nh=41) / Raw(bad))


def test_not_registered_is_unreachable(home):
    with home.world.wire() as wire, home.ctl.moves("drops", intercept_no_binding=1):
        answer = wire.ask(IPv6(src=CN, dst="2001:db8:a::999") / UDP(), is_icmp6(1, 3))
    assert answer is not None


def test_multicast_out_of_the_tunnel(home):
    mn = home.mn
    with home.ctl.moves("drops", dst_multicast=1):
        send_ip6(mn.ns, IPv6(src=mn.coa, dst=HA) / IPv6(src=HOA, dst="ff0e::1") / UDP())


def test_routing_header_2_in_transit(home):
    """6275, 15.9: others' routing headers of type 2 are forwarded."""
    rh = IPv6ExtHdrRouting(type=2, segleft=1, addresses=["2001:db8:77::1"])
    got = from_cn(home, IPv6(src=CN, dst=HOA) / rh / UDP() / Raw(b"rh2 pass"))
    assert IPv6ExtHdrRouting in tunnelled(got)


def test_counters_of_a_mobile_node(home):
    """Packets and octets, each way, of inner packets; they live through refresh and move."""
    mn = home.mn
    before = home.ctl.binding(HOA)
    got, said = home.cn.ping(HOA, "-s", "100", count=5)
    assert got == 5, said
    mn.update("link1")
    mn.move("link2")
    got, said = home.cn.ping(HOA, "-s", "100", count=5)
    assert got == 5, said
    after = home.ctl.binding(HOA)
    for key, by in (("packets-to", 10), ("packets-from", 10), ("bytes-to", 1480),
                    ("bytes-from", 1480)):
        assert after[key] - before[key] == by, key
