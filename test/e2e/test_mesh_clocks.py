# SPDX-License-Identifier: BSD-3-Clause
"""Three sites, and the wall clock of one is set while it runs: it serves on and says so, and nothing
ends early or is taken for older than it is."""

import time

import pytest

from lab.mesh import MeshWorld, agent_address
from lab.shell import until
from lab.world import hoa_of

HOA = hoa_of(1)
AHEAD_S = 3600


@pytest.fixture(scope="module")
def mesh(lab):
    world = MeshWorld(lab, sites=3, delay_ms=2)
    world.set = {k: world.clocks(k) for k in world.sites}
    for k in world.sites:
        world.start(k, world.config(k, domain={"delivery": "primary"}), ready=False)
    world.gate.wait(60, site1=True, site2=True, site3=True)
    for k in world.sites:
        until("round trips", lambda k=k: all(
            p["state"] == "up" and "rtt-ms" in p for p in peers(world, k).values()), 10)
    world.mn.use_agent(agent_address(1))
    world.mn.register("site1")
    for k in world.sites:
        world.until_known(k, world.mn)
    yield world
    assert world.mn.counter("stray") == 0
    assert set(world.stop().values()) == {0}


def peers(world, k):
    return {p["site"]: p for p in world[k].ctl.show("peers")}


def alarm(world, k):
    return next((a["detail"] for a in world[k].ctl.show("alarms") if a["alarm"] == "clock_off"),
                None)


def offset_ms(world, k, site):
    return peers(world, k)[site]["clock-offset-ms"]


def taken_everywhere(world, mn, link):
    """A Binding Update is accepted, and all sites have that one: none takes it for an old one."""
    mn.register(link)
    for k in world.sites:
        until(f"site {k} has the newest", lambda k=k: (row := world[k].ctl.binding(mn.hoa))
              and (row["care-of-address"], row["sequence"]) == (mn.coa, mn.seq), 5)
    for k in world.sites:
        got, said = world[k].cn.ping(mn.hoa, count=1)
        assert got == 1, f"from site {k}: {said}"


@pytest.mark.parametrize("seconds, word", [(AHEAD_S, "ahead"), (-AHEAD_S, "behind")])
def test_wall_clock(mesh, seconds, word):
    """At the site that owns the binding. It alone is wrong, and stays ready; the others know by how
    much, and raise no alarm about themselves."""
    begin = time.monotonic()
    left = {k: mesh[k].ctl.binding(HOA)["remaining-s"] for k in mesh.sites}
    expired = {k: mesh[k].ctl.counters()["bindings_expired"] for k in mesh.sites}
    mesh.set[1].wall_s = seconds
    until("the alarm", lambda: word in (alarm(mesh, 1) or ""), 10)
    for k in (2, 3):
        until("the others name it", lambda k=k:
              abs(offset_ms(mesh, k, "site1") - 1000 * seconds) < 5000, 5)
        assert alarm(mesh, k) is None
    assert mesh[1].ctl.run("ready").returncode == 0, "a ready site stays ready"
    for k in mesh.sites:
        gone = left[k] - mesh[k].ctl.binding(HOA)["remaining-s"]
        assert gone <= time.monotonic() - begin + 2, "a lifetime is no matter of the wall clock"
        assert mesh[k].ctl.counters()["bindings_expired"] == expired[k], "nor repaired by a peer"
    taken_everywhere(mesh, mesh.mn, "site3")
    taken_everywhere(mesh, mesh.mn, "site1")
    mesh.set[1].wall_s = 0
    until("no alarm", lambda: alarm(mesh, 1) is None, 15)
    taken_everywhere(mesh, mesh.mn, "site2")
    taken_everywhere(mesh, mesh.mn, "site1")
