# SPDX-License-Identifier: BSD-3-Clause
"""What one site relays to another, on the wire between them: sealed, and with the key log's keys
what it was, while keys are renewed, too; too large for the tunnel, its source is told."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap

from lab.capture import Capture
from lab.mesh import DEV, MeshWorld, agent_address, site_address
from lab.pings import Stream
from lab.raw import Wire
from lab.shell import sh, until

KEYS = Path(__file__).resolve().parents[2] / "scripts" / "wireshark" / "esp-keys"
MESH_MTU = 1426  # inside ESP, of 1,500
REKEY_S = 120  # session.h: SESSION_REKEY_MS
# While keys are made: some packets under the old ones are on their way for long, and overtaken.
SLOW = {"delay_ms": 50, "reorder_percent": 20, "late_ms": 300}
FAST = {"delay_ms": 1, "reorder_percent": 0}
STEP_S, DEAD_MS = 29, 60000  # so much time at once is no silence


@pytest.fixture(scope="module")
def mesh(lab):
    """Two sites, by the same clocks, each with a mobile node; who is not the owner relays."""
    world = MeshWorld(lab, sites=2, delay_ms=1.0, mobile_nodes=2)
    log = lab.dir / "site2.keys"
    clocks = world.clocks(1)
    world[2].env = clocks.env
    for k in (1, 2):
        keys = {"key-log-file": str(log)} if k == 2 else {}
        world.start(k, world.config(k, mesh={"dead-ms": DEAD_MS, **keys},
                                    domain={"delivery": "primary"}), ready=False)
    world.gate.wait(60, site1=True, site2=True)
    for k, mn in zip((1, 2), world.mns):
        mn.use_agent(agent_address(k))
        assert mn.register(f"site{k}").status == 0
    yield SimpleNamespace(world=world, one=world[1], two=world[2], mn=world.mn, mns=world.mns,
                          clocks=clocks, log=log, dir=lab.dir)
    assert set(world.stop().values()) == {0}


def fields(capture, show, *names, sas=()):
    args = ["-n", "-r", capture.path, "-Y", show, "-T", "fields", "-E", "occurrence=a"]
    for line in sas:
        args += ["-o", f"uat:esp_sa:{line}"]
    if sas:
        args += ["-o", "esp.enable_encryption_decode:TRUE"]
    for name in names:
        args += ["-e", name]
    return [line.split("\t") for line in sh("tshark", *args, timeout=60).splitlines()]


def drops(site):
    return {d["drop"]: d["count"] for d in site.ctl.show("drops", "--all")}


def test_sealed(mesh):
    """From a correspondent near site 2 to the mobile node that site 1 has."""
    before = mesh.two.ctl.show("peers")[0], mesh.one.ctl.show("peers")[0]
    with Capture(mesh.two.router, "r-r1", mesh.dir / "esp.pcap") as capture:
        got, said = mesh.two.cn.ping(mesh.mn.hoa, "-s", 600, count=5)
        assert got == 5, said
    after = mesh.two.ctl.show("peers")[0], mesh.one.ctl.show("peers")[0]
    assert after[0]["relayed-tx-packets"] - before[0]["relayed-tx-packets"] == 5
    assert after[1]["relayed-rx-packets"] - before[1]["relayed-rx-packets"] == 5
    assert after[1]["relayed-rx-bytes"] - before[1]["relayed-rx-bytes"] == 5 * (40 + 8 + 600)
    assert fields(capture, f"ipv6.dst == {mesh.mn.hoa}", "ipv6.dst") == []
    sas = sh(str(KEYS), str(mesh.log), "--workers", "2").splitlines()
    opened = fields(capture, "esp && icmpv6.type == 128", "ipv6.src", "ipv6.dst", "ipv6.hlim",
                    sas=sas)
    assert len(opened) == 5
    for src, dst, hops in opened:
        assert src == f"{site_address(2)},{mesh.two.cn_address}"
        assert dst == f"{site_address(1)},{mesh.mn.hoa}"
        assert hops.split(",")[1] == "62"  # one less by the router, one by site 2


def test_too_big(mesh):
    """Its source is told what fits, and then it fits."""
    before = drops(mesh.two)["mesh_too_big"]
    mesh.two.cn.ping(mesh.mn.hoa, "-s", MESH_MTU + 1 - 48, "-M", "do", count=1)
    until("told", lambda: drops(mesh.two)["mesh_too_big"] == before + 1, 3)
    route = mesh.two.cn.ip("-6", "route", "get", mesh.mn.hoa)
    assert f"mtu {MESH_MTU}" in route
    got, said = mesh.two.cn.ping(mesh.mn.hoa, "-s", MESH_MTU - 48, count=3)
    assert got == 3, said


def test_not_taken(mesh):
    """Sealed packets once more, and made up ones: counted, and nothing else."""
    captured = next(f[IPv6] for f in rdpcap(os.fspath(mesh.dir / "esp.pcap"))
                    if IPv6 in f and f[IPv6].nh == 50)
    forged = bytearray(bytes(captured))
    forged[47] ^= 0x40  # another number
    stranger = IPv6(bytes(captured))
    stranger.src = mesh.two.cn_address
    before = mesh.one.ctl.counters()
    were = drops(mesh.one)
    with Wire(mesh.one.router, "r-ha") as wire:
        for packet in (captured, IPv6(bytes(forged)), stranger):
            wire.send(Ether(dst=mesh.one.ns.mac(DEV), src=wire.mac) / packet)

    def moved():
        return {k: n - were[k] for k, n in drops(mesh.one).items() if n != were[k]}

    want = {"mesh_esp_replayed": 1, "mesh_esp_forged": 1, "mesh_source": 1}
    until("three drops", lambda: moved() == want, 3)
    assert mesh.one.ctl.counters()["mesh_opened"] == before["mesh_opened"]


def sessions(mesh):
    return [site.ctl.show("peers")[0] for site in (mesh.one, mesh.two)]


def later(mesh, seconds):
    """So much later at both, and they have heard from each other since."""
    mesh.clocks.later(seconds)
    until("hellos since", lambda: all(
        s["state"] == "up" and s["heard-ms"] < 1000 * seconds for s in sessions(mesh)), 10)


def renew(mesh):
    """Until the keys are so old that new ones are made; in real time around that, so that what is
    on its way then has the time that it needs."""
    before = sessions(mesh)
    while (left := REKEY_S - 1 - max(s["keys-s"] for s in sessions(mesh))) > 0:
        later(mesh, min(left, STEP_S))
    mesh.world.wires.set("1-2", **SLOW)
    until("new keys at both", lambda: all(
        s["handshakes"] > b["handshakes"] and s["keys-s"] < REKEY_S / 2
        for s, b in zip(sessions(mesh), before)), 15)


def sealing(mesh):
    """SPIs of what the sites seal with, the same ones for as long as it takes to look twice."""
    def look():
        return [(s["handshakes"], a["spi"], a["packets"] > 0) for s, site in zip(
            sessions(mesh), (mesh.one, mesh.two)) for a in site.ctl.show("sa")
            if a["direction"] == "out"]

    seen = until("keys stand still", lambda: (now := look()) and now == look() and now, 10)
    assert all(is_used for *_, is_used in seen)
    return {spi for _, spi, _ in seen}


def test_new_keys(mesh):
    """Made twice, while packets are under way in both directions: none is lost, and each opens with
    the keys of its time."""
    before = drops(mesh.one), drops(mesh.two)
    flows = [Stream(mesh.two.cn, mesh.mns[0].ns, mesh.mns[0].hoa, every=0.01, port=6001),
             Stream(mesh.one.cn, mesh.mns[1].ns, mesh.mns[1].hoa, every=0.01, port=6002)]
    with Capture(mesh.two.router, "r-r1", mesh.dir / "renewed.pcap", "ip6 proto 50") as capture:
        used = [sealing(mesh)]
        for _ in range(2):
            renew(mesh)
            for flow in flows:
                flow.wait_for(50)
            used.append(sealing(mesh))
            mesh.world.wires.set("1-2", **FAST)
        lost = [flow.stop() for flow in flows]
    # hellos are late, too
    moved = [{n: count - was[n] for n, count in drops(site).items()
              if count != was[n] and n != "hello_older"}
             for site, was in zip((mesh.one, mesh.two), before)]
    assert moved == [{}, {}]
    assert lost == [[], []]
    assert mesh.two.hamd.stop() == 0  # so that all keys are in its log
    assert len(set.union(*used)) == sum(map(len, used)) == 6, used
    sas = sh(str(KEYS), str(mesh.log), "--workers", "2").splitlines()
    opened = fields(capture, "udp.dstport in {6001, 6002}", "esp.spi", "udp.dstport", sas=sas)
    assert len(opened) == capture.count("esp")
    assert {spi for spi, _ in opened} >= set.union(*used)  # who is late makes keys once more


def test_clear(mesh):
    """Without protection, as both sites have to be told: the limit option says that it is the first
    hop."""
    world = mesh.world
    world.stop()
    clear = {"protect-data": False, "accept-cleartext-mesh": True}
    for k in (1, 2):
        world.start(k, world.config(k, mesh=clear, domain={"delivery": "primary"}),
                    ready=False)
    world.gate.wait(60, site1=True, site2=True)
    assert world.mn.register("site1").status == 0
    with Capture(mesh.two.router, "r-r1", mesh.dir / "clear.pcap") as capture:
        got, said = mesh.two.cn.ping(mesh.mn.hoa, "-s", 600, count=5)
        assert got == 5, said
    seen = fields(capture, "icmpv6.type == 128", "ipv6.dst", "ipv6.dstopts.nxt",
                  "ipv6.opt.tel")
    assert seen == [[f"{site_address(1)},{mesh.mn.hoa}", "41", "1"]] * 5
    assert mesh.one.ctl.show("peers")[0]["relayed-rx-packets"] == 5
