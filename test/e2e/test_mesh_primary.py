# SPDX-License-Identifier: BSD-3-Clause
"""Two sites that deliver as in the paper's Fig. 6, by the primary home agent, on one shared home agent
address: the relay between them, who becomes the primary, an error that comes to the wrong one."""

import pytest

from lab.mesh import SHARED_HA, MeshWorld, between
from lab.pings import Stream
from lab.raw import send_ip6
from lab.shell import until
from lab.world import hoa_of
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6, UDP
from scapy.packet import Raw

HOA = hoa_of(1)


@pytest.fixture(scope="module")
def mesh(lab, daemon):
    world = MeshWorld(lab, sites=2, delay_ms=4)
    world.mn.use_agent(SHARED_HA)
    for k, site in world.sites.items():
        site.hamd = daemon(site.ns, world.config(k, mode="shared", domain={
            "delivery": "primary"}), site.name)
        site.hamd.start()
    world.gate.wait(20, site1=True, site2=True)
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
        assert mesh.crossings(2, HOA) == {between(1, 2): 2}
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


def test_primary_moves_without_loss(mesh):
    """The site that hears the Binding Update is the primary from then on; the other relays."""
    at(mesh, 1)
    flows = [Stream(mesh[k].cn, mesh.mn.ns, HOA, port=6000 + k) for k in mesh.sites]
    mesh.mn.move("site2")
    for flow in flows:
        flow.wait_for(20)
    assert [flow.stop() for flow in flows] == [[], []]
    at(mesh, 2)
    assert mesh.crossings(2, HOA) == {}


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
