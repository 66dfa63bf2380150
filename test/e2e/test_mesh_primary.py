# SPDX-License-Identifier: BSD-3-Clause
"""Two sites that deliver as in the paper's Fig. 6, by the primary home agent, on one shared home agent
address: the relay between them, who becomes the primary and who bills, an error that comes to the
wrong one, a primary that is killed and comes back."""

import json

import pytest

from lab import mip6
from lab.mesh import DEAD_MS, SHARED_HA, MeshWorld, between
from lab.pings import Stream
from lab.raw import Wire, checksum, icmp6, is_icmp6, send_ip6
from lab.shell import until
from lab.transfer import Transfer
from lab.world import hoa_of
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6HAADRequest, ICMPv6MPSol,
                                ICMPv6PacketTooBig, IPv6, UDP)
from scapy.packet import Raw

HOA = hoa_of(1)
ANYCAST = "2001:db8:a:0:fdff:ffff:ffff:fffe"  # RFC 2526, of the shared address's /64
OUTSIDE = "2001:db8:ff::1"


@pytest.fixture(scope="module")
def mesh(lab, daemon):
    world = MeshWorld(lab, sites=2, delay_ms=4)
    world.mn.use_agent(SHARED_HA)
    for k, site in world.sites.items():
        site.lines = lab.dir / f"{site.name}.jsonl"
        site.hamd = daemon(site.ns, world.config(
            k, mode="shared", domain={"delivery": "primary"},
            accounting={"file": str(site.lines), "interim-s": 1}), site.name)
        site.hamd.start(ready=False)
    world.gate.wait(60, site1=True, site2=True)
    yield world
    assert world.mn.counter("stray") == 0
    assert set(world.stop().values()) == {0}


def at(mesh, k):
    """Registered by site k, which hears the Binding Update first."""
    mesh.mn.register(f"site{k}")
    for site in mesh.sites:
        mesh.until_known(site, mesh.mn)
        until("the primary", lambda s=site: mesh[s].ctl.binding(HOA)["owner"][-1] == str(k), 5)


def test_relay_to_the_primary(mesh):
    """From the correspondent near site 2 by site 2 and the mesh to site 1, in ESP."""
    at(mesh, 1)
    with mesh[2].ctl.moves("counters", mesh_sealed=-5), mesh[1].ctl.moves(
            "counters", mesh_opened=-5, encapsulated=-5):
        assert mesh.crossings(2, HOA, repeats=0) == {between(1, 2): 2}
    assert mesh[1].ctl.drops()["mesh_hop_limit"] == 0


def test_show_sa(mesh):
    """What is relayed is in one association, told alike at both ends; and no word of its key."""
    at(mesh, 1)
    assert mesh[2].cn.ping(HOA, count=5)[0] == 5
    sent, = [sa for sa in mesh[2].ctl.show("sa") if sa["direction"] == "out"]
    assert (sent["site"], sent["hop"], sent["state"]) == ("site1", "first", "in use")
    assert sent["number"] >= sent["packets"] >= 5 and sent["bytes"] > 0 and 0 <= sent["age-s"] < 180
    taken, = [sa for sa in mesh[1].ctl.show("sa") if sa["spi"] == sent["spi"]]
    assert (taken["site"], taken["direction"], taken["state"]) == ("site2", "in", "in use")
    assert taken["number"] == sent["number"] and taken["packets"] == sent["packets"]
    assert "NUMBER" in mesh[2].ctl("show", "sa") and "key" not in mesh[2].ctl("show", "sa", "--json")


