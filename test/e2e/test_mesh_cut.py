# SPDX-License-Identifier: BSD-3-Clause
"""Three sites, each with its home agent address, that deliver by the primary: two of them lose each
other, and what they relay goes by the third; a site that is away for less than dead-ms; one that
drains while its route is still followed."""

import time

import pytest

from lab.mesh import MeshWorld, agent_address
from lab.pings import Pings
from lab.shell import until
from lab.world import MOBILE_PREFIX, hoa_of

HOA, HOA2 = hoa_of(1), hoa_of(2)
DOMAIN = {"delivery": "primary", "drain-wait-ms": 3000}
DEAD_MS = 3000  # a start of hamd takes less


@pytest.fixture(scope="module")
def mesh(lab):
    world = MeshWorld(lab, sites=3, delay_ms=2, mobile_nodes=2)
    for k in world.sites:
        world.start(k, world.config(k, mesh={"dead-ms": DEAD_MS}, domain=DOMAIN), ready=False)
    world.gate.wait(60, **{f"site{k}": True for k in world.sites})
    up(world)
    yield world
    assert [mn.counter("stray") for mn in world.mns] == [0, 0]
    assert set(world.stop().values()) == {0}


def peers(mesh, k):
    return {p["site"]: p for p in mesh[k].ctl.show("peers")}


def up(mesh):
    for k in mesh.sites:
        until(f"all up at site {k}", lambda k=k: {
            p["state"] for p in peers(mesh, k).values()} == {"up"}, 20)


def owners(mesh, hoa):
    rows = [mesh[k].ctl.binding(hoa) for k in mesh.sites]
    return {row and int(row["owner"][-1]) for row in rows}


def at(mesh, mn, link, agent):
    """Registered from the link with the site whose address that is, and all know."""
    mn.use_agent(agent_address(agent))
    assert mn.register(link).src == agent_address(agent)
    for k in mesh.sites:
        mesh.until_known(k, mn)
    assert owners(mesh, mn.hoa) == {agent}


def taken_over(mesh):
    return [mesh[k].ctl.counters()["mesh_taken_over"] for k in mesh.sites]


def relayed(mesh, k, other):
    """Packets of mobile nodes that site k (sent to, had from) the other."""
    row = peers(mesh, k)[f"site{other}"]
    return row["relayed-tx-packets"], row["relayed-rx-packets"]


def in_sa(mesh, k, other, direction, hop):
    """Packets in such associations of site k with the other."""
    return sum(sa["packets"] for sa in mesh[k].ctl.show("sa") if (
        sa["site"], sa["direction"], sa["hop"]) == (f"site{other}", direction, hop))


def ways(mesh):
    """All that a packet from site 2 to site 1 by site 3 moves, and what it must not."""
    return {
        "2 to 3": relayed(mesh, 2, 3)[0], "3 from 2": relayed(mesh, 3, 2)[1],
        "3 to 1": relayed(mesh, 3, 1)[0], "1 from 3": relayed(mesh, 1, 3)[1],
        "first, 2 to 3": in_sa(mesh, 2, 3, "out", "first"),
        "first, 3 from 2": in_sa(mesh, 3, 2, "in", "first"),
        "relayed, 3 to 1": in_sa(mesh, 3, 1, "out", "relayed"),
        "relayed, 1 from 3": in_sa(mesh, 1, 3, "in", "relayed"),
        "2 to 1": relayed(mesh, 2, 1)[0], "1 from 2": relayed(mesh, 1, 2)[1],
        "first, 3 to 1": in_sa(mesh, 3, 1, "out", "first"),
    }


def answers_by(mesh, other):
    """What router 1 has for the correspondent and the mobile node near site 2 goes that way."""
    for net in ("c2", "12"):
        mesh[1].router.ip("-6", "route", "replace", f"2001:db8:{net}::/64", "via",
                          mesh.line_address(other, 1), "dev", f"r-r{other}")


STRAIGHT = {"2 to 1", "1 from 2", "first, 3 to 1"}


