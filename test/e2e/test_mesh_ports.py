# SPDX-License-Identifier: BSD-3-Clause
"""The mesh on a link of its own, in a VLAN: what sites say to each other and what they relay goes
there and nowhere else, and what mobile nodes and correspondents send never does."""

import contextlib
from types import SimpleNamespace

import pytest

from lab.capture import Capture
from lab.mesh import DEV, SHARED_HA, MeshWorld
from lab.shell import until
from lab.world import hoa_of

HOA = hoa_of(1)
DIRECT, VLAN = "direct", 30
MESH = "udp.port in {4750,4751}"
NEIGHBORS = "icmpv6.type in {135,136}"


def address(k):
    """Of site k on the link between the two."""
    return f"2001:db8:d::{k}"


def config(world, k):
    """The site address is the second port's; the default route remains the first one's."""
    it = world.config(k, mode="shared", domain={"delivery": "primary"})
    it["ports"].append({"name": "mesh", "device": f"net_af_packet1,iface={DIRECT}", "vlan": VLAN,
                        "addresses": [f"{address(k)}/64"], "dad": False})
    it["mesh"]["site-address"] = address(k)
    it["mesh"]["peers"][0]["address"] = address(3 - k)
    return it


@pytest.fixture(scope="module")
def mesh(lab, daemon):
    """Captures hold what comes in at site 1 from its router, and on the direct link."""
    world = MeshWorld(lab, sites=2, delay_ms=4)
    world.mn.use_agent(SHARED_HA)
    lab.link(world[1].ns, DIRECT, world[2].ns, DIRECT)
    for site in world.sites.values():  # each hears the other
        lab.silence(site.ns, DIRECT)
    with contextlib.ExitStack() as stack:
        caps = {}
        for k, site in world.sites.items():
            site.hamd = daemon(site.ns, config(world, k), site.name)
            for dev in (DEV, DIRECT):
                caps[k, dev] = stack.enter_context(
                    Capture(site.ns, dev, lab.dir / f"{site.name}-{dev}.pcap"))
        for site in world.sites.values():
            site.hamd.start(ready=False)
        world.gate.wait(60, site1=True, site2=True)
        world.mn.register("site1")
        world.until_known(2, world.mn)
        yield SimpleNamespace(world=world, caps=caps)
    assert world.mn.counter("stray") == 0
    assert set(world.stop().values()) == {0}


def test_relayed_by_the_direct_link(mesh):
    """From the correspondent near site 2 to the primary, site 1, in ESP: not by the long line."""
    world = mesh.world
    with world[2].ctl.moves("counters", mesh_sealed=-5), world[1].ctl.moves(
            "counters", mesh_opened=-5, encapsulated=-5):
        assert world[2].cn.ping(HOA, count=5)[0] == 5
    for cap in mesh.caps.values():
        cap.stop()
    for k in world.sites:
        wan, direct = mesh.caps[k, DEV], mesh.caps[k, DIRECT]
        assert wan.count(f"vlan || esp || {MESH}") == 0
        assert wan.count("ipv6.nxt == 41 || icmpv6.type == 128") > 0
        assert direct.count(f"vlan.id != {VLAN} || !vlan") == 0
        assert direct.count(f"!esp && !({MESH}) && !({NEIGHBORS})") == 0
        direct.assert_clean(MESH)
    assert mesh.caps[1, DIRECT].count("esp") >= 5


def test_the_direct_link_is_lost(mesh):
    """Each site then serves what reaches it; when the link is back they are one again."""
    world = mesh.world
    world[1].ns.ip("link", "set", DIRECT, "down")
    until("site 1 is down for site 2",
          lambda: world[2].ctl.show("peers")[0]["state"] == "dead", 10)
    until("taken over", lambda: world[2].ctl.binding(HOA)["owner"].endswith("2"), 5)
    assert world[2].cn.ping(HOA, count=3)[0] == 3
    world[1].ns.ip("link", "set", DIRECT, "up")
    for site in world.sites.values():
        until("up again", lambda s=site: s.ctl.show("peers")[0]["state"] == "up", 15)
    until("one owner", lambda: {site.ctl.binding(HOA)["owner"][-1]
                                for site in world.sites.values()} == {"2"}, 10)
    assert world[1].cn.ping(HOA, count=3)[0] == 3
