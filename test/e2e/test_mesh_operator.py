# SPDX-License-Identifier: BSD-3-Clause
"""Two sites of a mesh as their operator sees them: a binding is at both before it is acknowledged,
what the commands say and do, and which alarm is raised by what."""

from types import SimpleNamespace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from lab.mesh import DOMAIN, METRICS, MeshWorld, agent_address
from lab.pair import make_key
from lab.shell import until

HOA = "2001:db8:a::100"


SETTINGS = {"drain-wait-ms": 2000, "join-timeout-ms": 500}


@pytest.fixture(scope="module")
def pair(lab, daemon):
    world = MeshWorld(lab, sites=2, delay_ms=2.0)
    for k in (1, 2):
        site = world[k]
        site.hamd = daemon(site.ns, world.config(k, domain=SETTINGS), site.name)
        site.hamd.start(ready=False)
    world.gate.wait(60, site1=True, site2=True)
    yield SimpleNamespace(world=world, one=world[1], two=world[2], mn=world.mn)
    assert world.mn.counter("stray") == 0, "a tunnel packet from someone else's address"
    for k in (1, 2):
        if world[k].hamd.is_running():
            assert world[k].hamd.stop() == 0


def name(site):
    """What it calls itself; others call it as their configuration does."""
    return f"{site.ns.name.removeprefix('hamd-')}-{site.name}"


def domain(site):
    return site.ctl.show("domains")[0]


def peer(site):
    return site.ctl.show("peers")[0]


SLOW = ("control_slow", "worker_wedged", "hello_silent")  # the machine is busy with other things


def alarms(site):
    return {a["alarm"]: a["detail"] for a in site.ctl.show("alarms") if a["alarm"] not in SLOW}


def test_a_binding_is_at_both_sites(pair):
    """Acknowledged is what the other site has; ownership and versions are the same there."""
    before = pair.two.ctl.counters()["mesh_heard"]
    ba = pair.mn.register("site1")
    assert ba.status == 0
    there = pair.two.ctl.binding(HOA)
    here = pair.one.ctl.binding(HOA)
    for key in ("care-of-address", "home-agent-address", "sequence", "lifetime-s", "version",
                "owner-version"):
        assert there[key] == here[key], key
    assert there["owner"] == "site1" and here["owner"] == name(pair.one) and not here["alone"]
    assert pair.two.ctl.counters()["mesh_heard"] > before


def test_show_peers(pair):
    until("round trips measured", lambda: "rtt-ms" in peer(pair.one), 3)
    p = peer(pair.one)
    assert (p["site"], p["id"], p["state"]) == ("site2", 2, "up")
    assert p["hears"] == [name(pair.one)] and p["session"] and p["versions"] == "1-1"
    assert 3 <= p["rtt-ms"] <= 100 and abs(p["clock-offset-ms"]) < 100
    assert p["domains"] == [{"domain": DOMAIN, "reach": "up", "says": "ready"}]
    text = pair.one.ctl("show", "peers")
    assert "site2" in text and "LAG RECORDS" in text


def test_metrics(pair):
    """All that docs/counters.md says of a mesh, read by Prometheus' own parser."""
    got = {f.name: f for f in text_string_to_metric_families(pair.one.ctl("metrics"))}
    assert METRICS <= set(got)
    up, = got["hamd_peer_up"].samples
    assert (up.labels, up.value) == ({"peer": "site2"}, 1)
    ready, = got["hamd_domain_ready"].samples
    assert (ready.labels, ready.value) == ({"domain": DOMAIN}, 1)


def test_domains_and_digests(pair):
    until("equal digests", lambda: domain(pair.one)["digest"] == domain(pair.two)["digest"], 5)
    d = domain(pair.one)
    assert d["state"] == "ready" and d["serves"] and d["alone"] == 0
    assert d["digest"] != "0" * 16


def test_move_by_hand(pair):
    refused = pair.two.ctl.run("binding", "move", HOA, "--to", "site1")
    assert refused.returncode == 1 and "ask site1" in refused.stderr
    # not before a digest round has shown that what the other one has is as new
    until("it counts as back, and takes it", lambda: pair.one.ctl.run(
        "binding", "move", HOA, "--to", "site2").returncode == 0, 10)
    until("another owner", lambda: pair.one.ctl.binding(HOA)["owner"] == "site2", 3)
    until("the same there", lambda: pair.two.ctl.binding(HOA)["owner"] == name(pair.two), 3)


