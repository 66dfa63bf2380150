# SPDX-License-Identifier: BSD-3-Clause
"""`hamctl capture` of a running hamd: what tshark reads in it, and that nobody suffers."""

import signal
import struct
import subprocess

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lab import mip6
from lab.shell import sh, until
from lab.world import CN, HA, HOA, coa_of

COA2 = coa_of(1, 2)
NOBODY = "2001:db8:a::999"
IN, OUT = "0x00000001", "0x00000002"
NAMES = {"at": "frame.interface_name", "way": "frame.packet_flags_direction", "len": "frame.len",
         "src": "ipv6.src", "dst": "ipv6.dst", "icmp": "icmpv6.type", "mh": "mip6.mhtype",
         "status": "mip6.ba.status", "why": "frame.comment", "malformed": "_ws.malformed"}


@pytest.fixture(autouse=True)
def registered(request):
    if "home" in request.fixturenames:
        request.getfixturevalue("home").mn.register("link1")


def fields(path, show, *names):
    args = [x for n in names for x in ("-e", n)]
    out = sh("tshark", "-n", "-r", path, "-Y", show, "-T", "fields", "-E", "separator=/t", *args)
    return [tuple(line.split("\t")) for line in out.splitlines()]


def statistics(path):
    """[(received, lost)] of each interface, out of the file's statistics blocks."""
    data, found = path.read_bytes(), []
    while data:
        kind, length = struct.unpack(">II", data[:8])
        if kind == 5:
            # interface, time, then two times, received and lost as options of 8 octets
            found.append(struct.unpack(">QxxxxQ", data[20 + 24 + 4:20 + 24 + 4 + 20]))
        data = data[length:]
    return found


def test_what_tshark_reads(home, capture):
    """Frames in and out as they were on the wire, what was dropped and why, what went to control
    and its answer."""
    path = home.lab.dir / "all.pcapng"
    wire = capture(home.r, "r-ha")  # the other end sees what both sides send
    with home.hamd.watching("capture", path) as proc:
        assert home.cn.ping(HOA, count=3)[0] == 3
        home.cn.ping(NOBODY, count=1, wait=0.1)
        home.mn.register("link2")
        proc.send_signal(signal.SIGINT)
    wire.stop()
    assert "packets" in proc.err and "lost" not in proc.err
    rows = [dict(zip(NAMES, row)) for row in fields(path, "frame", *NAMES.values())]
    echoes = [r for r in rows if r["at"] == "wan" and r["icmp"] in ("128", "129")]
    assert [r["len"] for r in echoes if r["way"] == IN and r["dst"] == HOA] == ["118"] * 3
    assert [r["len"] for r in echoes if r["way"] == OUT and r["src"] == f"{HA},{CN}"] == ["158"] * 3
    assert len(echoes) == wire.count("icmpv6.type in {128,129} && !(icmpv6.type == 1)") == 13
    (dropped,) = [r for r in rows if r["at"] == "dropped"]
    assert dropped["dst"] == NOBODY
    assert dropped["why"] == "drop=intercept_no_binding port=wan: home address without a binding"
    (punt,) = [r for r in rows if r["at"] == "control" and r["mh"] == "5"]
    assert punt["src"] == COA2
    assert punt["why"].startswith("punt=") and punt["why"].endswith(" port=wan")
    (ack,) = [r for r in rows if r["mh"] == "6"]
    assert (ack["way"], ack["src"], ack["status"]) == (OUT, HA, str(mip6.ACCEPTED))
    assert [r for r in rows if r["malformed"]] == []
    about = sh("capinfos", path)
    for what in ("pcapng", "nanoseconds", "Strict time order:   True", "Name = wan",
                 "Name = dropped", "Name = control", "Hardware = net_af_packet"):
        assert what in about, about
    assert path.stat().st_mode & 0o777 == 0o600


def test_drops_to_a_pipe(home):
    """Only what is dropped, a frame that the port refused among it, read while it comes."""
    with home.world.wire() as wire:
        with home.hamd.watching("capture", "-", "--drops", "--count", 2, "--snaplen", 60) as proc:
            reader = subprocess.Popen(["tshark", "-n", "-r", "-", "-T", "fields", "-e",
                                       "frame.interface_name", "-e", "frame.cap_len", "-e",
                                       "frame.comment"], stdin=proc.stdout,
                                      stdout=subprocess.PIPE, text=True)
            home.cn.ping(HOA, count=3)
            wire.tell(IPv6(src="::1", dst=CN) / UDP() / Raw(b"x" * 100))
            wire.tell(b"\x50" + bytes(IPv6(src=CN, dst=HOA) / UDP() / Raw(b"x" * 100))[1:])
            out, _ = reader.communicate(timeout=20)
    rows = [line.split("\t") for line in out.splitlines()]
    assert sorted((r[0], r[1], r[2].split(":")[0]) for r in rows) == [
        ("dropped", "60", "drop=src_invalid port=wan"), ("wan", "60", "drop=ip6_version")]


def test_filters(home):
    path = home.lab.dir / "filters.pcapng"
    with home.hamd.watching("capture", path, "--mobile-node", HOA, "--port", "wan", "--count", 4):
        home.cn.ping(NOBODY, count=1, wait=0.1)
        home.cn.ping(HOA, count=1)
    assert len(fields(path, f"ipv6.addr == {HOA}", "frame.number")) == 4
    with home.hamd.watching("capture", path, "--seconds", 1, "--reason", "no_route"):
        pass
    assert fields(path, "frame", "frame.number") == []  # empty, but a capture file


def test_client_that_does_not_read(home):
    """What finds no room is counted at its interface and told; hamd goes on."""
    path = home.lab.dir / "flood.pcapng"
    packet = IPv6(src=CN, dst=HOA) / UDP(dport=4001) / Raw(b"x" * 1400)
    with home.world.wire() as wire, home.hamd.watching("capture", path) as proc:
        proc.send_signal(signal.SIGSTOP)
        before = home.ctl.counters()["encapsulated"]
        frame = bytes(Ether(src=wire.mac, dst=wire.peer, type=0x86dd) / packet)
        for i in range(1, 1201):
            wire.send(frame)
            if i % 200 == 0:
                until("hamd to take what was sent",
                      lambda i=i: home.ctl.counters()["encapsulated"] - before >= i - 100, 10)
        assert home.cn.ping(HOA, count=2)[0] == 2
        proc.send_signal(signal.SIGCONT)
        proc.send_signal(signal.SIGINT)
    kept = len(fields(path, "frame", "frame.number"))
    told = [int(word) for word in proc.err.split() if word.isdigit()]
    stats = statistics(path)
    assert told[0] == kept and told[1] > 0, proc.err
    assert sum(received for received, _ in stats) == kept + told[1]
    assert sum(lost for _, lost in stats) == stats[0][1] + stats[1][1] + stats[2][1] == told[1]


def test_vanishing(home):
    """A client that is killed takes its capture with it."""
    for _ in range(2):
        seen = len(home.hamd.lines)
        proc = home.ctl.start("capture", home.lab.dir / "gone.pcapng")
        home.hamd.wait_log("capture begins", since=seen)
        proc.kill()
        proc.communicate()
        home.hamd.wait_log("capture ends", since=seen)
    assert home.cn.ping(HOA, count=1)[0] == 1
