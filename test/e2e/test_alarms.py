# SPDX-License-Identifier: BSD-3-Clause
"""Alarms of a running hamd: raised by what they are about, cleared when it is over, in hamctl and
in the log."""

import resource
import time
from pathlib import Path

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6

from lab.clocks import clocks_of
from lab.daemon import home_agent_config, runtime
from lab.ptrace import stopped_thread
from lab.raw import Wire
from lab.shell import until
from lab.world import HAMD, HAMD_ROUTER, World


def raised(hamd):
    return {row["alarm"]: row for row in hamd.ctl.show("alarms")}


def wait(hamd, what, fn, timeout):
    """... of its own clocks, which go forward while they are waited for."""
    begin = hamd.clocks.uptime_s

    def look():
        hamd.clocks.later(0.25)
        return fn()

    got = until(what, look, timeout)
    assert hamd.clocks.uptime_s - begin <= timeout, f"{what}: too late"
    return got


def wait_raised(hamd, name, timeout=10):
    return wait(hamd, f"alarm {name}", lambda: raised(hamd).get(name), timeout)


def wait_cleared(hamd, name, timeout=15):
    wait(hamd, f"alarm {name} to clear", lambda: name not in raised(hamd), timeout)
    return next(r for r in hamd.ctl.show("alarms", "--all") if r["alarm"] == name)


def unexpected(hamd, *expected):
    """Raised besides: this machine is no quiet one, so a long turn of control's is none."""
    return set(raised(hamd)) - {"control_slow", "worker_wedged", *expected}


@pytest.fixture(scope="module")
def world(lab):
    return World(lab)


@pytest.fixture
def start(world, daemon):
    started = []

    def make(name, **changes):
        hamd = daemon(world.ha, home_agent_config(1, **changes), name)
        started.append(hamd)
        hamd.clocks = clocks_of(hamd)
        return hamd.start()

    yield make
    for hamd in started:
        hamd.stop()


def test_none(start):
    hamd = start("none")
    time.sleep(1)
    assert not unexpected(hamd)
    rows = hamd.ctl.show("alarms", "--all")
    assert len(rows) >= 12 and len({r["alarm"] for r in rows}) == len(rows)
    assert all(r["what"] and r["todo"] for r in rows)
    assert "ALARM" in hamd.ctl("show", "alarms")


def test_gateway(world, start):
    """Its address is away for a while."""
    world.r.ip("addr", "del", f"{HAMD_ROUTER}/64", "dev", "r-ha")
    hamd = start("gateway")
    try:
        row = wait_raised(hamd, "gateway_unresolved", 15)
        assert row["detail"] == HAMD_ROUTER and row["severity"] == "critical"
        assert row["count"] == 1 and row["since"] <= row["last"]
        assert hamd.wait_log(r"raised: .* alarm=gateway_unresolved .*" + HAMD_ROUTER)
    finally:
        world.r.ip("addr", "add", f"{HAMD_ROUTER}/64", "dev", "r-ha", "nodad")
        world.r.ip("-6", "route", "replace", "2001:db8:a::/48", "via", HAMD, "dev", "r-ha")
    world.mn.register("link1")  # what is sent asks for it again
    row = wait_cleared(hamd, "gateway_unresolved")
    assert row["state"] == "clear" and row["count"] == 1
    assert hamd.wait_log("cleared alarm=gateway_unresolved")
    assert not unexpected(hamd)


def test_duplicate_address(world, start):
    """Somebody answers for our address while we ask whether it is free."""
    claim = (IPv6(src=HAMD, dst="ff02::1", hlim=255)
             / ICMPv6ND_NA(R=0, S=0, O=1, tgt=HAMD)
             / ICMPv6NDOptDstLLAddr(lladdr=world.r.mac("r-ha")))
    with Wire(world.r, "r-ha", peer="33:33:00:00:00:01") as wire:
        hamd = start("duplicate", port={"dad": True}, routes=[])
        for _ in range(3):
            hamd.stop()
            hamd.start(ready=False)
            hamd.wait_log("runs node=")
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                wire.tell(claim)
                time.sleep(0.05)
            hamd.wait_log(hamd.READY, 10)
            if "duplicate_address" in raised(hamd):
                break
    assert wait_raised(hamd, "duplicate_address", 2)["detail"] == HAMD


