# SPDX-License-Identifier: BSD-3-Clause
"""Two providers on the same machines, as on the paper's Global Mobility eXchange: sites 1 and 2 serve
both, site 3 only the first. What is of the second, signalling or data, never gets to site 3, nor in
from there; neither provider feels the other's limits, nor its drain."""

import importlib.util
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from scapy.layers.inet6 import IPv6, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw

from lab.capture import Capture
from lab.mesh import DOMAIN, MeshWorld, agent_address, second_domain, site_address
from lab.mip6 import INSUFFICIENT_RESOURCES
from lab.pings import Pings
from lab.raw import send_ip6
from lab.shell import sh, until

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "wireshark"
PORT = 4750
B = second_domain(1, 2)
A_OCTETS, B_OCTETS = "20010db8000a", "20010db8000b"  # of each address in the prefixes
OTHERS = [f"2001:db8:a::1f{n}" for n in range(4)]  # mobile nodes of the first domain
DRAIN_WAIT_MS = 30000  # far more than a drain takes that is not held up


@pytest.fixture(scope="module")
def mesh(lab, daemon):
    world = MeshWorld(lab, sites=3, delay_ms=2, more=[B])
    world.keys = {k: lab.dir / f"site{k}.keys" for k in world.sites}
    for k, site in world.sites.items():
        config = world.config(k, mesh={"key-log-file": str(world.keys[k])})
        for section in config["domains"]:
            section["drain-wait-ms"] = DRAIN_WAIT_MS
        first = config["domains"][0]
        first["limits"] = {"max-bindings": 2}
        first["mobile-nodes"] += [{"home-address": hoa, "auth": {"type": "none"}}
                                  for hoa in OTHERS]
        if k == 3:  # only its own networks: what it does not know it cannot send anywhere
            config["routes"] = [{"prefix": p, "via": site.gateway} for p in (
                "2001:db8::/45", "2001:db8:10::/44", "2001:db8:20::/44", "2001:db8:c0::/44")]
        site.hamd = daemon(site.ns, config, site.name)
    for site in world.sites.values():
        site.hamd.start(ready=False)
    world.gate.wait(60, site1=True, site2=True, site3=True)
    world.gate.wait(domain=B.name, site1=True, site2=True)
    world.a, world.b = world.mns
    captures = [Capture(world[k].router, "r-ha", lab.dir / f"site{k}.pcap", "udp") for k in (2, 3)]
    world.a.register("site1")
    world.b.register("site1")
    for k in B.sites:
        world.until_known(k, world.b)
    world.until_known(3, world.a)
    for capture in captures:
        capture.stop()
    yield world, captures
    assert [mn.counter("stray") for mn in world.mns] == [0, 0]
    assert set(world.stop().values()) == {0}


@pytest.fixture
def world(mesh):
    return mesh[0]


def said(world, k, capture):
    """Bodies of all messages that site k and others sent each other about these registrations, opened;
    names of the domains in their hellos."""
    args = ["-n", "-r", capture.path, "-X", f"lua_script:{SCRIPTS / 'hamd.lua'}", "-o",
            f"hamd.port:{PORT}", "-o", f"hamd.key_log:{world.keys[k]}", "-Y",
            "hamd.message || hamd_hello.domain", "-T", "fields", "-e", "hamd.message.body", "-e",
            "hamd_hello.domain"]
    rows = [line.split("\t") for line in sh("tshark", *args, timeout=60).splitlines()]
    return "\n".join(row[0] for row in rows), {d for row in rows if row[1]
                                               for d in row[1].split(",")}


def test_signalling_stays_in_its_domain(mesh):
    """What site 2 hears and says has records of both domains, and hellos name both; what site 3
    does, those of the first alone."""
    world, captures = mesh
    (two, names), (three, name) = [said(world, k, c) for k, c in zip((2, 3), captures)]
    assert A_OCTETS in two and B_OCTETS in two and len(names) == 2
    assert A_OCTETS in three and B_OCTETS not in three and len(name) == 1


def test_bindings_stay_in_their_domain(world):
    assert set(world[3].ctl.bindings()) == {world.a.hoa}
    assert [d["domain"] for d in world[3].ctl.show("domains")] == [DOMAIN]
    assert set(world[2].ctl.bindings()) == {world.a.hoa, world.b.hoa}
    says = {p["site"]: [d["domain"] for d in p["domains"]] for p in world[1].ctl.show("peers")}
    assert says == {"site2": [DOMAIN, B.name], "site3": [DOMAIN]}


def test_data_stays_in_its_domain(world):
    """Routed to site 3 by mistake: it has no way for it, and nothing of it is relayed."""
    lines = [Capture(world[3].router, f"r-r{k}", world.lab.dir / f"wrong-{k}.pcap") for k in (1, 2)]
    router = world[3].router
    router.ip("-6", "route", "replace", B.prefix, "via", site_address(3), "dev", "r-ha")
    try:
        with world[3].ctl.moves("drops", no_route=3), world[3].ctl.moves(
                "counters", mesh_sealed=0):
            assert world[3].cn.ping(world.b.hoa, count=3)[0] == 0
    finally:
        router.ip("-6", "route", "replace", B.prefix, "via", world.line_address(1, 3), "dev",
                  "r-r1")
    for line in lines:
        line.stop()
        assert line.count(f"ipv6.dst == {world.b.hoa}") == 0
    assert world[3].cn.ping(world.b.hoa, count=1)[0] == 1