def test_two_mobile_nodes(mesh):
    """Owners at two sites, each mobile node next to the other's: what one sends goes to its primary,
    which opens it, and on to the other's."""
    at(mesh, mesh.mns[0], "site2", 1)
    at(mesh, mesh.mns[1], "site1", 2)
    for mn, other, near, far in ((mesh.mns[0], HOA2, 2, 1), (mesh.mns[1], HOA, 1, 2)):
        before = relayed(mesh, near, far)
        got, said = mn.ns.ping(other, "-I", mn.hoa, count=3)
        assert got == 3, said
        after = relayed(mesh, near, far)
        # requests to the primary and to the other's site; answers the same way back
        assert [b - a for a, b in zip(before, after)] == [6, 6]


def test_cut_off(mesh):
    """Sites 1 and 2 lose each other, site 3 hears both: nothing is taken over (site 1 would, from
    site 2), and what site 2 has for site 1 goes by site 3, whose associations say that it is no first
    hop."""
    at(mesh, mesh.mn, "site1", 1)
    at(mesh, mesh.mns[1], "site2", 2)
    was = taken_over(mesh)
    answers_by(mesh, 3)
    mesh.cut(1, 2)
    try:
        until("cut off", lambda: "cut" in peers(mesh, 1)["site2"]["state"] and
              "cut" in peers(mesh, 2)["site1"]["state"], 10)
        assert mesh[2].cn.ping(HOA, count=1)[0] == 1
        before = ways(mesh)
        got, said = mesh[2].cn.ping(HOA, count=5)
        assert got == 5, said
        want = {way: n + (0 if way in STRAIGHT else 5) for way, n in before.items()}
        until(f"by site 3: {want}", lambda: ways(mesh) == want, 3)
        # for site 1's address, at site 2: by site 3 as well
        ba = mesh.mn.update("site2")
        assert (ba.status, ba.src) == (0, agent_address(1))
        mesh.mn.attach("site2")
        assert ways(mesh)["relayed, 1 from 3"] > want["relayed, 1 from 3"]
        assert mesh[3].cn.ping(HOA, count=1)[0] == 1
        assert (owners(mesh, HOA), owners(mesh, HOA2)) == ({1}, {2})
        assert taken_over(mesh) == was
    finally:
        mesh.heal()
        answers_by(mesh, 2)
    up(mesh)


def test_update_while_draining(mesh):
    """A site drains, and not all routers have heard it: it goes on as it was, for its own address,
    too, and nothing is lost."""
    at(mesh, mesh.mn, "site1", 1)
    flow = Pings(mesh[1].cn, HOA)
    mesh[1].ctl("drain")
    mesh.gate.wait(site1=False)
    mesh[1].router.ip("-6", "route", "replace", MOBILE_PREFIX, "via", mesh[1].address, "dev", "r-ha")
    before = mesh[1].ctl.counters()["bu_refreshed"]
    ba = mesh.mn.update("site1")
    assert (ba.status, ba.src) == (0, agent_address(1))
    assert mesh[1].ctl.counters()["bu_refreshed"] == before + 1
    assert "draining" in mesh[1].ctl.run("ready").stderr, "it had the time"
    flow.wait_for(5)
    mesh[1].ctl("undrain")
    mesh.gate.wait(site1=True)
    flow.wait_for(5)
    assert flow.stop() == []
    until("it is its own still", lambda: owners(mesh, HOA) == {1}, 10)


def test_restart_within_dead_ms(mesh):
    """Killed and back before anybody may hold it dead: it says that it is joining, so one of the
    others takes over what it had, and gives it back when it is ready again."""
    at(mesh, mesh.mn, "site1", 1)
    was, seen = sum(taken_over(mesh)[1:]), {k: len(mesh[k].hamd.lines) for k in (2, 3)}
    began = time.monotonic()
    mesh[1].hamd.kill9()
    mesh.start(1)
    took = time.monotonic() - began
    assert took < DEAD_MS / 1000, "this machine is too slow to show it"
    up(mesh)
    mesh.gate.wait(20, site1=True)
    until("it has it again", lambda: owners(mesh, HOA) == {1}, 10)
    assert sum(taken_over(mesh)[1:]) == was + 1 and taken_over(mesh)[0] == 0
    for k, n in seen.items():
        assert not [x for x in mesh[k].hamd.lines[n:] if "that site is dead" in x]
    for k in mesh.sites:
        assert mesh[k].cn.ping(HOA, count=1)[0] == 1
