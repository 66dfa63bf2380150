# SPDX-License-Identifier: BSD-3-Clause
"""Three sites with stores: what a site does that has not heard of a move yet, and a start of all of
them from stores that differ."""

import json
import signal
import time

import pytest

from lab.mesh import MeshWorld, agent_address, site_address
from lab.shell import until

PORT = 4750
SMALL = 220  # octets with headers: sessions are made, a record may pass, no snapshot does
HELD_S = 1.0


def held(a, others, than=0):
    """What site a has to say to others is lost on the way where it is larger than that, while they
    hear each other's hellos."""
    others = ", ".join(map(site_address, others))
    return f"""
table ip6 held {{
	chain on {{
		type filter hook forward priority 0
		ip6 saddr {site_address(a)} ip6 daddr {{ {others} }} udp dport {PORT} meta length > {than} drop
	}}
}}
"""


@pytest.fixture(scope="module")
def mesh(lab, daemon):
    world = MeshWorld(lab, sites=3, delay_ms={(1, 2): 8, (1, 3): 8, (2, 3): 4}, mobile_nodes=3)
    for k, site in world.sites.items():
        site.hamd = daemon(site.ns, world.config(
            k, domain={"join-timeout-ms": 500},
            store={"path": str(lab.dir / f"store{k}")}), site.name)
        site.hamd.start(ready=False)
    for site in world.sites.values():
        site.hamd.wait_log(site.hamd.READY, 30)
    all_ready(world)
    yield world
    for mn in world.mns:
        assert mn.counter("stray") == 0, "a tunnel packet from someone else's address"
    assert set(world.stop().values()) == {0}


def states(mesh, k):
    return {p["state"] for p in mesh[k].ctl.show("peers")}


def all_ready(mesh):
    mesh.gate.wait(20, site1=True, site2=True, site3=True)
    for k in mesh.sites:
        until(f"all up at site {k}", lambda k=k: states(mesh, k) == {"up"}, 20)


def holds(mesh, k, mn):
    """Site k has the mobile node's last registration."""
    row = mesh[k].ctl.binding(mn.hoa)
    return row is not None and (row["care-of-address"], row["sequence"]) == (mn.coa, mn.seq)


def reached(mesh, k, mn):
    """A site that stood still for a moment, as on a machine that is busy, may have to ask first."""
    until(f"{mn.hoa} from site {k}", lambda: mesh[k].cn.ping(mn.hoa, count=1, wait=1)[0] == 1, 10)


def mismatches(mesh, k):
    return mesh[k].ctl.show("domains")[0]["relayed"]["mismatches"]


def test_first_packet_at_a_third_site(mesh):
    """A mobile node that was acknowledged by site 1 sends by site 3, which does not know its care-of
    address yet: site 3 does not open that tunnel, nor drop it, but has site 1 decide."""
    mn = mesh.mn
    mn.register("site1")
    for k in mesh.sites:
        mesh.until_known(k, mn)
    reached(mesh, 1, mn)
    mesh.gate.hold(2)  # what the mobile node sends at site 2 goes to site 3
    for k in (1, 2):  # nor may site 2 tell it, where the two happen to compare just then
        mesh[k].router.nft(held(k, [3]))
    try:
        before, opened = mismatches(mesh, 3), mesh[3].ctl.counters()["decapsulated"]
        mn.register("site2")
        got, said = mn.ns.ping(mesh[1].cn_address, "-I", mn.hoa, count=1)
        assert not holds(mesh, 3, mn), "site 3 knew; nothing was tested"
        assert got == 1, said
        assert mismatches(mesh, 3) == before + 1
        assert mesh[3].ctl.counters()["decapsulated"] == opened
        for k in (1, 2):
            mesh[k].router.nft("flush table ip6 held")
        until("site 3 hears of it", lambda: holds(mesh, 3, mn), 5)
        got, said = mn.ns.ping(mesh[3].cn_address, "-I", mn.hoa, count=1)
        assert got == 1, said
        assert mismatches(mesh, 3) == before + 1
    finally:
        for k in (1, 2):
            mesh[k].router.nft("delete table ip6 held")
        mesh.gate.hold(2, False)
    all_ready(mesh)


def test_stores_that_differ(mesh):
    """What each of them acknowledged alone is at all of them before any is ready; of two
    registrations of one mobile node the newer one is. A snapshot that is held up on its way keeps
    also that site from being ready which gives it."""
    for mn in mesh.mns:
        if mn.link is not None:
            assert mn.deregister().status == 0
    one, two, both = mesh.mns
    for mn in (two, both):
        mn.use_agent(agent_address(2))
    both.register("site1")
    until("site 1 has it", lambda: holds(mesh, 1, both), 5)
    for a, b in mesh.pairs:
        mesh.cut(a, b)
    one.register("site1")
    two.register("site2")
    both.register("site2")
    assert mesh[2].ctl.binding(both.hoa)["alone"]
    assert mesh[1].ctl.binding(both.hoa) and not holds(mesh, 1, both)
    assert not mesh[1].ctl.binding(two.hoa) and not mesh[2].ctl.binding(one.hoa)
    assert set(mesh.stop().values()) == {0}
    mesh.heal()
    mesh[2].router.nft(held(2, [1, 3], SMALL))
    for site in mesh.sites.values():
        site.hamd.start(ready=False)
    for site in mesh.sites.values():
        site.hamd.wait_log(site.hamd.READY, 30)
    for k in mesh.sites:
        until(f"all up at site {k}", lambda k=k: states(mesh, k) == {"up"}, 20)
    until("site 2 has all", lambda: all(holds(mesh, 2, mn) for mn in mesh.mns), 10)
    end = time.monotonic() + HELD_S
    while time.monotonic() < end:
        for k in mesh.sites:
            assert mesh[k].ctl.run("ready").returncode == 1, f"site {k}; site 2 alone has all"
    mesh[2].router.nft("delete table ip6 held")
    all_ready(mesh)
    for k in mesh.sites:
        for mn in mesh.mns:
            until(f"{mn.hoa} at site {k}", lambda k=k, mn=mn: holds(mesh, k, mn), 5)
            reached(mesh, k, mn)


def test_killed_all(mesh):
    """kill -9 of all of them at once, right behind acknowledgements that waited for the store: each
    has all of it again, without another word of the mobile nodes."""
    assert set(mesh.stop().values()) == {0}
    for site in mesh.sites.values():
        config = json.loads(site.hamd.path.read_text())
        config["domains"][0]["ack-peers"] = "store"
        site.hamd.path.write_text(json.dumps(config))
        site.hamd.start(ready=False)
    all_ready(mesh)
    for k, mn in zip(mesh.sites, mesh.mns):
        mn.register(f"site{k}", tries=3)
    for site in mesh.sites.values():
        site.hamd.send_signal(signal.SIGKILL)
    for site in mesh.sites.values():
        site.hamd.kill9()
    for site in mesh.sites.values():
        site.hamd.start()
    all_ready(mesh)
    for k in mesh.sites:
        for mn in mesh.mns:
            assert holds(mesh, k, mn), f"site {k}"
            reached(mesh, k, mn)
