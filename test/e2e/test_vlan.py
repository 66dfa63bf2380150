# SPDX-License-Identifier: BSD-3-Clause
"""Ports in a VLAN (config/vlan.json): tagged in, tagged out with the other port's tag, and what
has no tag or another one is not for us. Both hosts are tests: not every kernel has VLANs."""

import json
from types import SimpleNamespace

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from lab.daemon import ROOT
from lab.raw import is_icmp6
from lab.shell import until
from lab.world import RouterWorld


@pytest.fixture(scope="module")
def vlan(lab, daemon):
    config = json.loads((ROOT / "config" / "vlan.json").read_text())
    config["runtime"]["socket"] = str(lab.dir / "vlan.sock")
    world = RouterWorld(lab, config, raw=[p["name"] for p in config["ports"]])
    access, core = world.sides.values()
    hamd = daemon(world.ha, config, "vlan").start()
    start = hamd.ctl.pool()[0]
    with access.wire(world.ha) as near, core.wire(world.ha) as far:
        yield SimpleNamespace(world=world, ctl=hamd.ctl, access=access, core=core, near=near,
                              far=far, tags=[p["vlan"] for p in config["ports"]])
    until("all packet buffers back", lambda: hamd.ctl.pool()[0] >= start, 10)
    assert hamd.stop() == 0


@pytest.fixture(autouse=True)
def introduced(vlan):
    """hamd learns both hosts from what they ask (RFC 4861, 7.2.3); they answer no solicitation,
    so it forgets them again."""
    for side, wire, tag in ((vlan.access, vlan.near, vlan.tags[0]),
                            (vlan.core, vlan.far, vlan.tags[1])):
        wire.send(tagged(wire, tag, IPv6(src=side.host, dst=side.router, hlim=255)
                         / ICMPv6ND_NS(tgt=side.router) / ICMPv6NDOptSrcLLAddr(lladdr=wire.mac)))
    until("both hosts in the cache", lambda: {vlan.access.host, vlan.core.host} <= {
        n["address"] for n in vlan.ctl.show("neighbors") if "mac" in n})


def tagged(wire, tag, pkt):
    return Ether(src=wire.mac, dst=wire.peer) / Dot1Q(vlan=tag) / pkt


def test_echo_and_its_tag(vlan, capture):
    cap = capture(vlan.access.ns, vlan.access.host_dev)
    vlan.near.send(tagged(vlan.near, vlan.tags[0],
                          IPv6(src=vlan.access.host, dst=vlan.access.router)
                          / ICMPv6EchoRequest(data=b"x" * 1400)))
    assert vlan.near.expect(is_icmp6(129)) is not None
    cap.stop()
    assert cap.fields("icmpv6.type == 129", "vlan.id") == [(str(vlan.tags[0]),)]
    cap.assert_clean("icmpv6.type == 129")


def test_from_one_vlan_to_the_other(vlan, capture):
    cap = capture(vlan.core.ns, vlan.core.host_dev)
    vlan.near.send(tagged(vlan.near, vlan.tags[0],
                          IPv6(src=vlan.access.host, dst=vlan.core.host)
                          / UDP(dport=4000) / Raw(b"crossing")))
    assert vlan.far.expect(lambda p: bytes(p).endswith(b"crossing")) is not None
    cap.stop()
    assert cap.fields("udp.port == 4000", "vlan.id", "ipv6.hlim") == [(str(vlan.tags[1]), "63")]


@pytest.mark.parametrize("tag", [None, 200, 1], ids=str)
def test_wrong_tag(vlan, tag):
    pkt = IPv6(src=vlan.access.host, dst=vlan.access.router) / ICMPv6EchoRequest()
    with vlan.ctl.moves("drops", rx_vlan=1):
        if tag is None:
            vlan.near.tell(pkt)
        else:
            vlan.near.send(tagged(vlan.near, tag, pkt))


def test_packet_too_big_across(vlan):
    """The core port's MTU is its own."""
    mtu = next(p["mtu"] for p in vlan.ctl.show("ports") if p["port"] == vlan.core.name)
    vlan.near.flush()
    vlan.near.send(tagged(vlan.near, vlan.tags[0],
                          IPv6(src=vlan.access.host, dst=vlan.core.host)
                          / UDP() / Raw(b"x" * (mtu - 47))))
    got = vlan.near.expect(is_icmp6(2))
    assert got is not None