def test_answered_where_it_arrives(mesh):
    """What is asked of the shared address, or of all home agents, site 2 answers itself, though the
    binding is site 1's: an echo, a request for home agents, one of the mobile node for prefixes, and
    a Binding Update that it refuses."""
    at(mesh, 1)
    cn, mn = mesh[2].cn_address, mesh.mn
    asked = {
        "echo_answered": IPv6(src=cn, dst=SHARED_HA) / ICMPv6EchoRequest(id=7, seq=1),
        "haad_answered": IPv6(src=cn, dst=ANYCAST) / ICMPv6HAADRequest(id=8),
        "mps_received": mip6.with_hao(mn.coa, HOA, SHARED_HA) / ICMPv6MPSol(id=9),
        "bu_refused": mip6.binding_update(OUTSIDE, cn, SHARED_HA, 1)}
    answers = {"echo_answered": is_icmp6(129), "haad_answered": is_icmp6(145, 0),
               "mps_received": is_icmp6(147, 0), "bu_refused": lambda p: mip6.read_ba(p) is not None}
    with Wire(mesh[2].cn, "cn-r") as near, mesh[1].ctl.moves("counters", **dict.fromkeys(asked, 0)):
        for counter, pkt in asked.items():
            wire = mn.wire(mn.link) if counter == "mps_received" else near
            with mesh[2].ctl.moves("counters", **{counter: 1}):
                send_ip6(mesh[2].cn, pkt)
                got = wire.expect(answers[counter], 3.0)
            assert got is not None and got[IPv6].src == SHARED_HA, counter
    assert mip6.read_ba(got).status == 132, "not the home subnet"


def test_primary_moves_without_loss(mesh):
    """The site that hears the Binding Update is the primary from then on; the other relays."""
    at(mesh, 1)
    flows = [Stream(mesh[k].cn, mesh.mn.ns, HOA, port=6000 + k) for k in mesh.sites]
    mesh.mn.move("site2")
    for flow in flows:
        flow.wait_for(20)
    assert [flow.stop() for flow in flows] == [[], []]
    at(mesh, 2)
    assert mesh.crossings(2, HOA, repeats=0) == {}


def test_packet_too_big_at_the_wrong_site(mesh):
    """An error about the primary's tunnel is addressed to the shared address: it comes to the site
    nearest to who sends it, which tells the primary."""
    at(mesh, 1)
    inner = IPv6(src=mesh[1].cn_address, dst=HOA) / UDP(dport=9) / Raw(b"q" * 1392)
    quoted = bytes(IPv6(src=SHARED_HA, dst=mesh.mn.coa, nh=41) / inner)[:1200]
    error = IPv6(src=mesh[2].cn_address, dst=SHARED_HA) / ICMPv6PacketTooBig(mtu=1400) / Raw(quoted)
    send_ip6(mesh[2].cn, error)
    for k in mesh.sites:
        until(f"site {k} knows the path", lambda k=k:
              mesh[k].ctl.binding(HOA).get("tunnel-mtu") == 1400 - 40, 5)


def by_the_other_site(mesh):
    """The mobile node is near site 2, and site 1 tunnels to it."""
    mesh.gate.hold(2)  # the Binding Update goes to site 1
    mesh.mn.register("site2")
    mesh.gate.hold(2, False)
    for site in mesh.sites:
        mesh.until_known(site, mesh.mn)
    assert {mesh[k].ctl.binding(HOA)["owner"][-1] for k in mesh.sites} == {"1"}


def test_transfer_on_a_narrow_path(mesh):
    """The link at site 2 takes 1400 octets, and its router says so to the shared address, which is
    site 2's there; it is site 1 that tunnels. The correspondent hears of it and nothing stops."""
    router = mesh[2].router
    by_the_other_site(mesh)
    router.ip("link", "set", "r-mn1", "mtu", 1400)
    mesh.mn.attach("site2", mtu=1360, advmss=1400)  # of its own, not to tell
    try:
        with mesh[2].ctl.moves("counters", path_mtu_lowered=1):
            run = Transfer(mesh[1].cn, mesh[1].cn_address, mesh.mn.ns, HOA, size=1 << 20).join()
        assert run.max_gap < 2.0
        assert "mtu 1360" in mesh[1].cn.ip("-6", "route", "get", HOA)
        for k in mesh.sites:  # site 2 tells the correspondent before site 1 has been told
            until(f"site {k} knows the path", lambda k=k:
                  mesh[k].ctl.binding(HOA).get("tunnel-mtu") == 1400 - 40, 5)
    finally:
        router.ip("link", "set", "r-mn1", "mtu", 1500)


