# SPDX-License-Identifier: BSD-3-Clause
"""More than hamd is told to take: bindings in all and per care-of address, Binding Updates per
source, packets of a domain. What is refused leaves no state."""

import threading
import time

import pytest
from lab import mip6
from lab.shell import until
from lab.world import HA, HOA

NOWHERE = "2001:db8:f"  # r drops what is answered to there
NODES, MAX_BINDINGS, PER_COA, PER_SOURCE = 60, 30, 5, 20


def hoa(n):
    return f"2001:db8:a::1:{n:x}"


def coa(n):
    return f"{NOWHERE}::{n:x}"


CONFIG = {"domain": {
    "mobile-nodes": [{"home-address": a, "auth": {"type": "none"}}
                     for a in [HOA] + [hoa(n) for n in range(NODES)]],
    "limits": {"max-bindings": MAX_BINDINGS, "max-bindings-per-care-of": PER_COA,
               "bu-per-s-per-source": PER_SOURCE, "bu-burst-per-source": PER_SOURCE,
               "bu-per-s-per-mobile-node": 5, "bu-burst-per-mobile-node": 30,
               "bu-per-s": 300, "traffic-packets-per-s": 2000}}}


@pytest.fixture(scope="module")
def wire(home):
    home.r.ip("-6", "route", "add", "blackhole", f"{NOWHERE}::/48")
    with home.world.wire() as it:
        yield it


@pytest.fixture(autouse=True)
def unbound(home):
    yield
    for address in home.ctl.bindings():
        home.ctl("binding", "delete", address)


def burst(wire, updates, wait=1.0):
    """Send Binding Updates at once; the answers by home address."""
    wire.flush()
    for pkt in updates:
        wire.tell(pkt)
    answers = [mip6.read_ba(p) for p in wire.collect(lambda p: mip6.read_ba(p) is not None, wait,
                                                     len(updates))]
    return answers


def test_bindings_of_a_domain(home, wire):
    """Twice as many mobile nodes as bindings: 130 for half of them, the others are bound."""
    answers = burst(wire, [mip6.binding_update(hoa(n), coa(n), HA, 1) for n in range(NODES)], 10)
    assert len(answers) == NODES
    took = {a.home_address for a in answers if a.status == 0}
    assert len(took) == MAX_BINDINGS
    assert {a.status for a in answers} == {0, mip6.INSUFFICIENT_RESOURCES}
    assert set(home.ctl.bindings()) == took
    # Refresh and move of what is bound never fail by it; what is ended makes room.
    one = min(took)
    again = burst(wire, [mip6.binding_update(one, coa(500), HA, 2),
                         mip6.binding_update(one, coa(500), HA, 3, lifetime_s=0)])
    assert [a.status for a in again] == [0, 0]
    left = next(hoa(n) for n in range(NODES) if hoa(n) not in took)
    assert [a.status for a in burst(wire, [mip6.binding_update(left, coa(501), HA, 2)])] == [0]


def test_bindings_at_a_care_of_address(home, wire):
    answers = burst(wire, [mip6.binding_update(hoa(n), coa(600), HA, 100) for n in range(PER_COA + 3)])
    assert [a.status for a in answers] == [0] * PER_COA + [mip6.INSUFFICIENT_RESOURCES] * 3
    assert len(home.ctl.bindings()) == PER_COA


def refused(home):
    """Above a limit, in front of control's queue as soon as it is bound, or behind it."""
    drops = home.ctl.values("drops")
    return drops["bu_rate"] + drops["punt_known_rate"] + drops["bu_rate_mobile_node"]


def test_ten_times_more_updates_than_the_limit(home, wire):
    """One source in a hurry: its updates are dropped above the rate, another's are answered, and
    the binding is what the last accepted one said."""
    n = 10 * PER_SOURCE
    before, sent = refused(home), home.ctl.counters()["ba_sent"]
    begin = time.monotonic()
    wire.flush()
    for seq in range(n):
        wire.tell(mip6.binding_update(hoa(51), coa(51), HA, 1000 + seq))
    wire.tell(mip6.binding_update(hoa(52), coa(52), HA, 7))
    until("all to be answered or dropped", lambda: (
        refused(home) - before + home.ctl.counters()["ba_sent"] - sent == n + 1), 10)
    took = time.monotonic() - begin
    answers = [mip6.read_ba(p) for p in wire.collect(
        lambda p: mip6.read_ba(p) is not None, 10, home.ctl.counters()["ba_sent"] - sent)]
    mine = [a for a in answers if a.home_address == hoa(51)]
    assert refused(home) - before == n - len(mine)
    assert PER_SOURCE <= len(mine) <= PER_SOURCE * (2 + took)
    assert [a.status for a in answers if a.home_address == hoa(52)] == [0]
    assert home.ctl.binding(hoa(51))["sequence"] == max(a.seq for a in mine)
    assert len(home.ctl.bindings()) == 2


