# SPDX-License-Identifier: BSD-3-Clause
"""Path MTUs of tunnels (RFC 2473, 6.7 to 8; RFC 8201): routers on the way to the mobile node say
Packet Too Big, the correspondent hears of it, and what has to be carried all the same arrives in
fragments that the mobile node's kernel puts together. The path is world.add_narrow()'s: 1500 at
hamd, 1400, then 1280."""

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6PacketTooBig,
                                ICMPv6TimeExceeded, IPv6)
from scapy.packet import Raw

from lab.mn import MobileNode
from lab.netns import Netns
from lab.raw import icmp6, is_icmp6, send_ip6
from lab.transfer import Transfer
from lab.world import CN, HA, HAMD, HOA, coa_of

# The second domain clamps, the first does not.
HA2, HOA2 = "2001:db8:b::1", "2001:db8:b::100"
CONFIG = {
    "domain": {"tcp-mss-clamp": "off"},
    "domains": [{"name": "clamped", "mobile-prefixes": ["2001:db8:b::/48"],
                 "home-agent-address": HA2,
                 "mobile-nodes": [{"home-address": HOA2, "auth": {"type": "none"}}]}],
}
ROUTER = "2001:db8:e::2"


@pytest.fixture(scope="module")
def narrow(home):
    """Both mobile nodes on a narrow link; home.mn also has its wide ones."""
    world = home.world
    world.r.ip("-6", "route", "add", "2001:db8:b::/48", "via", HAMD, "dev", "r-ha")
    home.mn2 = MobileNode(home.lab.ns("mn2"), HOA2, HA2, {})
    home.lab.on_close(home.mn2.close)
    for number, mn in enumerate((home.mn, home.mn2), 1):
        world.add_narrow(mn, number)
        mn.defragment()
    for router in (world.r, world.r2):
        router.sysctl(net__ipv6__icmp__ratelimit=0)
    return home


def forget(*nodes):
    """What kernels have learned."""
    for ns in nodes:
        ns.ip("-6", "route", "flush", "cache", check=False)


def tunnel_mtu(home, hoa=HOA):
    return home.ctl.binding(hoa).get("tunnel-mtu")


def at_narrow(mn):
    mn.register("narrow")
    # its own packets pass r's link in one piece
    mn.attach("narrow", mtu=1400)


def find_out(home, hoa):
    """Pings of 1500 octets, one for each MTU of the path. Not more: the correspondent would go on
    in fragments of 1280, hamd fragment the tunnel packets, and a kernel that takes fragments out
    of what was fragments itself thinks of nothing good (not in ip6_tunnel, but in seg6)."""
    got, said = home.cn.ping(hoa, "-s", "1452", count=3, interval=0.2, wait=0.3)
    assert got == 0 and tunnel_mtu(home, hoa) == 1280 - 40, said


def test_learned_from_each_router(narrow, capture):
    """hamd's own MTU, r's, r2's are learned one after the other, and told to the correspondent as
    what its packets may have, never less than 1280."""
    cn, mn = narrow.cn, narrow.mn
    at_narrow(mn)
    forget(cn)
    assert tunnel_mtu(narrow) is None
    at_cn = capture(cn, "cn-r", "icmp6")
    with narrow.ctl.moves("counters", path_mtu_lowered=2, icmp6_errors_passed_on=2):
        find_out(narrow, HOA)
    got, said = cn.ping(HOA, "-s", "1232")
    assert got == 3, said
    at_cn.stop()
    told = at_cn.fields("icmpv6.type == 2 && icmpv6.code == 0", "icmpv6.mtu", "ipv6.src", "ipv6.dst",
                        "icmpv6.checksum.status", "ipv6.nxt")
    assert [row[0] for row in told] == ["1460", "1360", "1280"], told
    for _, src, dst, checksum, headers in told:
        # quoted: the inner packet, and no tunnel around it
        assert (src, dst) == (f"{HAMD},{CN}", f"{CN},{HOA}")
        assert checksum.startswith("1") and headers.startswith("58,") and "41" not in headers
    at_cn.assert_clean("icmpv6.type == 2", 3)
    assert "mtu 1280" in cn.ip("-6", "route", "get", HOA)