def narrow(router, coa):
    router.ip("link", "set", "r-mn1", "mtu", 1390)
    return lambda: router.ip("link", "set", "r-mn1", "mtu", 1500)


def without_route(router, coa):
    router.ip("-6", "route", "add", "unreachable", f"{coa}/128")
    return lambda: router.ip("-6", "route", "del", "unreachable", f"{coa}/128")


def without_hops(router, coa):
    router.nft(f"table ip6 hops {{\nchain in {{\ntype filter hook prerouting priority 0\n"
               f"ip6 daddr {coa} ip6 hoplimit set 1\n}}\n}}")
    return lambda: router.run("nft", "delete", "table", "ip6", "hops")


@pytest.mark.parametrize("break_it, size, told", [
    (narrow, 1308, (2, 0, 1390 - 40)), (without_route, 100, (1, 3, 0)),
    (without_hops, 100, (1, 3, 0))], ids=["narrow", "without_route", "without_hops"])
def test_error_is_passed_on_by_the_wrong_site(mesh, break_it, size, told):
    """Router 2, a Linux kernel, has something to say about a tunnel packet of site 1's, to the shared
    address, which is site 2's there. Site 2 tells the correspondent near site 1, by what the label of
    the quoted packet proves; a label that nobody gave proves nothing (RFC 2473, 8)."""
    by_the_other_site(mesh)
    pkt = IPv6(src=mesh[1].cn_address, dst=HOA) / UDP(sport=7, dport=9) / Raw(b"q" * size)
    mend = break_it(mesh[2].router, mesh.mn.coa)
    try:
        with Wire(mesh[1].cn, "cn-r") as wire, mesh[2].ctl.moves(
                "counters", icmp6_errors_passed_on=1, icmp6_errors_of_sites=1):
            send_ip6(mesh[1].cn, pkt)
            got = wire.expect(is_icmp6(*told[:2]), 3.0)
    finally:
        mend()
    assert got is not None and icmp6(got) == told
    assert (got[IPv6].src, got[IPv6].dst) == (mesh[2].address, mesh[1].cn_address)
    said = bytes(got[IPv6].payload)[:got[IPv6].plen]
    assert checksum(got[IPv6].src, got[IPv6].dst, 58, said) == 0
    assert said[8 + 8:] == bytes(pkt)[8:len(said) - 8]
    quoted = bytes(IPv6(src=SHARED_HA, dst=mesh.mn.coa, nh=41, fl=1) / pkt)[:1200]
    with mesh[2].ctl.moves("drops", icmp6_unproven=1):
        send_ip6(mesh[2].cn, IPv6(src=mesh[2].cn_address, dst=SHARED_HA) / ICMPv6DestUnreach() /
                 Raw(quoted))


