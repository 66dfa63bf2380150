# SPDX-License-Identifier: BSD-3-Clause
"""Neighbour discovery of a running hamd (RFC 4861, RFC 4862): one side is a kernel, the other
a test that answers or does not."""

import socket
import time
from types import SimpleNamespace

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lab.clocks import clocks_of
from lab.daemon import runtime
from lab.raw import is_icmp6
from lab.shell import until
from lab.world import RouterWorld

PREFIX = "2001:db8:51::"
ROUTER = PREFIX + "1"
CONFIG = {
    "node": {"id": 1, "name": "nd", "roles": ["ha"]},
    "runtime": runtime(**{"max-neighbors": 64}),
    "ports": [
        {"name": "raw", "device": "net_af_packet0,iface=nd-raw", "addresses": [ROUTER + "/64"]},
        {"name": "lan", "device": "net_af_packet1,iface=nd-lan",
         "addresses": ["2001:db8:52::1/64"]}],
}


@pytest.fixture(scope="module")
def nd(lab, daemon):
    world = RouterWorld(lab, CONFIG, raw=("raw",))
    raw, lan = world.sides["raw"], world.sides["lan"]
    with raw.wire(world.ha) as wire:
        hamd = daemon(world.ha, CONFIG)
        clocks = clocks_of(hamd)
        hamd.start()
        start = hamd.ctl.pool()[0]
        yield SimpleNamespace(world=world, hamd=hamd, ctl=hamd.ctl, wire=wire, lan=lan,
                              start=start, clocks=clocks)
        if hamd.is_running():  # the last test has stopped it
            assert_all_back(hamd, start, clocks)
            assert hamd.stop() == 0


def assert_all_back(hamd, start, clocks):
    """What waits for neighbours is sent or dropped in time."""
    until("all packet buffers back",
          lambda: clocks.later(0.25) or hamd.ctl.pool()[0] >= start, 15)


def solicitation_for(target):
    return lambda p: ICMPv6ND_NS in p and p[ICMPv6ND_NS].tgt == target


def advertise(nd, target, mac, dst, solicited=1, override=1, src=None, hlim=255):
    nd.wire.send(Ether(src=mac, dst=nd.wire.peer)
                 / IPv6(src=src or target, dst=dst, hlim=hlim)
                 / ICMPv6ND_NA(tgt=target, R=0, S=solicited, O=override)
                 / ICMPv6NDOptDstLLAddr(lladdr=mac))


def solicit(nd, target, src, mac, hlim=255):
    nd.wire.send(Ether(src=mac, dst=nd.wire.peer) / IPv6(src=src, dst=target, hlim=hlim)
                 / ICMPv6ND_NS(tgt=target) / ICMPv6NDOptSrcLLAddr(lladdr=mac))


def datagram(nd, dst, n=0):
    """From the kernel's side through hamd to an address on the raw side."""
    with nd.lan.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"datagram %d" % n, (dst, 4000))


def is_datagram(dst):
    return lambda p: UDP in p and p[IPv6].dst == dst and p[UDP].dport == 4000


def neighbor(nd, addr):
    return next((n for n in nd.ctl.show("neighbors") if n["address"] == addr), None)


def resolve(nd, addr, mac):
    """hamd knows addr at mac, confirmed."""
    nd.wire.flush()
    datagram(nd, addr)
    assert nd.wire.expect(solicitation_for(addr)) is not None
    advertise(nd, addr, mac, ROUTER)
    assert nd.wire.expect(is_datagram(addr)) is not None


