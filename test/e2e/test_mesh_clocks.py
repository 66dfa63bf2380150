# SPDX-License-Identifier: BSD-3-Clause
"""Three sites whose clocks are set while they run. The wall clock of one goes wrong: it serves on
and says so, and nothing ends early or is taken for older than it is. The uptime of all passes the
age of their keys: new ones, under traffic."""

import time

import pytest

from lab.capture import Capture
from lab.mesh import MeshWorld, agent_address, site_address
from lab.pings import Stream
from lab.shell import until
from lab.world import hoa_of

HOA, HOA2 = hoa_of(1), hoa_of(2)
DEAD_MS = 6000  # of an uptime that runs ahead
STEP_S, KEYS_S = 4.0, 120  # one step is no stall; session.h: SESSION_REKEY_MS
AHEAD_S = 3600


@pytest.fixture(scope="module")
def mesh(lab):
    world = MeshWorld(lab, sites=3, delay_ms=2, mobile_nodes=2)
    world.set = {k: world.clocks(k) for k in world.sites}
    for k in world.sites:
        world.start(k, world.config(k, mesh={"dead-ms": DEAD_MS},
                                    domain={"delivery": "primary"}))
    world.gate.wait(20, site1=True, site2=True, site3=True)
    for k in world.sites:
        until("round trips", lambda k=k: all(
            p["state"] == "up" and "rtt-ms" in p for p in peers(world, k).values()), 10)
    for k, mn in zip((1, 2), world.mns):
        mn.use_agent(agent_address(k))
        mn.register(f"site{k}")
    yield world
    for mn in world.mns:
        assert mn.counter("stray") == 0
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
    left = {k: mesh[k].ctl.binding(HOA)["remaining-s"] for k in mesh.sites}
    begin = time.monotonic()
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
    taken_everywhere(mesh, mesh.mn, "site3")
    taken_everywhere(mesh, mesh.mn, "site1")
    mesh.set[1].wall_s = 0
    until("no alarm", lambda: alarm(mesh, 1) is None, 15)
    taken_everywhere(mesh, mesh.mn, "site2")
    taken_everywhere(mesh, mesh.mn, "site1")


def until_up(mesh):
    """Each has heard the others since."""
    for k in mesh.sites:
        until("hellos", lambda k=k: all(
            p["heard-ms"] < 1000 * STEP_S for p in peers(mesh, k).values()), 5)


def test_new_keys(mesh):
    """Each pair makes new keys once when theirs are old, and sealed packets in both directions go
    over to them: all arrive."""
    before = {k: peers(mesh, k) for k in mesh.sites}
    flows = [Stream(mesh[2].cn, mesh.mns[0].ns, HOA, every=0.005, port=6001),
             Stream(mesh[1].cn, mesh.mns[1].ns, HOA2, every=0.005, port=6002)]
    with Capture(mesh[1].router, "r-r2", mesh.lab.dir / "keys.pcap", "ip6 proto 50",
                 snaplen=100) as capture:
        for _ in range(int(KEYS_S / STEP_S) + 1):
            for clocks in mesh.set.values():
                clocks.uptime_s += STEP_S
            until_up(mesh)
        for k in mesh.sites:
            until("new keys", lambda k=k: all(
                p["handshakes"] > before[k][name]["handshakes"] and p["keys-s"] < KEYS_S / 2
                for name, p in peers(mesh, k).items()), 10)
        for flow in flows:
            flow.wait_for(100)
    assert [flow.stop() for flow in flows] == [[], []]
    for k in mesh.sites:
        for name, p in peers(mesh, k).items():
            assert p["state"] == "up" and p["handshakes"] == before[k][name]["handshakes"] + 1
        drops = mesh[k].ctl.drops()
        assert not {n: c for n, c in drops.items() if n.startswith("mesh_esp") and c}
    spis = {}
    for src, spi in capture.fields("esp", "ipv6.src", "esp.spi"):
        seen = spis.setdefault(src, [])
        if spi not in seen[-1:]:
            seen.append(spi)
    for k in (1, 2):  # the old ones first, then the new ones, and never back
        assert len(spis[site_address(k)]) == 2, spis