def test_flood_from_invented_sources(home, wire):
    """Sources, all new, use up what the domain takes from strangers. They leave no state, and the
    mobile node that speaks from where it is bound gets every answer in between."""
    assert home.mn.update("link1").status == 0
    raw = bytearray(bytes(mip6.binding_update("2001:db8:a::dead", coa(0), HA, 1,
                                              alt_coa=coa(0x77))))

    def invented(n):
        raw[14:24] = n.to_bytes(10, "big")  # the rest of the source; the checksum has the HoA
        return bytes(raw)

    with home.ctl.moves("drops", bu_rate=-1000, punt_known_full=0, punt_known_rate=0):
        assert refreshes_in_flood(home, wire, invented) == 10
    assert set(home.ctl.bindings()) == {HOA}


def test_flood_in_the_name_of_one(home, wire):
    """Somebody knows where one mobile node is bound: what is said in its name is dropped in front
    of the queue in which all others' refreshes stand, and these get every answer."""
    assert home.mn.update("link1").status == 0
    assert [a.status for a in burst(wire, [mip6.binding_update(hoa(54), coa(54), HA, 1)])] == [0]
    pkt = bytes(mip6.binding_update(hoa(54), coa(54), HA, 1))
    with home.ctl.moves("drops", punt_known_rate=-1000, punt_known_full=0):
        assert refreshes_in_flood(home, wire, lambda n: pkt) == 10
    assert set(home.ctl.bindings()) == {HOA, hoa(54)}


def refreshes_in_flood(home, wire, make):
    """How many of ten were accepted while make(0), make(1), ... were sent without a pause. What is
    lost on the way to hamd, by a machine that is as busy as this, is repeated, as mobile nodes do;
    what hamd loses is counted there."""
    stop = threading.Event()
    flood = threading.Thread(target=send_flood, args=(wire, make, stop))
    ok = 0
    flood.start()
    try:
        for _ in range(10):
            time.sleep(0.2)  # the limit of its own source
            ba = next(filter(None, (home.mn.update("link1", timeout=0.5) for _ in range(5))), None)
            ok += ba is not None and ba.status == 0
    finally:
        stop.set()
        flood.join()
    return ok


def send_flood(wire, make, stop):
    head = bytes.fromhex((wire.peer + wire.mac).replace(":", "")) + b"\x86\xdd"
    n = 0
    while not stop.is_set():
        wire.send(head + make(n))
        n += 1


def test_traffic_of_a_domain(home):
    """Above its packets a second, both ways together, a domain's are dropped; what mobile nodes have
    to say is not, and a moment later all is as before."""
    home.mn.register("link1")
    dropped = home.ctl.show("domains")[0]["dropped-above-limits"]
    with home.ctl.moves("drops", domain_rate=-1000):
        home.cn.run("ping", "-6", "-q", "-n", "-A", "-f", "-l", 300, "-c", 2000, HOA, check=False)
        home.mn.register("link1")
    assert home.ctl.show("domains")[0]["dropped-above-limits"] == (
        dropped + home.ctl.drops()["domain_rate"])
    assert home.cn.ping(HOA, count=5)[0] == 5
    home.mn.deregister()


def test_one_that_moves_too_often(home, wire):
    """A mobile node that names one care-of address after the other is slowed down, and can still
    leave."""
    n = 60
    time.sleep(1)  # the domain's share for strangers is whole again
    with home.ctl.moves("drops", bu_rate_mobile_node=-(n - 50)):
        answers = burst(wire, [mip6.binding_update(hoa(53), coa(700 + k), HA, k)
                               for k in range(1, n + 1)])
        assert 30 <= len(answers) <= 50
    last = mip6.binding_update(hoa(53), coa(900), HA, 1000, lifetime_s=0)
    assert [a.status for a in burst(wire, [last])] == [0]
    assert not home.ctl.bindings()
