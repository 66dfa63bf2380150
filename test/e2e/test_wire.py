# SPDX-License-Identifier: BSD-3-Clause
"""The lab's long lines (lab/wires.py), between kernels alone, and its sites with a home agent that
has no mesh: what a mesh is compared with."""

import pytest

from lab.mesh import MeshWorld, agent_address
from lab.shell import LabError
from lab.wires import Wires

A, B = "2001:db8:77::1", "2001:db8:77::2"


@pytest.fixture(scope="module")
def line(lab):
    """Two hosts on one Ethernet, a line between them."""
    a, b, ns = lab.ns("a"), lab.ns("b"), lab.ns("line")
    for host, address, dev, far in ((a, A, "a-line", "line-a"), (b, B, "b-line", "line-b")):
        lab.link(host, dev, ns, far)
        lab.silence(ns, far)
        host.ip("addr", "add", f"{address}/64", "dev", dev, "nodad")
    yield a, Wires(lab, ns, {"x": ("line-a", "line-b")})


@pytest.fixture
def x(line):
    """set(...) of the line, as it was afterwards."""
    a, wires = line
    assert a.ping(B, count=1)[0] == 1, "neighbours know each other"
    yield lambda way="both", **settings: wires.set("x", way, **settings)
    wires.set("x", delay_ms=0, jitter_ms=0, loss_percent=0, duplicate_percent=0,
              reorder_percent=0, rate_mbps=0, cut=0)


def times(said):
    return [float(line.split("time=")[1].split()[0]) for line in said.splitlines()
            if "time=" in line]


def test_delay(line, x):
    """Each way has its own."""
    x("there", delay_ms=30)
    x("back", delay_ms=15)
    got, said = line[0].ping(B, count=5)
    assert got == 5 and all(t >= 45 for t in times(said)), said
    assert min(times(said)) < 70, said


def test_cut(line, x):
    before = line[1].show()
    x("back", cut=1)
    assert line[0].ping(B, count=2, wait=0.2)[0] == 0
    x("back", cut=0)
    assert line[0].ping(B, count=1)[0] == 1
    after = line[1].show()
    assert after["x", "back"]["cut"] - before["x", "back"]["cut"] >= 2
    assert after["x", "there"]["cut"] == before["x", "there"]["cut"]


def test_loss_and_copies(line, x):
    """300 echo requests; the answers come back whole."""
    before = line[1].show()["x", "there"]
    x("there", loss_percent=30, duplicate_percent=20)
    got, said = line[0].ping(B, count=300, interval=0.002, wait=1)
    after = line[1].show()["x", "there"]
    passed, lost, copies = (after[n] - before[n] for n in ("passed", "lost", "duplicated"))
    assert 50 < lost < 140 and 20 < copies < 70
    assert passed - 10 <= got <= passed, "neighbour discovery is among what passed"
    assert "DUP!" in said


def test_order(line, x):
    """One in five is late by 100 ms, so that those behind it come first."""
    x("there", reorder_percent=20, late_ms=100)
    _, said = line[0].ping(B, count=200, interval=0.002, wait=1)
    order = [int(part.split("icmp_seq=")[1].split()[0]) for part in said.splitlines()
             if "icmp_seq=" in part]
    assert len(order) > 150 and order != sorted(order), said


def test_what_it_does_not_know(line):
    for name, settings in (("y", {"delay_ms": 1}), ("x", {"delay": 1}), ("x", {"cut": 2}),
                           ("x", {"delay_ms": 5, "loss_percent": 101})):
        with pytest.raises(LabError, match="no such"):
            line[1].set(name, **settings)
    assert line[0].ping(B, count=1)[0] == 1


def test_one_home_agent(lab, daemon):
    """What a mesh shortens: a correspondent and a mobile node at one place, their home agent at
    the other; four times over the line."""
    mesh = MeshWorld(lab, sites=2, delay_ms=10)
    mesh[1].hamd = daemon(mesh[1].ns, mesh.alone(1), "alone")
    mesh.start(1)
    mesh.gate.wait(site1=True)
    mesh.mn.use_agent(agent_address(1))
    mesh.mn.register("site2")
    assert mesh.crossings(2, mesh.mn.hoa) == {"1-2": 4}
    assert mesh.rtt_ms(2, mesh.mn.hoa) >= 40
    mesh.mn.register("site1")
    assert mesh.crossings(2, mesh.mn.hoa) == {"1-2": 2}
    assert mesh.rtt_ms(1, mesh.mn.hoa) < 20
    assert mesh.mn.counter("stray") == 0
    assert mesh[1].hamd.kill9() < 0
    mesh.gate.wait(site1=False)
    assert mesh.rtt_ms(2, mesh.mn.hoa, count=1) is None
