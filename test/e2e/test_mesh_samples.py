# SPDX-License-Identifier: BSD-3-Clause
"""The samples of a mesh (config/mesh-*.json): the sites find each other with keys that hamctl
genkey made, become ready, and a mobile node registered at one is reached from each."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.daemon import runtime
from lab.mesh import MeshWorld
from lab.netns import Lab
from lab.pair import make_key
from lab.shell import until

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = {"three": ("mesh-paris", "mesh-tokyo", "mesh-newyork"),
           "shared": ("mesh-shared-paris", "mesh-shared-tokyo")}
HOA = "2001:db8:a::100"


def read(names, directory):
    """The configurations, with keys of this run and with what belongs to a machine replaced."""
    configs = [json.loads((ROOT / "config" / f"{name}.json").read_text()) for name in names]
    public = {}
    for config in configs:
        name = config["node"]["name"]
        key = directory / f"{name}.key"
        public[name] = make_key(key)
        config["mesh"]["private-key-file"] = str(key)
        config["mesh"]["dead-ms"] = 3000  # three daemons and their builders on two cores
        config["store"]["path"] = str(directory / f"store-{name}")
        config["runtime"] = runtime()
        config["ports"][0]["dad"] = False
    for config in configs:
        for peer in config["mesh"]["peers"]:
            peer["public-key"] = public[peer["name"]]
    return configs


@pytest.fixture(scope="module", params=SAMPLES)
def mesh(request, tmp_path_factory):
    with Lab(keep_dir=tmp_path_factory.mktemp(request.param)) as lab:
        configs = read(SAMPLES[request.param], lab.dir)
        world = MeshWorld(lab, sites=len(configs), delay_ms=2.0)
        for k, config in enumerate(configs, 1):
            world.start(k, config, ready=False)
        world.gate.wait(60, **{f"site{k}": True for k in world.sites})
        yield SimpleNamespace(world=world, configs=configs)
        assert world.mn.counter("stray") == 0, "a tunnel packet from someone else's address"
        assert set(world.stop().values()) == {0}


def alarms(site):
    return {a["alarm"] for a in site.ctl.show("alarms")} - {"control_slow"}  # a busy machine's


def test_ready_and_alike(mesh):
    for k, site in mesh.world.sites.items():
        until(f"no alarms at site {k}", lambda s=site: not alarms(s), 10)
        peers = site.ctl.show("peers")
        assert len(peers) == len(mesh.configs) - 1
        assert {p["state"] for p in peers} == {"up"}
        assert site.ctl.show("domains")[0]["mode"] == mesh.configs[k - 1]["domains"][0]["mode"]


def test_reached_from_everywhere(mesh):
    """Registered by the second site, it is known to all, and each correspondent reaches it."""
    world = mesh.world
    world.mn.use_agent(mesh.configs[1]["domains"][0]["home-agent-address"])
    assert world.mn.register("site2").status == 0
    for k, site in world.sites.items():
        until(f"known at site {k}", lambda s=site: s.ctl.run("show", "binding", HOA).returncode == 0,
              10)
        # the lab calls hamd by another name than the sample
        owner = "tokyo" if k != 2 else site.ctl.show("version")[0]["node"]
        assert [b["home-address"] for b in site.ctl.show("bindings", "--owner", owner)] == [HOA]
        assert world.rtt_ms(k, HOA) is not None, k