def test_resolution_keeps_what_waits(nd):
    """Packets wait for the answer and leave in order; the solicitation is RFC 4861's."""
    addr, mac = PREFIX + "a1", "02:00:00:00:51:a1"
    nd.wire.flush()
    for n in range(3):
        datagram(nd, addr, n)
    ns = nd.wire.expect(solicitation_for(addr))
    nd.lan.ns.ping_all(nd.lan.router, count=1)  # by the same way: what is in front of it waits by now
    assert ns[IPv6].hlim == 255 and ns[IPv6].dst == "ff02::1:ff00:a1"
    assert ns[Ether].dst == "33:33:ff:00:00:a1"
    assert ns[ICMPv6NDOptSrcLLAddr].lladdr == nd.wire.peer
    advertise(nd, addr, mac, ns[IPv6].src)
    got = nd.wire.collect(is_datagram(addr), 5.0, 3)
    assert [bytes(p[UDP].payload) for p in got] == [b"datagram %d" % n for n in range(3)]
    assert {p[Ether].dst for p in got} == {mac}
    assert neighbor(nd, addr)["state"] == "reachable"


def test_more_wait_than_the_queue_holds(nd):
    """The newest wait, the oldest are dropped and counted."""
    addr, mac = PREFIX + "a2", "02:00:00:00:51:a2"
    nd.wire.flush()
    before = nd.ctl.drops()["neighbor_pending"]
    with nd.ctl.moves("drops", neighbor_pending=4):
        for n in range(7):
            datagram(nd, addr, n)
        ns = nd.wire.expect(solicitation_for(addr))
        until("three that wait", lambda: nd.ctl.drops()["neighbor_pending"] - before == 4)
        advertise(nd, addr, mac, ns[IPv6].src)
        got = nd.wire.collect(is_datagram(addr), 5.0, 3)
    assert [bytes(p[UDP].payload) for p in got] == [b"datagram %d" % n for n in range(4, 7)]


