# SPDX-License-Identifier: BSD-3-Clause
"""`hamctl trace`: the way of real packets through a running hamd."""

import contextlib
import json
import signal

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

from lab import mip6
from lab.shell import until
from lab.world import CN, HA, HAMD, HAMD_ROUTER, HOA, coa_of, hoa_of

MOBILE_NODES = 2
COA, COA2 = coa_of(1, 1), coa_of(1, 2)
NOBODY = "2001:db8:a::999"


@pytest.fixture(scope="module")
def wired(home):
    with home.world.wire() as wire:
        home.wire = wire
        yield home


@pytest.fixture(autouse=True)
def registered(wired):
    for mn in wired.mns:
        mn.register("link1")


@contextlib.contextmanager
def trace(home, *args, least=None):
    """The packets that were traced during the block are in the list when it's over. least: so
    many are waited for, and the trace ends with them."""
    packets = []
    args = (*args, "--count", least) if least else args
    with home.hamd.watching("trace", "--json", "--seconds", 10, *args) as proc:
        yield packets
        if least is None:
            proc.send_signal(signal.SIGINT)
    *docs, summary = map(json.loads, proc.out.splitlines())
    assert summary["traced"] == len(docs)
    home.lost = summary["lost"]
    packets += docs


def way(packet):
    """"rx>classify classify>intercept ...": every stage and its door."""
    return " ".join(f"{s['stage']}>{s['door']}" for s in packet["stages"])


def at(packet, stage, door=None):
    return next(s for s in packet["stages"]
                if s["stage"] == stage and (door is None or s["door"] == door))


def test_to_mobile_node(wired):
    """Every stage, addresses before and after, binding, next hop, port and queue."""
    with trace(wired, "--source", CN, "--mobile-node", HOA, least=1) as packets:
        wired.cn.ping(HOA, count=1)
    (p,) = packets
    assert way(p) == ("rx>classify classify>intercept intercept>encap encap>route route>tx tx>wire")
    assert (p["port"], p["queue"], p["fate"], p["whole"]) == ("wan", 0, "sent", True)
    assert (p["source"], p["destination"]) == (CN, HOA)
    assert at(p, "intercept")["binding"] == {"home-address": HOA, "care-of-address": COA}
    before, after = at(p, "intercept"), at(p, "encap")
    assert (before["source"], before["destination"]) == (CN, HOA)
    assert (after["source"], after["destination"]) == (HA, COA)
    assert after["length"] == before["length"] + 40
    route = at(p, "route")
    assert (route["port"], route["next-hop"]) == ("wan", HAMD_ROUTER)
    assert route["mac"] == wired.r.mac("r-ha")
    assert at(p, "tx")["port"] == "wan"
    us = [s["us"] for s in p["stages"]]
    assert us[0] == 0 and us == sorted(us) and us[-1] < 1e6


def test_from_mobile_node(wired):
    with trace(wired, "--destination", CN, "--source", HOA, least=1) as packets:
        wired.cn.ping(HOA, count=1)
    (p,) = packets
    assert way(p) == "rx>classify classify>decap decap>classify classify>route route>tx tx>wire"
    assert (p["source"], p["destination"]) == (COA, HA)
    decap = at(p, "decap")
    assert (decap["source"], decap["destination"]) == (HOA, CN)
    assert decap["binding"] == {"home-address": HOA, "care-of-address": COA}


def test_binding_update(wired):
    """From its port to the Binding Acknowledgement's."""
    with trace(wired, "--mobile-node", HOA, "--stage", "control", least=1) as packets:
        wired.mn.move("link2")
    (p,) = packets
    assert p["fate"] == "taken" and p["whole"]
    assert way(p).startswith(
        "rx>classify classify>signal signal>punt control>taken control>verdict")
    assert at(p, "signal")["class"] in ("signalling", "known")
    verdicts = [(s["engine"], s["verdict"], s.get("status")) for s in p["stages"]
                if s["door"] == "verdict"]
    assert verdicts[-1] == ("mip6", "moved", mip6.ACCEPTED)
    sent = at(p, "control", "sent")
    assert sent["answer"] and (sent["source"], sent["destination"]) == (HA, COA2)
    assert at(p, "route")["next-hop"] == HAMD_ROUTER
    wire = at(p, "tx", "wire")
    assert (wire["source"], wire["destination"]) == (HA, COA2)
    assert at(p, "control", "done")["us"] >= at(p, "control", "taken")["us"]


