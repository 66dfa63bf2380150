# SPDX-License-Identifier: BSD-3-Clause
"""A core of one site stands still, and the process lives: nobody says so, and yet the other site takes
over, the route goes, and what is sent arrives."""

import os
from types import SimpleNamespace

import pytest

from lab.daemon import runtime
from lab.mesh import DOMAIN, MeshWorld
from lab.pings import Stream
from lab.ptrace import lcore_threads, stopped_thread
from lab.shell import until
from lab.world import hoa_of

HOA = hoa_of(1)

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processors")


@pytest.fixture(scope="module")
def pair(lab, daemon):
    world = MeshWorld(lab, sites=2, delay_ms=2.0)
    # Hello is said by lcore 1, the only worker; nobody ends the process meanwhile.
    two_cores = runtime(lcores="0-1", **{"watchdog-ms": 0})
    for k, sections in ((1, {"runtime": two_cores}), (2, {})):
        site = world[k]
        site.hamd = daemon(site.ns, world.config(k, domain={"join-timeout-ms": 500}, **sections),
                           site.name)
        site.hamd.start(ready=False)
    world.gate.wait(60, site1=True, site2=True)
    yield SimpleNamespace(world=world, one=world[1], two=world[2], mn=world.mn)
    assert set(world.stop().values()) == {0}


def owner(site):
    row = site.ctl.binding(HOA)
    return row and row["owner"]


def alarms(site):
    return {a["alarm"]: a["detail"] for a in site.ctl.show("alarms")}


def wedged_worker(site):
    """What control says of it, which goes on."""
    # a busy machine may keep hamctl waiting for too long, or the gate
    until("not ready", lambda: "not ready: lcore 1 has finished no turn" in site.ctl.run(
        "ready", DOMAIN).stderr, 10)
    assert site.ctl.run("ready", DOMAIN).returncode == 1
    until("alarms", lambda: [alarms(site).get(name) for name in (
        "worker_wedged", "hello_silent")] == ["lcore 1", "lcore 1"], 10)
    still = {row["lcore"]: row["still-ms"] for row in site.ctl.show("lcores")}
    assert still[0] == 0 and still[1] > 500, still
    assert f'hamd_domain_ready{{domain="{DOMAIN}"}} 0\n' in site.ctl("metrics")


def wedged_control(site):
    """Nobody answers: whoever asks whether it is ready need not wait for long."""
    ready = site.ctl.run("ready", DOMAIN, timeout=8)   # less than hamctl waits for other answers
    assert ready.returncode == 1 and "does not answer" in ready.stderr


def goes_on(pair, core, look, flow):
    threads = lcore_threads(pair.one.hamd.pid)
    with stopped_thread(threads["control"] if core == "control" else threads["worker"][0]):
        until("the other site has it", lambda: owner(pair.two) not in (None, "site1"), 10)
        pair.world.gate.wait(site1=False)
        flow.wait_for(20)
        look(pair.one)
        until("alarm", lambda: alarms(pair.two).get("peer_down") == "site1", 10)
        got, said = pair.two.cn.ping(HOA, count=1)
        assert got == 1, said
    pair.world.gate.wait(site1=True)   # filled again
    flow.wait_for(20)


@pytest.mark.parametrize("core, look", [("worker", wedged_worker), ("control", wedged_control)])
def test_traffic_goes_on(pair, core, look):
    """The correspondent is next to the site that stands still, and so is the mobile node."""
    pair.world.gate.wait(site1=True)
    assert pair.mn.register("site1").status == 0
    until("the other site knows", lambda: owner(pair.two) == "site1", 10)
    flow = Stream(pair.one.cn, pair.mn.ns, HOA)
    try:
        goes_on(pair, core, look, flow)
    finally:
        flow.stop()
    assert pair.mn.counter("stray") == 0, "a tunnel packet from someone else's address"