def test_carried_in_fragments(narrow, capture):
    """Inner packets of 1280 octets: one fragment header a packet, two fragments, none above 1280,
    halves that no tunnel further on has to fragment again."""
    mn = narrow.mn
    at_narrow(mn)
    before = mn.counter("tunnelled")
    at_mn = capture(mn.ns, "mn-narrow", "ip6")
    with narrow.ctl.moves("counters", fragmented=5, fragments_made=10):
        got, said = narrow.cn.ping(HOA, "-s", "1232", count=5)
    assert got == 5, said
    assert mn.counter("tunnelled") == before + 5  # put together before it was counted
    at_mn.stop()
    rows = at_mn.fields(f"ipv6.fraghdr && ipv6.src == {HA}", "ipv6.plen", "ipv6.fraghdr.offset",
                        "ipv6.fraghdr.more", "ipv6.fraghdr.ident", "ipv6.flow")
    assert len(rows) == 10, rows
    numbers = {row[3] for row in rows}
    assert len(numbers) == 5
    for number in numbers:
        first, last = sorted((r for r in rows if r[3] == number), key=lambda r: int(r[1]))
        assert (int(first[1]), first[2][0]) == (0, "1") and last[2][0] == "0", (first, last)
        sizes = [int(r[0].split(",")[0]) + 40 for r in (first, last)]
        assert max(sizes) <= 1280 - 48 and sum(sizes) == 1320 + 40 + 2 * 8, sizes
    whole = at_mn.fields("icmpv6.type == 128", "ipv6.src", "ipv6.dst", "icmpv6.checksum.status")
    assert whole == [(f"{HA},{CN}", f"{mn.coa},{HOA}", "1")] * 5
    at_mn.assert_clean("icmpv6.type == 128", 5)


def test_large_pings(narrow):
    """Where the path takes 1400: the first ones teach, then they come in fragments that the
    correspondent made, and the answers in fragments of the mobile node's tunnel packets."""
    mn = narrow.mn
    for ns, dev in ((narrow.r, "r-11"), (mn.ns, "mn-link1")):
        ns.ip("link", "set", dev, "mtu", 1400)
    forget(narrow.cn, mn.ns)
    mn.register("link1")
    got, said = narrow.cn.ping(HOA, "-s", "1452", count=2, interval=0.2, wait=0.3)
    assert got == 0 and tunnel_mtu(narrow) == 1400 - 40, said
    with narrow.ctl.moves("counters", fragmented=0, encapsulated=6, reassembled=3):
        got, said = narrow.cn.ping(HOA, "-s", "1452")
    assert got == 3, said
    got, said = mn.ns.ping(CN, "-I", HOA, "-s", "1452")
    assert got == 3, said


def test_as_large_as_fits(narrow):
    at_narrow(narrow.mn)
    with narrow.ctl.moves("counters", fragmented=0):
        got, said = narrow.cn.ping(HOA, "-s", str(1240 - 48))
    assert got == 3, said
    with narrow.ctl.moves("counters", fragmented=3):
        got, said = narrow.cn.ping(HOA, "-s", str(1241 - 48))
    assert got == 3, said


@pytest.mark.parametrize("clamp", ["off", "auto"])
@pytest.mark.parametrize("direction", ["to", "from"])
def test_transfer(narrow, clamp, direction):
    """No black hole, whether TCP has to find out or is told."""
    mn = narrow.mn if clamp == "off" else narrow.mn2
    forget(narrow.cn, mn.ns)
    at_narrow(mn)
    ends = (narrow.cn, CN, mn.ns, mn.hoa) if direction == "to" else (mn.ns, mn.hoa, narrow.cn, CN)
    run = Transfer(*ends, size=4 << 20).join()
    assert run.max_gap < 2.0
    if direction == "to":
        assert tunnel_mtu(narrow, mn.hoa) == 1240


def test_clamped_to_the_path(narrow, capture):
    """What was learned is what the next connection is told: 1280 less 100, both ways."""
    mn = narrow.mn2
    at_narrow(mn)
    forget(narrow.cn)
    find_out(narrow, HOA2)
    at_cn, at_mn = capture(narrow.cn, "cn-r", "tcp"), capture(mn.ns, "mn-narrow", "ip6")
    with narrow.ctl.moves("counters", fragmented=0, tcp_mss_clamped=2):
        Transfer(narrow.cn, CN, mn.ns, HOA2, 1 << 20).join()
    at_cn.stop()
    at_mn.stop()
    for cap, src in ((at_cn, HOA2), (at_mn, CN)):
        assert set(cap.fields(f"tcp.flags.syn == 1 && ipv6.src == {src}",
                              "tcp.options.mss_val")) == {("1180",)}


def test_a_move_starts_anew(narrow):
    """Another care-of address, another path; back again, what was learned is remembered."""
    mn = narrow.mn
    at_narrow(mn)
    forget(narrow.cn)
    find_out(narrow, HOA)
    mn.move("link2")
    assert tunnel_mtu(narrow) is None
    with narrow.ctl.moves("counters", fragmented=0):
        got, said = narrow.cn.ping(HOA, "-s", "1232")
    assert got == 3, said
    mn.move("narrow")
    assert tunnel_mtu(narrow) == 1240