def test_bindings(world, start):
    """A table for one is full with one binding."""
    hamd = start("small", runtime=runtime(**{"max-bindings": 1}))
    world.mn.register("link1")
    assert wait_raised(hamd, "bindings_full")["value"] == 100
    world.mn.deregister()
    wait_cleared(hamd, "bindings_full", 20)


def test_pool(world, start):
    """Packets wait for neighbours that are not there, three for each, until no buffer is left."""
    hamd = start("pool", runtime=runtime(mbufs=1200),
                 reassembly={"max-fragments": 256})
    assert not unexpected(hamd)
    packets = [bytes(IPv6(src="2001:db8:c::2", dst=f"2001:db8:1::dead:{n:x}")
                     / UDP(sport=1, dport=2)) for n in range(600)]
    with Wire(world.r, "r-ha", peer=world.ha.mac("ha-wan")) as wire:
        end = time.monotonic() + 10
        while "pool_low" not in raised(hamd) and time.monotonic() < end:
            for packet in packets:
                wire.tell(packet)
    row = wait_raised(hamd, "pool_low", 1)
    assert row["value"] >= 95 and "of 1200 free" in row["detail"]
    wait_cleared(hamd, "pool_low", 20)


def test_accounting(world, lab, start):
    """The file may not grow: lines wait, that is an alarm; it may again: cleared."""
    path = lab.dir / "alarm.jsonl"
    hamd = start("acct", accounting={"file": str(path)})
    until("a line", lambda: path.exists() and path.stat().st_size > 0)
    old = resource.prlimit(hamd.pid, resource.RLIMIT_FSIZE, (path.stat().st_size, -1))
    world.mn.register("link1")
    row = wait_raised(hamd, "accounting_blocked")
    assert "octets" in row["detail"]
    assert hamd.wait_log('lines are not taken .*error="File too large"')
    resource.prlimit(hamd.pid, resource.RLIMIT_FSIZE, old)
    wait_cleared(hamd, "accounting_blocked")
    until("the line", lambda: '"start"' in path.read_text())


def test_worker_wedged(world, start):
    """A worker stands still: it is said which lcore it is, and that what it may be reading cannot
    be freed."""
    hamd = start("wedge", runtime=runtime(**{"lcores": "0-1", "idle-sleep-us": 0}))
    world.mn.register("link1")
    threads = [p.parent.name for p in Path(f"/proc/{hamd.pid}/task").glob("*/comm")
               if "worker" in p.read_text()]
    assert len(threads) == 1, threads
    with stopped_thread(int(threads[0])):
        hamd.ctl("binding", "delete", world.mn.hoa)
        assert wait_raised(hamd, "worker_wedged")["detail"] == "lcore 1"
        assert wait_raised(hamd, "frees_stalled")["detail"] == "1 wait"
    wait_cleared(hamd, "worker_wedged")
    wait_cleared(hamd, "frees_stalled")


@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="no /dev/net/tun")
def test_port_down(world, lab, start):
    """af_packet reports no link; a tap's follows its interface."""
    port = {"name": "lan", "device": "net_tap0,iface=hamd-tap", "dad": False}
    hamd = start("down", ports=[*home_agent_config()["ports"], port])
    world.ha.ip("link", "set", "hamd-tap", "up")
    wait_cleared(hamd, "port_down")
    world.ha.ip("link", "set", "hamd-tap", "down")
    assert wait_raised(hamd, "port_down")["detail"] == "lan"
    world.ha.ip("link", "set", "hamd-tap", "up")
    wait_cleared(hamd, "port_down")
