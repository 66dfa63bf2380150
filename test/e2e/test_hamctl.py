# SPDX-License-Identifier: BSD-3-Clause
"""What an operator sees: hamctl against a running hamd."""

import json
import socket
import subprocess

import pytest

from lab.shell import until
from lab.world import HAMD_ROUTER, HOA, hoa_of

MOBILE_NODES = 2


@pytest.fixture(autouse=True)
def registered(home):
    for mn in home.mns:
        mn.register("link1")


@pytest.mark.parametrize("what,says", [
    ("bindings", HOA), ("ports", "wan"), ("lcores", "0"), ("counters", "rx_packets"),
    ("drops", "reason|name|drop|no_|_"), ("routes", "::/0"), ("neighbors", HAMD_ROUTER),
    ("config", "net_af_packet0")])
def test_show(home, what, says):
    """For people: text; for programs: a JSON document a line."""
    home.cn.ping("2001:db8:a::999", count=1, wait=0.1)
    text = home.ctl("show", what)
    assert any(word in text for word in says.split("|")), text
    rows = home.ctl.show(what)
    assert rows and all(isinstance(row, dict) for row in rows)


def test_show_bindings_filters(home):
    one, two = home.mns
    rows = lambda *f: [b["home-address"] for b in home.ctl.show("bindings", *f)]
    assert sorted(rows()) == sorted([one.hoa, two.hoa])
    assert rows("--prefix", f"{one.hoa}/128") == [one.hoa]
    assert rows("--coa", two.coa) == [two.hoa]
    assert sorted(rows("--domain", "home")) == sorted([one.hoa, two.hoa])
    assert home.ctl.run("show", "bindings", "--domain", "none").returncode == 1


def test_show_binding(home):
    row = json.loads(home.ctl("show", "binding", HOA, "--json"))
    assert row["home-address"] == HOA and row["care-of-address"] == home.mn.coa
    done = home.ctl.run("show", "binding", "2001:db8:a::999")
    assert done.returncode != 0 and "2001:db8:a::999" in done.stderr


def test_binding_delete(home):
    with home.ctl.moves("counters", bindings_deleted=1):
        home.ctl("binding", "delete", HOA)
    assert set(home.ctl.bindings()) == {hoa_of(2)}
    assert home.cn.ping(HOA, count=1, wait=1)[0] == 0
    done = home.ctl.run("binding", "delete", HOA)
    assert done.returncode != 0 and len(done.stderr.strip().splitlines()) == 1
    home.mn.register("link1")
    assert home.cn.ping(HOA, count=1)[0] == 1


def test_counters_are_consistent(home):
    before = home.ctl.counters()
    assert home.cn.ping(HOA, count=10)[0] == 10
    after = home.ctl.counters()
    moved = {n: after[n] - before[n] for n in after}
    assert moved["encapsulated"] == 10 and moved["decapsulated"] == 10
    assert moved["rx_packets"] >= 20 and moved["tx_packets"] >= 20


@pytest.mark.parametrize("args", [
    ("show", "nothing"), ("show",), ("dance",), ("show", "binding", "not-an-address"),
    ("show", "bindings", "--prefix", "x"), ("binding", "delete")])
def test_wrong_use(home, args):
    done = home.ctl.run(*args)
    assert done.returncode != 0 and done.stdout == "" and done.stderr


def test_help(home):
    done = home.ctl.run("--help")
    assert done.returncode == 0
    for word in ("bindings", "counters", "drops", "neighbors", "delete", "top"):
        assert word in done.stdout


def test_many_at_once(home):
    """Several dumps beside each other, and clients that go away in the middle."""
    runs = [subprocess.Popen([home.ctl.binary, "-s", home.ctl.socket, "show", "counters", "--json"],
                             stdout=subprocess.PIPE, text=True) for _ in range(8)]
    for _ in range(20):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(home.ctl.socket)
            s.send(b'{"command": ')
    for run in runs:
        out, _ = run.communicate(timeout=10)
        assert run.returncode == 0 and "rx_packets" in out
    assert until("an answer", lambda: home.ctl.bindings())


def test_garbage_on_the_socket(home):
    for data in (b"\n", b"{}\n", b"[" * 100000 + b"\n", b"\0\xff\n", b'{"command":"show"}\n',
                 b"x" * 1000000):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(2)
            s.connect(home.ctl.socket)
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while s.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                pass
    assert home.ctl.bindings()
