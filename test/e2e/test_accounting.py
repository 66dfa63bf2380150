# SPDX-License-Identifier: BSD-3-Clause
"""Accounting: what the lines say is what crossed the wire, to the packet and the octet, through
moves, expiry, rotation, a collector that goes away, and kill -9."""

import itertools
import json
import os
import signal
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from lab.capture import Capture
from lab.daemon import home_agent_config
from lab.shell import until
from lab.world import CN, HA, World

INTERIM_S = 1
USAGE = ("packets-to", "bytes-to", "packets-from", "bytes-from")


class Lines:
    """Lines of accounting as they come, from files in their order."""

    def __init__(self, *paths):
        self.paths = paths

    def __call__(self, **wanted):
        """Those with these values; every line of the files is whole."""
        rows = []
        for path in self.paths:
            text = path.read_text() if path.exists() else ""
            assert text == "" or text.endswith("\n"), f"{path} ends in the middle of a line"
            rows += [json.loads(line) for line in text.splitlines()]
        return [r for r in rows if all(r.get(k) == v for k, v in wanted.items())]

    def last(self, **wanted):
        """The newest such line, awaited."""
        until(f"a line {wanted}", lambda: self(**wanted), 5)
        return self(**wanted)[-1]


def assert_gapless(rows):
    assert [r["seq"] for r in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["event"] == "on"
    assert {r["lost"] for r in rows} == {0}
    assert len({r["run"] for r in rows}) == 1


@pytest.fixture(scope="module")
def world(lab):
    return World(lab, 2)


numbers = itertools.count()


@pytest.fixture
def start(world, lab, daemon):
    """start(**accounting) runs hamd; .lines reads its file."""
    started = []

    def make(**accounting):
        name = f"acct{next(numbers)}"
        path = lab.dir / f"{name}.jsonl"
        if "socket" not in accounting:
            accounting["file"] = str(path)
        store = {"store": accounting.pop("store")} if "store" in accounting else {}
        limits = {"bu-burst-per-source": 1000, "bu-burst-per-mobile-node": 1000}
        config = home_agent_config(2, domain={"limits": limits},
                                   accounting={"interim-s": INTERIM_S, **accounting}, **store)
        hamd = daemon(world.ha, config, name).start()
        started.append(hamd)
        return SimpleNamespace(hamd=hamd, ctl=hamd.ctl, path=path, lines=Lines(path))

    yield make
    for hamd in started:
        hamd.stop()


def on_the_wire(cap, mn):
    """What tunnels of this mobile node carried: the outer payload is the inner packet."""
    coas = " ".join(link.coa for link in mn.links.values()).replace(" ", ", ")
    rows = cap.fields("ipv6.nxt == 41", "ipv6.src", "ipv6.dst", "ipv6.plen")
    used = dict.fromkeys(USAGE, 0)
    for src, dst, plen in rows:
        src, dst, plen = src.split(",")[0], dst.split(",")[0], int(plen.split(",")[0])
        if src == HA and dst in coas:
            used["packets-to"] += 1
            used["bytes-to"] += plen
        elif dst == HA and src in coas:
            used["packets-from"] += 1
            used["bytes-from"] += plen
    return used


def test_bills_what_crossed_the_wire(world, start):
    """Both ways, over a move; another mobile node beside it, whose binding runs out."""
    it = start()
    mn, other = world.mns
    with Capture(world.r, "r-ha", it.path.with_suffix(".pcap")) as cap:
        other.register("link1", lifetime_s=4)
        mn.register("link1", lifetime_s=600)
        for dst, args in ((mn.hoa, ()), (mn.hoa, ("-s", 1000)), (other.hoa, ())):
            got, said = world.cn.ping(dst, *args, count=20, interval=0.01)
            assert got == 20, said
        mn.move("link2")
        got, said = mn.ns.ping(CN, "-I", mn.hoa, "-s", 300, count=30, interval=0.01)
        assert got == 30, said
        # what nobody answers makes the two directions differ
        mn.ns.ping("2001:db8:c::dead", "-I", mn.hoa, count=5, interval=0.01, wait=0.1)
        expired = it.lines.last(event="stop", hoa=other.hoa)
        assert mn.deregister().status == 0
        stop = it.lines.last(event="stop", hoa=mn.hoa)
    assert stop["cause"] == "deregistered" and expired["cause"] == "expired"
    for mobile, row in ((mn, stop), (other, expired)):
        assert {k: row[k] for k in USAGE} == on_the_wire(cap, mobile)
    assert stop["packets-from"] == 20 + 20 + 30 + 5 and stop["packets-to"] == 70
    assert 3900 < expired["duration-ms"] < 6500 and expired["lifetime-s"] == 4

    rows = it.lines()
    assert_gapless(rows)
    mine = it.lines(session=stop["session"])
    assert [r["event"] for r in mine if r["event"] != "interim"] == ["start", "move", "stop"]
    assert {r["hoa"] for r in mine} == {mn.hoa} and {r["domain"] for r in mine} == {"home"}
    began, moved = mine[0], it.lines.last(event="move")
    assert began["cause"] == "registered" and began["coa"] == mn.links["link1"].coa
    assert (moved["old-coa"], moved["coa"]) == (mn.links["link1"].coa, mn.links["link2"].coa)
    assert moved["packets-to"] == 40 and stop["coa"] == moved["coa"]
    # counts only grow, and interims come every second
    for key in USAGE:
        assert all(a[key] <= b[key] for a, b in itertools.pairwise(mine))
    at = [r["duration-ms"] for r in mine if r["event"] == "interim"]
    assert len(at) >= 3 and at[0] <= 1000 * INTERIM_S + 100
    assert all(500 < b - a < 1500 for a, b in itertools.pairwise(at)), at

    # an operator deletes it; hamd stops with one session left
    mn.register("link1")
    it.ctl("binding", "delete", mn.hoa)
    it.lines.last(event="stop", hoa=mn.hoa, cause="deleted")
    mn.register("link1")
    world.cn.ping(mn.hoa, count=3)
    assert it.hamd.stop() == 0
    rows = it.lines()
    assert_gapless(rows)
    assert (rows[-1]["event"], rows[-1]["cause"]) == ("off", "shutdown")
    assert (rows[-2]["event"], rows[-2]["cause"]) == ("stop", "shutdown")
    assert rows[-2]["packets-to"] == 3
    starts, stops = it.lines(event="start"), it.lines(event="stop")
    assert sorted(r["session"] for r in starts) == sorted(r["session"] for r in stops)
    assert len({r["session"] for r in starts}) == 4


def test_killed(world, start):
    """The file ends with a whole line that is not older than an interval, and the next run goes
    on in it."""
    it = start()
    world.mn.register("link1")
    ping = world.cn.popen("ping", "-6", "-q", "-n", "-i", "0.02", world.mn.hoa, stdout=-3)
    try:
        time.sleep(2.3)
        counted = it.ctl.binding(world.mn.hoa)["packets-to"]
        it.hamd.kill9()
    finally:
        ping.send_signal(signal.SIGINT)
        ping.wait()
    rows = it.lines()
    assert_gapless(rows)
    assert rows[-1]["event"] == "interim"
    # 50 a second: what was lost is an interval's worth at most, with half a second's patience
    assert counted - rows[-1]["packets-to"] <= 50 * (INTERIM_S + 0.5)
    it.hamd.start()
    world.mn.register("link1")
    run = until("the next run", lambda: it.lines(event="on")[1:])[0]["run"]
    again = it.lines.last(event="start", run=run)
    assert again["session"] not in {r.get("session") for r in rows}
    assert_gapless([r for r in it.lines() if r["run"] == again["run"]])


def test_killed_with_a_store(world, start, lab):
    """The session goes on in the next run, and with no less than was told, whenever hamd is
    killed: here as soon as a line is there."""
    it = start(store={"path": str(lab.dir / "acct-store")})
    world.mn.register("link1")
    session = it.lines.last(event="start")["session"]
    ping = world.cn.popen("ping", "-6", "-q", "-n", "-i", "0.005", world.mn.hoa, stdout=-3)
    try:
        for _ in range(3):
            told = len(it.lines(event="interim"))
            until("a line", lambda told=told: len(it.lines(event="interim")) > told, 5)
            it.hamd.kill9()
            it.hamd.start()
        until("the fourth run's", lambda: len({r["run"] for r in it.lines(event="interim")}) == 4, 5)
    finally:
        ping.send_signal(signal.SIGINT)
        ping.wait()
    used = [r["packets-to"] for r in it.lines(session=session)]
    assert len(used) >= 5 and used == sorted(used), used
    assert {r["session"] for r in it.lines(event="interim")} == {session}
    assert it.ctl.counters()["accounting_unstored"] == 0


def test_logrotate_while_events_flow(world, start):
    """Renamed, then SIGUSR1, again and again: no line is lost, torn or twice. A signal without a
    new name changes nothing."""
    it = start()
    world.mn.register("link1")
    renamed, done = [], threading.Event()

    def rotate():
        for n in itertools.count(1):
            renamed.append(it.path.with_suffix(f".{n}"))
            it.path.rename(renamed[-1])
            time.sleep(0.02)
            os.kill(it.hamd.pid, signal.SIGUSR1)
            until("a new file", it.path.exists, 5)
            os.kill(it.hamd.pid, signal.SIGUSR1)
            if done.wait(0.1):
                return

    thread = threading.Thread(target=rotate)
    thread.start()
    try:
        for _ in range(40):
            assert world.mn.deregister().status == 0
            assert world.mn.update().status == 0
    finally:
        done.set()
        thread.join()
    assert it.hamd.stop() == 0
    rows = Lines(*renamed, it.path)()
    assert_gapless(rows)
    assert len([r for r in rows if r["event"] == "stop"]) == 41
    assert len(renamed) >= 3
    assert not [line for line in it.hamd.lines if "cannot be opened" in line]


class Collector:
    """Listens at a Unix stream socket, one connection after the other."""

    def __init__(self, path):
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.listener.settimeout(5)
        self.rest = b""

    def accept(self):
        self.conn = self.listener.accept()[0]
        self.conn.settimeout(5)
        self.rest = b""

    def read(self):
        """One line."""
        while b"\n" not in self.rest:
            got = self.conn.recv(65536)
            assert got, "hamd closed the connection"
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        self.conn.close()
        self.listener.close()


def test_collector(world, lab, start):
    """A socket: what happens before the collector is there, and while it is away, waits."""
    path = lab.dir / "collector.sock"
    # no interim into the connection that nobody reads any more: it would be lost
    it = start(**{"socket": str(path), "interim-s": 300})
    world.mn.register("link1")
    collector = Collector(path)
    collector.accept()
    rows = [collector.read(), collector.read()]
    assert [r["event"] for r in rows] == ["on", "start"]
    collector.close()
    world.mn.deregister()
    world.mn.register("link1")
    it.hamd.wait_log("lines are not taken")
    collector = Collector(path)
    collector.accept()
    while not (rows[-1]["event"] == "start" and len(rows) > 3):
        rows.append(collector.read())
    assert_gapless(rows)
    assert [r["cause"] for r in rows if r["event"] == "stop"] == ["deregistered"]
    it.hamd.wait_log("lines are taken again")
    assert it.hamd.stop() == 0
    while rows[-1]["event"] != "off":
        rows.append(collector.read())
    assert_gapless(rows)
    assert collector.conn.recv(1) == b""
    collector.close()


def test_refused(world, lab, start, daemon):
    """A file that cannot be written is an error at start, with its path."""
    config = home_agent_config(1, accounting={"file": str(lab.dir)})
    hamd = daemon(world.ha, config, "refused").start(ready=False)
    assert hamd.wait_log(r"accounting\.file: .*: Is a directory")
    until("hamd to end", lambda: not hamd.is_running())
    assert hamd.stop() == 1