def keys_to(world, k):
    """(SPI, key) of the tunnels from site 3 to site k that its first worker seals as "first"."""
    loader = SourceFileLoader("esp_keys", str(SCRIPTS / "esp-keys"))
    esp_keys = importlib.util.module_from_spec(importlib.util.spec_from_loader("esp_keys", loader))
    loader.exec_module(esp_keys)
    for line in reversed(world.keys[3].read_text().splitlines()):
        kind, *words = line.split()
        if kind != "DATA" or {int(w, 16) for w in words[2:]} != {3, k}:
            continue
        half = words[0 if int(words[2], 16) == 3 else 1]
        return next(esp_keys.lanes(bytes.fromhex(half), 3, 1))
    raise AssertionError("no keys in the log")


def sealed(world, k, inner, number):
    """As site 3 would relay it to site k, had it gone mad; number: of the packet, unused yet."""
    spi, key = keys_to(world, k)
    sa = SecurityAssociation(ESP, spi=spi, seq_num=number, crypt_algo="AES-GCM", crypt_key=key,
                             esn_en=True, esn=0, tunnel_header=IPv6(src=site_address(3),
                                                                    dst=site_address(k)))
    return sa.encrypt(inner)


def test_tunnels_carry_their_domains(world):
    """Out of a genuine tunnel from site 3: what is of its domain is delivered, what is not dropped."""
    def from_3(hoa):
        return IPv6(src=world[3].cn_address, dst=hoa) / UDP(sport=9, dport=9) / Raw(b"x" * 64)

    with world[1].ctl.moves("counters", mesh_opened=1, encapsulated=1):
        send_ip6(world[3].router, sealed(world, 1, from_3(world.a.hoa), 5000))
    with world[1].ctl.moves("drops", mesh_foreign_domain=2), world[1].ctl.moves(
            "counters", mesh_opened=2, encapsulated=0):
        send_ip6(world[3].router, sealed(world, 1, from_3(world.b.hoa), 5001))
        send_ip6(world[3].router, sealed(world, 1, from_3(B.agent(1)), 5002))


def test_limits_are_each_domains_own(world):
    """What the second has takes no room in the first; and that one, full, takes none in the second."""
    second, third, fourth, fifth = OTHERS
    assert world.a.update(hoa=second, seq=1).status == 0
    assert world.a.update(hoa=third, seq=1).status == INSUFFICIENT_RESOURCES
    assert world.b.deregister().status == 0
    assert world.b.register("site1").status == 0
    until("at both", lambda: world.b.hoa in world[2].ctl.bindings(), 3)
    counts = {d["domain"]: d["bindings"] for d in world[1].ctl.show("domains")}
    assert counts == {DOMAIN: 2, B.name: 1}
    # Those that ended count as well: two are there, and two more have room.
    assert world.a.update(hoa=second, seq=2, lifetime_s=0).status == 0
    for hoa in (third, fourth):
        assert world.a.update(hoa=hoa, seq=2).status == 0
        assert world.a.update(hoa=hoa, seq=3, lifetime_s=0).status == 0
    until("site 2 to be told", lambda: {second, third, fourth} <= {
        b["home-address"] for b in world[2].ctl.show("bindings", "--all")
        if b["state"] == "tombstone"}, 3)
    for k in (1, 2):
        answer = world.a.update(hoa=fifth, seq=1, ha=agent_address(k))
        assert answer.status == INSUFFICIENT_RESOURCES
    assert world.a.update(hoa=second, seq=3).status == 0
    assert world.b.update().status == 0


def test_drain_of_one(world):
    """Both mobile nodes are spoken to all the time, at site 1: the second domain leaves, as soon as
    none of it comes any more, and the first serves on there. Nobody loses a packet."""
    flows = [Pings(world[1].cn, mn.hoa) for mn in (world.a, world.b)]
    begun = time.monotonic()
    world[1].ctl("drain", B.name, "--wait", "--seconds", 15)
    assert time.monotonic() - begun < 10
    world.gate.wait(domain=B.name, site1=False)
    assert {d["domain"]: d["state"] for d in world[1].ctl.show("domains")} == {
        DOMAIN: "ready", B.name: "left"}
    assert world.gate.healthy[1, DOMAIN]
    assert world[2].ctl.binding(world.b.hoa)["owner"].endswith("2")
    assert world[2].ctl.binding(world.a.hoa)["owner"] == "site1"
    for flow in flows:
        flow.wait_for(10)
    assert [flow.stop() for flow in flows] == [[], []]
    world[1].ctl("undrain", B.name)
    world.gate.wait(domain=B.name, site1=True)