def test_solicitations_above_the_rate(nd):
    """A flood of questions is answered in part and counted for the rest."""
    ns = bytes(IPv6(src=PREFIX + "a3", dst=ROUTER, hlim=255) / ICMPv6ND_NS(tgt=ROUTER)
               / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:51:a3"))
    with nd.ctl.moves("drops", nd_rate=-100):
        for _ in range(3000):
            nd.wire.tell(ns)
    answer = until("an answer again", lambda: nd.wire.ask(  # and once the rate allows it
        ns, lambda p: ICMPv6ND_NA in p and p[ICMPv6ND_NA].tgt == ROUTER, 0.2), 10)
    assert answer[ICMPv6ND_NA].S == 1


def test_silence_is_unreachable(nd):
    """Three solicitations, a second apart, then address unreachable; nothing is kept."""
    addr = PREFIX + "dead"
    nd.wire.flush()
    with nd.ctl.moves("drops", timeout=6, neighbor_failed=1):
        got, said = nd.lan.ns.ping(addr, count=1, wait=5)
    assert got == 0 and "Address unreachable" in said, said
    asked = nd.wire.collect(solicitation_for(addr), 0.1)
    assert len(asked) == 3


def test_unsolicited_advertisement_makes_no_entry(nd):
    addr, mac = PREFIX + "b1", "02:00:00:00:51:b1"
    advertise(nd, addr, mac, "ff02::1", solicited=0)
    advertise(nd, addr, mac, ROUTER, solicited=1)
    time.sleep(0.2)
    assert neighbor(nd, addr) is None


def test_unsolicited_advertisement_does_not_poison(nd):
    """Without the override flag another address is not taken over (7.2.5, I)."""
    addr, mac, thief = PREFIX + "b2", "02:00:00:00:51:b2", "02:00:00:00:66:66"
    resolve(nd, addr, mac)
    for solicited in (0, 1):
        advertise(nd, addr, thief, ROUTER, solicited=solicited, override=0)
        nd.wire.flush()
        datagram(nd, addr)
        assert nd.wire.expect(is_datagram(addr))[Ether].dst == mac


@pytest.mark.parametrize("fault", ["hop limit", "checksum", "option length 0", "group target"])
def test_invalid_discovery_is_dropped(nd, fault):
    """RFC 4861, 7.1: each of these and the entry stays as it was."""
    addr, mac, thief = PREFIX + "b3", "02:00:00:00:51:b3", "02:00:00:00:66:66"
    if neighbor(nd, addr) is None:
        resolve(nd, addr, mac)
    ip = IPv6(src=addr, dst=ROUTER, hlim=254 if fault == "hop limit" else 255)
    na = ICMPv6ND_NA(tgt="ff02::1" if fault == "group target" else addr, R=0, S=1, O=1)
    if fault == "checksum":
        na.cksum = 0xbad
    opt = ICMPv6NDOptDstLLAddr(lladdr=thief)
    if fault == "option length 0":
        opt.len = 0
    with nd.ctl.moves("drops", nd_invalid=1):
        nd.wire.send(Ether(src=thief, dst=nd.wire.peer) / ip / na / opt)
    nd.wire.flush()
    datagram(nd, addr)
    assert nd.wire.expect(is_datagram(addr))[Ether].dst == mac


def test_solicitations_for_us(nd):
    """Answered: to the group, to the address itself, from :: to all nodes; others' are not."""
    mine = lambda p: ICMPv6ND_NA in p and p[ICMPv6ND_NA].tgt == ROUTER
    who, mac = PREFIX + "c1", "02:00:00:00:51:c1"
    for dst, eth in (("ff02::1:ff00:1", "33:33:ff:00:00:01"), (ROUTER, nd.wire.peer)):
        nd.wire.flush()
        nd.wire.send(Ether(src=mac, dst=eth) / IPv6(src=who, dst=dst, hlim=255)
                     / ICMPv6ND_NS(tgt=ROUTER) / ICMPv6NDOptSrcLLAddr(lladdr=mac))
        na = nd.wire.expect(mine)
        assert na[IPv6].dst == who and na[Ether].dst == mac and na[IPv6].hlim == 255
        assert (na[ICMPv6ND_NA].R, na[ICMPv6ND_NA].S, na[ICMPv6ND_NA].O) == (1, 1, 1)
        assert na[ICMPv6NDOptDstLLAddr].lladdr == nd.wire.peer
    nd.wire.flush()
    nd.wire.send(Ether(src=mac, dst="33:33:ff:00:00:01")
                 / IPv6(src="::", dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=ROUTER))
    na = nd.wire.expect(mine)
    assert na[IPv6].dst == "ff02::1" and na[ICMPv6ND_NA].S == 0
    nd.wire.flush()
    nd.wire.send(Ether(src=mac, dst=nd.wire.peer) / IPv6(src=who, dst=ROUTER, hlim=255)
                 / ICMPv6ND_NS(tgt=PREFIX + "fe") / ICMPv6NDOptSrcLLAddr(lladdr=mac))
    assert nd.wire.expect(lambda p: ICMPv6ND_NA in p, 0.3) is None


def test_reachability_is_probed(nd):
    """A stale neighbour is used at once and asked in unicast 5 s later; an answer confirms it,
    silence ends it and what is on its way is told so."""
    good, bad = PREFIX + "d1", PREFIX + "d2"
    mac = {good: "02:00:00:00:51:d1", bad: "02:00:00:00:51:d2"}
    for addr in mac:
        solicit(nd, ROUTER, addr, mac[addr])
        until(f"{addr} stale", lambda a=addr: (neighbor(nd, a) or {}).get("state") == "stale")
    nd.wire.flush()
    begin = time.monotonic() - 4
    for addr in mac:
        datagram(nd, addr)
        assert nd.wire.expect(is_datagram(addr))[Ether].dst == mac[addr]
    until("its state", lambda: {neighbor(nd, a)["state"] for a in mac} == {"delay"})
    nd.clocks.later(4)
    probes = {}
    while time.monotonic() < begin + 10 and len(probes) < 4:
        p = nd.wire.expect(lambda p: ICMPv6ND_NS in p and p[IPv6].dst in mac, 6)
        if p is None:
            break
        n = sum(1 for a, _ in probes if a == p[IPv6].dst)
        probes[p[IPv6].dst, n] = (time.monotonic() - begin, p[Ether].dst)
        if p[IPv6].dst == good:
            advertise(nd, good, mac[good], ROUTER)
    assert probes[good, 0][1] == mac[good] and 4.5 < probes[good, 0][0]
    assert [(bad, n) in probes for n in range(3)] == [True] * 3
    assert neighbor(nd, good)["state"] == "reachable"
    until("the silent one to be given up",
          lambda: (neighbor(nd, bad) or {"state": "failed"})["state"] not in ("delay", "probe"), 3)


def test_cache_is_bounded(nd):
    """A scan of a link fills no more than the table, and hamd works on."""
    known, mac = PREFIX + "a9", "02:00:00:00:51:a9"
    resolve(nd, known, mac)
    with nd.ctl.moves("drops", neighbor_full=-100):
        with nd.lan.wire(nd.world.ha) as wire:
            for n in range(300):
                wire.tell(IPv6(src=nd.lan.host, dst=f"{PREFIX}5:{n:x}") / UDP(dport=4000)
                          / Raw(b"x"))
    assert len(nd.ctl.show("neighbors")) <= 64
    nd.wire.flush()
    datagram(nd, known)
    assert nd.wire.expect(is_datagram(known))[Ether].dst == mac


def test_duplicate_address(nd, daemon):
    """Somebody answers the probe: the address is not used and the log says so."""
    assert_all_back(nd.hamd, nd.start, nd.clocks)
    assert nd.hamd.stop() == 0
    hamd = daemon(nd.world.ha, CONFIG, "dad")
    nd.wire.flush()
    hamd.start(ready=False)
    probe = nd.wire.expect(lambda p: solicitation_for(ROUTER)(p) and p[IPv6].src == "::", 15)
    assert probe[IPv6].hlim == 255 and probe[IPv6].dst == "ff02::1:ff00:1"
    assert ICMPv6NDOptSrcLLAddr not in probe
    thief = "02:00:00:00:66:66"
    nd.wire.send(Ether(src=thief, dst="33:33:00:00:00:01")
                 / IPv6(src=ROUTER, dst="ff02::1", hlim=255)
                 / ICMPv6ND_NA(tgt=ROUTER, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=thief))
    hamd.wait_log(rf"another node has this address.*addr={ROUTER} .*mac={thief}", 5)
    nd.wire.flush()
    nd.wire.tell(IPv6(src=PREFIX + "c1", dst=ROUTER) / ICMPv6EchoRequest())
    assert nd.wire.expect(is_icmp6(129), 0.5) is None
    # The other port is not concerned.
    until("the other port", lambda: nd.lan.ns.ping("2001:db8:52::1", count=1)[0] == 1, 5)
    assert hamd.stop() == 0


def test_link_local_address_is_not_used_before_it_is_ours(nd, daemon):
    """Neither while it is asked for nor when somebody else has it does it answer."""
    if nd.hamd.is_running():
        assert nd.hamd.stop() == 0
    hamd = daemon(nd.world.ha, CONFIG, "ll")
    nd.wire.flush()
    hamd.start(ready=False)
    probe = nd.wire.expect(lambda p: ICMPv6ND_NS in p and p[IPv6].src == "::"
                           and p[ICMPv6ND_NS].tgt.startswith("fe80"), 15)
    own = probe[ICMPv6ND_NS].tgt
    echo = IPv6(src="fe80::c1", dst=own) / ICMPv6EchoRequest()
    assert nd.wire.ask(echo, is_icmp6(129), 0.3) is None
    nd.wire.send(Ether(src="02:00:00:00:66:66", dst="33:33:00:00:00:01")
                 / IPv6(src=own, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=own, R=0, S=0, O=1)
                 / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:66:66"))
    hamd.wait_log(rf"another node has this address.*{own}", 5)
    assert nd.wire.ask(echo, is_icmp6(129), 0.5) is None
    assert hamd.ctl.drops()["dst_scope"] == 2
    assert hamd.stop() == 0