def test_refused_binding_update(wired):
    with trace(wired, "--source", COA, "--stage", "control", least=1) as packets:
        ba = wired.mn.update("link1", hoa="2001:db8:a::777")
    assert ba.status == mip6.NOT_HOME_AGENT_FOR_THIS_MN
    verdict = [s for s in packets[0]["stages"] if s["door"] == "verdict"][-1]
    assert (verdict["verdict"], verdict["status"]) == ("refused", ba.status)


def bad_checksum():
    bu = bytearray(bytes(mip6.binding_update(HOA, COA, HA, 1)))
    bu[-1] ^= 1
    return bytes(bu)


@pytest.mark.parametrize("reason,pkt,stage,answered", [
    ("intercept_no_binding", IPv6(src=CN, dst=NOBODY) / UDP(), "intercept", True),
    ("hop_limit", IPv6(src=CN, dst=HOA, hlim=1) / UDP(), "encap", True),
    ("decap_wrong_coa", IPv6(src="2001:db8:99::1", dst=HA) / IPv6(src=HOA, dst=CN) / UDP(),
     "decap", False),
    ("src_invalid", IPv6(src="::1", dst=CN) / UDP(), "classify", False),
    ("local_port", IPv6(src=CN, dst=HAMD) / UDP(dport=7), "control", True),
    ("mh_checksum", bad_checksum(), "control", False),
    ("ip6_version", b"\x50" + bytes(IPv6(src=CN, dst=HOA) / UDP())[1:], "rx", False),
], ids=lambda v: v if isinstance(v, str) else "")
def test_reasons(wired, reason, pkt, stage, answered):
    """Only what was dropped for the reason, out of other traffic and other drops; where, and
    whether its source was told."""
    with trace(wired, "--reason", reason, least=1) as packets:
        wired.cn.ping(HOA, count=5, interval=0.002)
        wired.wire.tell(IPv6(src=CN, dst="::1") / UDP())  # dropped for another one
        wired.wire.tell(pkt)
    (p,) = packets
    assert (p["fate"], p["reason"], p["whole"]) == ("dropped", reason, True)
    drop = next(s for s in p["stages"] if s.get("reason") == reason)
    assert drop["stage"] == stage, way(p)
    assert any(s["door"] == "sent" for s in p["stages"]) == answered, way(p)


def test_drops(wired):
    """Whatever is dropped, and nothing that is not."""
    with trace(wired, "--drops", "--source", CN, least=2) as packets:
        wired.cn.ping(HOA, count=3)
        wired.wire.tell(IPv6(src=CN, dst=NOBODY) / UDP())
        wired.wire.tell(IPv6(src=CN, dst=HOA, hlim=1) / UDP())
    assert {p["reason"] for p in packets} == {"intercept_no_binding", "hop_limit"}


def test_filters_combine(wired):
    """The other mobile node's packets, the other direction and other ports stay out."""
    other = hoa_of(2)
    with trace(wired, "--prefix", f"{other}/128", "--source", CN, "--port", "wan", "--stage",
               "encap") as packets:
        for hoa in (HOA, other):
            assert wired.cn.ping(hoa, count=3)[0] == 3
    assert len(packets) == 3
    assert {p["destination"] for p in packets} == {other}
    done = wired.ctl.run("trace", "--port", "lan")
    assert done.returncode == 1 and "no such port: lan" in done.stderr


def test_for_people(wired):
    """A block of lines a packet, and how many there were."""
    with wired.hamd.watching("trace", "-c", 1, "--source", CN) as proc:
        wired.cn.ping(HOA, count=1)
    lines = proc.out.splitlines()
    assert lines[0].startswith("packet 1 at ") and f"{CN} > {HOA}" in lines[0]
    assert [line.split()[3] for line in lines[1:7]] == ["rx", "classify", "intercept", "encap",
                                                        "route", "tx"]
    assert f"binding {HOA} at {COA}" in lines[3]
    assert f"{HA} > {COA}" in lines[4]
    assert f"next hop {HAMD_ROUTER}" in lines[5]
    assert proc.err.strip() == "1 packets"