def test_billed_once(mesh):
    """Over a move of mobile node and primary, and whoever relays: the lines of both sites together
    say what it got and sent, and each packet stands in one site's."""
    mn = mesh.mn
    assert mn.deregister().status == 0
    until("no binding", lambda: not any(site.ctl.binding(HOA) for site in mesh.sites.values()), 5)
    for site in mesh.sites.values():
        until("the last one's stop", lambda s=site: rows(s)[-1]["event"] in ("on", "stop"), 5)
    before = {k: len(rows(site)) for k, site in mesh.sites.items()}
    at(mesh, 1)
    echo(mesh[1].cn, HOA, 100, 10)
    echo(mesh[2].cn, HOA, 200, 7)
    echo(mn.ns, mesh[2].cn_address, 300, 5, "-I", HOA)
    flow = Stream(mesh[2].cn, mn.ns, HOA)
    mn.move("site2")
    flow.wait_for(20)
    assert flow.stop() == []
    at(mesh, 2)
    echo(mesh[1].cn, HOA, 400, 6)
    echo(mn.ns, mesh[1].cn_address, 500, 4, "-I", HOA)
    assert mn.deregister().status == 0
    ends = {k: until("its stop", lambda s=site, n=before[k]: [
        row for row in rows(s)[n:] if row["event"] == "stop"], 5) for k, site in mesh.sites.items()}
    both = [(100, 10), (200, 7), (300, 5), (400, 6), (500, 4)]
    packets, octets = sum(n for _, n in both), sum(n * (48 + size) for size, n in both)
    want = {"packets-to": packets + flow.sent, "bytes-to": octets + flow.sent * (48 + 4),
            "packets-from": packets, "bytes-from": octets}
    stops = [row for found in ends.values() for row in found]
    assert {key: sum(row[key] for row in stops) for key in want} == want
    assert all(row["hoa"] == HOA and row["packets-to"] > 0 for row in stops)
    assert {k: len(found) for k, found in ends.items()} == {1: 1, 2: 1}
    for k, site in mesh.sites.items():
        mine = rows(site)[before[k]:]
        assert len({row["session"] for row in mine}) == 1
        for earlier, later in zip(mine, mine[1:]):
            assert all(earlier[key] <= later[key] for key in want), "what was told is taken back"


def rows(site):
    return [json.loads(line) for line in site.lines.read_text().splitlines()]


def echo(ns, dst, size, count, *args):
    got, said = ns.ping(dst, "-s", size, *args, count=count)
    assert got == count, said


def owner(mesh, k):
    """Number of the owner as site k sees it, None: it has no binding."""
    row = mesh[k].ctl.binding(HOA)
    return row and int(row["owner"][-1])


def walked(mesh, k):
    """Bindings that site k (took over, handed on)."""
    counters = mesh[k].ctl.counters()
    return counters["mesh_taken_over"], counters["mesh_handed_on"]


def test_primary_is_killed(mesh):
    """kill -9: the other site delivers instead, from the same address, and acknowledges alone. The
    first one comes back and is ready, and gets nothing for that: the binding stays where it is until
    the next Binding Update, which comes to the first one. From the death on nothing is lost."""
    at(mesh, 1)
    took, handed = walked(mesh, 2)
    flow = Stream(mesh[2].cn, mesh.mn.ns, HOA)
    mesh[1].hamd.kill9()
    until("taken over", lambda: owner(mesh, 2) == 2, 10)
    assert walked(mesh, 2) == (took + 1, handed)
    flow.wait_for(20)
    assert flow.stop() and flow.longest < DEAD_MS / 1000 + 3
    mesh.gate.wait(site1=False)
    ba = mesh.mn.update()
    assert (ba.status, ba.src) == (0, SHARED_HA)
    row = mesh[2].ctl.binding(HOA)
    assert row["sequence"] == mesh.mn.seq and row["alone"]

    flow, seen = Stream(mesh[2].cn, mesh.mn.ns, HOA), len(mesh[2].hamd.lines)
    mesh[1].hamd.start(ready=False)
    mesh.gate.wait(20, site1=True)
    mesh[2].hamd.wait_log("that site is back", 10, since=seen)
    until("not alone any more", lambda: not mesh[2].ctl.binding(HOA)["alone"], 10)
    reached = [mesh.crossings(k, HOA, repeats=0) for k in mesh.sites]
    for k in mesh.sites:
        found = mesh[k].ctl.binding(HOA)
        assert (owner(mesh, k), found["owner-version"]) == (2, row["owner-version"])
    assert reached == [{between(1, 2): 2}, {between(1, 2): 2}]
    mesh.mn.register("site1")
    for k in mesh.sites:
        until("the primary again", lambda k=k: owner(mesh, k) == 1, 5)
    assert mesh.crossings(1, HOA, repeats=0) == {}
    flow.wait_for(20)
    assert flow.stop() == []
    assert [walked(mesh, k) for k in mesh.sites] == [(0, 0), (took + 1, handed)]