def test_deleted_at_the_other_site(pair):
    pair.one.ctl("binding", "delete", HOA)
    until("gone there", lambda: pair.two.ctl.run("show", "binding", HOA).returncode == 1, 3)
    assert pair.mn.register("site1").status == 0


def test_drain(pair):
    """Route first, then bindings; what was told is told back by undrain."""
    pair.one.ctl("drain", "--wait")
    d = domain(pair.one)
    assert d["state"] == "left" and d["left-is-known"] and d["left-is-quiet"]
    assert pair.one.ctl.run("ready").returncode == 1
    assert pair.one.ctl.binding(HOA)["owner"] == "site2"
    refused = pair.two.ctl.run("drain")
    assert refused.returncode == 1 and "no other site is ready" in refused.stderr
    pair.one.ctl("undrain")
    pair.world.gate.wait(site1=True)


def test_site_is_gone(pair):
    pair.mn.register("site1")
    assert pair.two.ctl.binding(HOA)["owner"] == "site1"
    pair.world.sites[1].hamd.kill9()
    until("taken over", lambda: pair.two.ctl.binding(HOA)["owner"] == name(pair.two), 5)
    assert pair.two.ctl.binding(HOA)["home-agent-address"] == agent_address(1)
    until("alarm", lambda: alarms(pair.two).get("peer_down") == "site1", 5)
    ba = pair.mn.update("site2", ha=agent_address(2), seq=7)
    assert ba is not None and ba.status == 0
    assert pair.two.ctl.binding(HOA)["alone"]
    until("alarm", lambda: "bindings_alone" in alarms(pair.two), 5)


def test_site_returns(pair):
    pair.world.start(1)
    pair.world.gate.wait(site1=True)
    assert pair.one.ctl.binding(HOA)["owner"] == "site2"
    until("not alone any more", lambda: not pair.two.ctl.binding(HOA)["alone"], 5)
    until("no alarms", lambda: not alarms(pair.two), 10)


def test_waits_for_the_other(pair):
    """After a start of all a site serves nothing before it heard the others, unless told to."""
    assert pair.one.hamd.stop() == 0 and pair.two.hamd.stop() == 0
    pair.world.start(2)
    until("alarm", lambda: alarms(pair.two).get("domain_waits") == f"{DOMAIN} waits for site1", 5)
    not_ready = pair.two.ctl.run("ready")
    assert not_ready.returncode == 1 and "waits for site1" in not_ready.stderr
    assert pair.mn.update("site2", ha=agent_address(2), timeout=0.5) is None
    pair.two.ctl("ready", "--force", DOMAIN)
    until("ready", lambda: pair.two.ctl.run("ready", DOMAIN).returncode == 0, 3)


def test_settings_differ(pair):
    config = pair.world.config(1, domain={**SETTINGS, "ack-peers": "all", "lifetime-max-s": 400})
    pair.world.start(1, config)
    pair.world.gate.wait(site1=True)
    want = f"site1, domain {DOMAIN}: lifetime-max-s,ack-peers"
    until("alarm", lambda: alarms(pair.two).get("settings_differ") == want, 5)
    assert pair.one.hamd.stop() == 0


def test_another_domain(pair):
    """A domain with a slip in its name is no dead site: it is said what is wrong."""
    config = pair.world.config(1, domain={**SETTINGS, "name": "other"})
    pair.world.start(1, config)
    want = f"site1, domain {DOMAIN}"
    until("alarm", lambda: alarms(pair.two).get("peer_domain") == want, 10)
    assert peer(pair.two)["state"] == "no domain"
    assert pair.one.hamd.stop() == 0


def test_wrong_key(pair):
    """A site with another key gets nowhere: it is not heard, and both sides say why."""
    path = pair.world.lab.dir / "other.key"
    make_key(path)
    pair.world.start(1, pair.world.config(1, mesh={"private-key-file": str(path)}))
    until("alarm", lambda: alarms(pair.two).get("peer_key") == "site1", 10)
    assert pair.two.ctl.drops().get("sync_handshake", 0) > 0
    assert pair.one.ctl.run("ready").returncode == 1
    until("it is dead", lambda: peer(pair.two)["state"] == "dead")