def test_ends_by_itself(wired):
    """20 packets, or the time."""
    with wired.hamd.watching("trace", "--json", "--source", CN) as proc:
        wired.cn.ping(HOA, count=25, interval=0.002)
    assert len(proc.out.splitlines()) == 20 + 1
    with wired.hamd.watching("trace", "--json", "--seconds", 1, "--source", "2001:db8:77::/48") as p:
        pass
    assert json.loads(p.out) == {"traced": 0, "lost": 0}


def test_one_at_a_time_and_vanishing(wired):
    """A second one is told; a client that is killed takes its trace with it."""
    seen = len(wired.hamd.lines)
    first = wired.ctl.start("trace", "--count", 0)
    assert "uid=0 pid=" in wired.hamd.wait_log("trace begins", since=seen)
    done = wired.ctl.run("trace")
    assert done.returncode == 1 and "a trace is running already" in done.stderr
    first.kill()
    first.communicate()
    wired.hamd.wait_log("trace ends", since=seen)
    with trace(wired, "--source", CN, least=1):
        wired.cn.ping(HOA, count=1)


def flood(home, pkt, n):
    """n copies into hamd at a pace that it takes; afterwards it has taken them."""
    eth = bytes.fromhex((home.wire.peer + home.wire.mac).replace(":", "")) + b"\x86\xdd"
    start = home.ctl.counters()["rx_packets"]
    for i in range(1, n + 1):
        home.wire.send(eth + bytes(pkt))
        if i % 128 == 0:
            until("hamd to take what was sent",
                  lambda i=i: home.ctl.counters()["rx_packets"] - start >= i - 200, 10, 0.002)
    until("hamd to take all", lambda: home.ctl.counters()["rx_packets"] - start >= n, 10)
    home.wire.flush()


def test_client_that_does_not_read(wired):
    """More than the rings take: lost, counted and told; hamd counts what it always counts."""
    pkt = IPv6(src=CN, dst=HOA) / UDP(dport=4001) / Raw(b"x" * 20)
    with wired.hamd.watching("trace", "--json", "--count", 0, "--seconds", 60) as proc:
        proc.send_signal(signal.SIGSTOP)
        before = wired.ctl.counters(), wired.ctl.drops()
        flood(wired, pkt, 2000)
        # the mobile node answers some, nothing is lost on the way
        until("all to be sent", lambda: (now := wired.ctl.counters())["rx_packets"] - before[0][
            "rx_packets"] == now["tx_packets"] - before[0]["tx_packets"])
        after = wired.ctl.counters(), wired.ctl.drops()
        assert wired.cn.ping(HOA, count=2)[0] == 2
        proc.send_signal(signal.SIGCONT)
        proc.send_signal(signal.SIGINT)
    moved = {n: after[0][n] - before[0][n] for n in after[0]}
    assert moved["encapsulated"] == 2000
    assert moved["rx_packets"] >= 2000
    assert after[1] == before[1]
    summary = json.loads(proc.out.splitlines()[-1])
    assert summary["lost"] > 0 and summary["traced"] > 0, summary


def test_counts_the_same(wired):
    """Whoever is watched is neither faster nor slower, and no packet more or less."""
    # what is punted is counted as errors: kernels ask for neighbours when they like
    names = ("encapsulated", "decapsulated", "icmp6_errors_sent", "forwarded")

    def counted():
        for _ in range(5):  # a machine that stands still for a moment loses an echo
            before = wired.ctl.counters()
            got, said = wired.cn.ping(HOA, count=10, interval=0.005)
            if got == 10:
                break
        assert got == 10, said
        wired.wire.tell(IPv6(src=CN, dst=NOBODY) / UDP())
        until("the packet for nobody", lambda: (
            wired.ctl.counters()["icmp6_errors_sent"] > before["icmp6_errors_sent"]))
        after = wired.ctl.counters()
        return [after[n] - before[n] for n in names]

    plain = counted()
    with trace(wired):
        assert counted() == plain