# --- lies ---


def error(kind, outer, inner, size=1460, **fields):
    """An error message to the home agent about a tunnel packet with an inner one of `size`."""
    inner = IPv6(src=CN, dst=inner, hlim=60) / UDP(sport=7, dport=7) / Raw(b"x" * (size - 48))
    tunnel = IPv6(src=HA, dst=outer, hlim=60) / inner
    return IPv6(src=ROUTER, dst=HA) / kind(**fields) / Raw(bytes(tunnel)[:1232])


@pytest.mark.parametrize("reason,mtu,outer,inner,size", [
    ("icmp6_no_tunnel", 1400, coa_of(1, 2), "2001:db8:a::999", 1460),
    ("icmp6_no_tunnel", 1400, coa_of(1, 2), CN, 1460),
    ("icmp6_no_tunnel", 1400, coa_of(1, 1), HOA, 1460),
    ("icmp6_no_tunnel", 1400, coa_of(1, 2), HOA2, 1460),
    ("icmp6_mtu", 1279, coa_of(1, 2), HOA, 1460),
    ("icmp6_mtu", 0, coa_of(1, 2), HOA, 1460),
    ("icmp6_mtu", 1400, coa_of(1, 2), HOA, 1360),
    ("icmp6_mtu", 1400, coa_of(1, 2), HOA, 1461),
])
def test_forged(narrow, reason, mtu, outer, inner, size):
    """Changes nothing, tells nobody, is counted."""
    narrow.mn.register("link2")
    counters = narrow.ctl.counters()
    with narrow.ctl.moves("drops", **{reason: 1}):
        send_ip6(narrow.r, error(ICMPv6PacketTooBig, outer, inner, size, mtu=mtu))
    assert tunnel_mtu(narrow) is None
    after = narrow.ctl.counters()
    for name in ("path_mtu_lowered", "icmp6_errors_sent", "icmp6_errors_passed_on"):
        assert after[name] == counters[name], name


@pytest.mark.parametrize("kind", [ICMPv6DestUnreach, ICMPv6TimeExceeded])
def test_nobody_is_told_what_was_made_up(narrow, kind):
    """All addresses are right, but the packet is none that hamd sent: without its flow label the
    "inner source" gets nothing."""
    narrow.mn.register("link2")
    counters = narrow.ctl.counters()
    with narrow.ctl.moves("drops", icmp6_unproven=1):
        send_ip6(narrow.r, error(kind, coa_of(1, 2), HOA))
    assert narrow.ctl.counters()["icmp6_errors_sent"] == counters["icmp6_errors_sent"]
    assert narrow.ctl.binding(HOA) is not None


# --- other errors from inside the tunnel (RFC 2473, 8.1) ---


def answered(narrow, kind, code):
    """The correspondent's packet, and what comes back to its wire."""
    pkt = IPv6(src=CN, dst=HOA) / ICMPv6EchoRequest(id=7, data=b"through?")
    with narrow.world.wire() as wire:
        got = wire.ask(pkt, is_icmp6(kind, code), 3.0)
    assert got is not None
    assert (got[IPv6].src, got[IPv6].dst, icmp6(got)[2]) == (HAMD, CN, 0)
    quoted = bytes(got[IPv6].payload)[8:]
    assert quoted[40:] == bytes(pkt)[40:] and quoted[8:40] == bytes(pkt)[8:40]


def without_route(r: Netns):
    r.ip("-6", "route", "add", "unreachable", f"{coa_of(1, 2)}/128")
    return lambda: r.ip("-6", "route", "del", "unreachable", f"{coa_of(1, 2)}/128")


def without_hops(r: Netns):
    r.nft(f"table ip6 hops {{\nchain in {{\ntype filter hook prerouting priority 0\n"
          f"ip6 daddr {coa_of(1, 2)} ip6 hoplimit set 1\n}}\n}}")
    return lambda: r.run("nft", "delete", "table", "ip6", "hops")


@pytest.mark.parametrize("break_it", [without_route, without_hops])
def test_unreachable_is_passed_on(narrow, break_it):
    """As address unreachable, with the inner packet; the binding stays."""
    narrow.mn.move("link2")
    mend = break_it(narrow.r)
    try:
        with narrow.ctl.moves("counters", icmp6_errors_passed_on=1):
            answered(narrow, 1, 3)
    finally:
        mend()
    assert narrow.ctl.binding(HOA) is not None
    got, said = narrow.cn.ping(HOA)
    assert got == 3, said
