# SPDX-License-Identifier: BSD-3-Clause
"""Two sites of a mesh: their sessions and hellos as they are on the wire, who may speak to them,
and what each finds out about the other when it stands still or has another key."""

import contextlib
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.packet import Raw

from lab.capture import COMPLAINT, Capture
from lab.daemon import Hamd, runtime
from lab.mip6 import binding_update
from lab.pair import ADDRESS, AGENT, DEV, PORT, SITES, Pair, make_key, other
from lab.ptrace import lcore_threads, stopped_thread
from lab.raw import Wire
from lab.shell import sh, until

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "wireshark" / "hamd.lua"

# Hello on control's own lcore and on another one.
LCORES = {"paris": "0", "tokyo": "0-1" if len(os.sched_getaffinity(0)) > 1 else "0"}
MESH = {"hello-ms": 50, "dead-ms": 400}
HOA, COA = "2001:db8:a::100", "2001:db8:1::77"


def peer(hamd):
    """The row of the other site."""
    return hamd.ctl.show("peers")[0]


def is_up(hamd):
    return peer(hamd)["state"] == "up" and "rtt-ms" in peer(hamd)


def tshark(captures, show, *names, key_log=None):
    """Fields of each packet in any of them, as Capture.fields() with the script and, perhaps,
    keys."""
    rows = []
    for capture in captures:
        rows += tshark_one(capture.path, show, *names, key_log=key_log)
    return rows


def tshark_one(path, show, *names, key_log):
    args = ["-n", "-r", path, "-X", f"lua_script:{SCRIPT}", "-o", f"hamd.port:{PORT}", "-o",
            "udp.check_checksum:TRUE", "-Y", show, "-T", "fields", "-E", "separator=/t"]
    if key_log is not None:
        args += ["-o", f"hamd.key_log:{key_log}"]
    for name in names:
        args += ["-e", name]
    return [line.split("\t") for line in sh("tshark", *args, timeout=60).splitlines()]


@pytest.fixture(scope="module")
def pair(lab, daemon):
    """Both sites ready; the capture holds their first words."""
    it = Pair(lab)
    logs = {site: lab.dir / f"{site}.keys" for site in SITES}
    hamds = {site: daemon(it.ns[site],
                          it.config(site, mesh={**MESH, "key-log-file": str(logs[site])},
                                    runtime=runtime(lcores=LCORES[site])), site)
             for site in SITES}
    with contextlib.ExitStack() as stack:
        # What comes in at each end: what hamd sends there itself is not seen.
        captures = [stack.enter_context(Capture(it.ns[site], DEV[site], lab.dir / f"{site}.pcap"))
                    for site in SITES]
        for hamd in hamds.values():
            hamd.start()
        for hamd in hamds.values():
            until("both up", lambda h=hamd: is_up(h), 15)
        for hamd in hamds.values():
            until("both ready", lambda h=hamd: h.ctl.run("ready", "msp1").returncode == 0, 15)
    yield SimpleNamespace(lab=lab, ns=it.ns, config=it.config, keys=it.keys, logs=logs, hamds=hamds,
                          captures=captures, **hamds)
    for hamd in hamds.values():
        if hamd.is_running():
            assert hamd.stop() == 0


def test_up(pair):
    for site in SITES:
        row = peer(pair.hamds[site])
        assert (row["site"], row["address"]) == (other(site), ADDRESS[other(site)])
        assert row["session"] is True and row["handshakes"] >= 1
        assert 0 <= row["rtt-ms"] < 1000 and abs(row["clock-offset-ms"]) < 1000
        assert row["hello-ms"] == MESH["hello-ms"]
        counters = pair.hamds[site].ctl.counters()
        assert counters["hellos_sent"] > 0 and counters["hellos_taken"] > 0
        assert counters["sessions_made"] >= 1 and counters["sync_opened"] > 0
        text = pair.hamds[site].ctl("show", "peers")
        assert other(site) in text and "up" in text


def test_wire(pair):
    """Nothing of it is wrong, and only UDP to the two ports is there beside neighbour discovery."""
    path = pair.captures
    assert not tshark(path, f"udp && ({COMPLAINT} || udp.checksum.status != 1)", "frame.number")
    assert not tshark(path, f"ipv6 && !icmpv6 && !(udp.port in {{{PORT},{PORT + 1}}})",
                      "frame.number")
    assert not tshark(path, "udp && frame.len > 1294", "frame.number")
    kinds = {row[0] for row in tshark(path, "hamd", "hamd.type")}
    assert {"1", "2", "4"} <= kinds
    senders = {row[0] for row in tshark(path, "hamd_hello", "hamd_hello.node")}
    assert senders == {"1", "2"}
    assert not tshark(path, "hamd_hello.boot || hamd.message", "frame.number")   # no keys, no look


@pytest.mark.parametrize("site", SITES)
def test_key_log(pair, site):
    """With the key log of either site both directions can be read."""
    log, path = pair.logs[site], pair.captures
    assert log.stat().st_mode & 0o777 == 0o600
    until("keys in the log", lambda: "HELLO" in log.read_text())
    hellos = tshark(path, "hamd_hello", "ipv6.src", "hamd_hello.boot", "hamd_hello.interval",
                    "hamd_hello.version_max", "hamd_hello.says", "hamd_hello.echo.boot",
                    key_log=log)
    boots = {src: {row[1] for row in hellos if row[0] == src} for src in ADDRESS.values()}
    assert all(len(values) == 1 and "" not in values for values in boots.values()), boots
    assert {row[2] for row in hellos} == {str(MESH["hello-ms"])}
    assert {row[3] for row in hellos} == {"1"}
    assert all(row[4] for row in hellos)
    paris, tokyo = (boots[ADDRESS[s]].pop() for s in SITES)
    echoed = {(row[0], row[5]) for row in hellos if row[5]}
    assert echoed == {(ADDRESS["paris"], tokyo), (ADDRESS["tokyo"], paris)}
    inside = tshark(path, "hamd.sealed", "ipv6.src", "hamd.boot", "hamd.message",
                    "hamd.sealed.len", "hamd.delta.told", key_log=log)
    assert {(row[0], row[1]) for row in inside} == {(ADDRESS["paris"], paris),
                                                    (ADDRESS["tokyo"], tokyo)}
    for row in inside:   # 17 octets: nothing but the boots
        assert row[3] == "17" or all(1 <= int(kind) <= 8 for kind in row[2].split(",")), row
    # Each began its stream, and said when all was told that it began with.
    assert {row[0] for row in inside if "1" in row[4].split(",")} == set(ADDRESS.values())


# What is read of one record, and what it must be; None: looked at below.
RECORD = {"hamd.item.hoa": HOA, "hamd.item.ha": AGENT["paris"], "hamd.record.coa": COA,
          "hamd.record.flags": "0xd000", "hamd.item.epoch": None, "hamd.item.ext_seq": None,
          "hamd.record.hlc": None, "hamd.record.node": "1", "hamd.record.owner.ext_seq": "77",
          "hamd.record.owner.term": "0", "hamd.record.owner": "1", "hamd.record.lifetime": "600",
          "hamd.record.remaining": None, "hamd.record.tombstone": "0", "hamd.delta.stream": "0",
          "hamd.delta.ack_now": "1", "hamd.delta.seen": "0", "hamd.bad_item": ""}


def test_record_in_key_log(pair):
    """What the Delta says of a mobile node that paris has accepted: tokyo shows the same."""
    with Capture(pair.ns["tokyo"], DEV["tokyo"], pair.lab.dir / "record.pcap") as capture:
        with Wire(pair.ns["tokyo"], DEV["tokyo"], peer=pair.ns["paris"].mac(DEV["paris"])) as wire:
            wire.tell(binding_update(HOA, COA, AGENT["paris"], seq=77))
            until("tokyo has it", lambda: pair.tokyo.ctl.binding(HOA))
    rows = tshark([capture], f"hamd.item.hoa == {HOA}", *RECORD, key_log=pair.logs["tokyo"])
    read = dict(zip(RECORD, rows[0]))
    assert {name: read[name] for name, value in RECORD.items() if value is not None} == {
        name: value for name, value in RECORD.items() if value is not None}
    assert 590_000 < int(read["hamd.record.remaining"]) <= 600_000
    shown = pair.tokyo.ctl.binding(HOA)
    version = (f"{read['hamd.item.epoch']}.{read['hamd.item.ext_seq']}."
               f"{int(read['hamd.record.hlc'], 16):x}@{read['hamd.record.node']}")
    assert version == shown["version"]


def datagram(src="tokyo", dst="paris", port=PORT, data=bytes(40), **udp):
    return (IPv6(src=ADDRESS.get(src, src), dst=ADDRESS[dst], hlim=64)
            / UDP(sport=PORT, dport=port, **udp) / Raw(data))


@pytest.mark.parametrize("name, packet, drop", [
    ("a stranger", datagram("2001:db8:1::77"), "mesh_stranger"),
    ("a stranger's hello", datagram("2001:db8:1::77", port=PORT + 1), "mesh_stranger"),
    ("no checksum", datagram(chksum=0), "udp_checksum"),
    ("a wrong one", datagram(chksum=0x1234), "udp_checksum"),
    ("too long", datagram(len=100), "udp_length"),
    ("too short", datagram(len=12), "udp_length"),
    ("of no form", datagram(data=b"\x09" * 40), "sync_malformed"),
    ("of another version", datagram(data=b"\x04\x09" + bytes(60)), "sync_other_version"),
    ("of another node", datagram(data=b"\x04\x01" + bytes(60)), "sync_stranger"),
    ("under no keys", datagram(data=b"\x04\x01\0\0\x01\x02\x03\x02" + bytes(60)), "sync_no_keys"),
    ("hello of no form", datagram(port=PORT + 1, data=b"\x09" * 40), "hello_malformed"),
    ("hello under no keys", datagram(port=PORT + 1, data=b"\x01\x01\x02" + bytes(60)),
     "hello_no_keys"),
])
def test_refused(pair, name, packet, drop):
    """Counted once, by its name, and nobody hears of it."""
    before = pair.paris.ctl.drops()
    with Wire(pair.ns["tokyo"], DEV["tokyo"], peer=pair.ns["paris"].mac(DEV["paris"])) as wire:
        wire.tell(packet)
        until(f"{name}: {drop}", lambda: pair.paris.ctl.drops()[drop] > before[drop])
    after = pair.paris.ctl.drops()
    assert {k: after[k] - before[k] for k in after if after[k] != before[k]} == {drop: 1}
    assert is_up(pair.paris)


def test_fragments(pair):
    """Put together before it is looked at; a stranger's does not get further either."""
    whole = bytes(datagram(data=b"\x09" * 1400)[UDP])
    before = pair.paris.ctl.drops()
    with Wire(pair.ns["tokyo"], DEV["tokyo"], peer=pair.ns["paris"].mac(DEV["paris"])) as wire:
        for n, src in enumerate((ADDRESS["tokyo"], "2001:db8:1::77")):
            for offset in (0, 704):
                part = whole[offset:offset + 704]
                wire.tell(IPv6(src=src, dst=ADDRESS["paris"])
                          / IPv6ExtHdrFragment(nh=17, id=1000 + n, offset=offset // 8,
                                               m=offset == 0) / Raw(part))
        until("both are refused", lambda: pair.paris.ctl.drops()["mesh_stranger"]
              > before["mesh_stranger"])
    after = pair.paris.ctl.drops()
    assert {k: after[k] - before[k] for k in after if after[k] != before[k]} == {
        "sync_malformed": 1, "mesh_stranger": 1}


def test_flood(pair):
    """A flood of strangers, and of garbage from the peer's address, gets between nobody. Hellos
    under keys that nobody has wait in no queue."""
    stranger, garbage = bytes(datagram("2001:db8:1::77")), bytes(datagram(data=b"\x04\x01" * 30))
    hello = bytes(datagram(port=PORT + 1, data=b"\x01\x01\x02" + bytes(60)))
    before = pair.paris.ctl.drops()
    with Wire(pair.ns["tokyo"], DEV["tokyo"], peer=pair.ns["paris"].mac(DEV["paris"])) as wire:
        for _ in range(2000):
            wire.tell(stranger)
            wire.tell(garbage)
            wire.tell(hello)
        until("all are counted", lambda: pair.paris.ctl.drops()["mesh_stranger"]
              >= before["mesh_stranger"] + 1000
              and pair.paris.ctl.drops()["hello_no_keys"] >= before["hello_no_keys"] + 1000)
    assert pair.paris.ctl.drops()["punt_hello_full"] == before["punt_hello_full"]
    until("paris says why", lambda: peer(pair.paris).get("last-failure") == "hello: no_keys")
    assert is_up(pair.paris) and is_up(pair.tokyo)
    assert not {"peer_down", "hello_silent"} & {r["alarm"] for r in pair.paris.ctl.show("alarms")}


@pytest.mark.skipif(LCORES["tokyo"] == "0", reason="needs two processors")
def test_wedged(pair):
    """Tokyo's control core stands still: hello runs on another lcore and falls silent on purpose.
    Paris takes it for dead, and takes it back when it goes on."""
    before = len(pair.tokyo.lines)
    with stopped_thread(lcore_threads(pair.tokyo.pid)["control"]):
        until("tokyo is down", lambda: peer(pair.paris)["state"] != "up", 15)
    until("tokyo is up again", lambda: is_up(pair.paris) and is_up(pair.tokyo), 15)
    pair.tokyo.wait_log("this site stood still", 10, since=before)
    pair.tokyo.wait_log("has another state now.*joining", 10, since=before)


def test_wrong_key(pair):
    """Tokyo comes back with a key that paris does not know."""
    assert pair.tokyo.stop() == 0
    until("paris misses it", lambda: peer(pair.paris)["state"] != "up", 10)
    strange = pair.lab.dir / "strange.key"
    make_key(strange)
    config = pair.config("tokyo", mesh={**MESH, "private-key-file": str(strange)})
    hamd = Hamd(pair.ns["tokyo"], config, pair.lab.dir, "strange").start(ready=False)
    try:
        until("paris says why", lambda: peer(pair.paris).get("last-failure") in (
            "channel: handshake", "channel: mac"), 15)
        row = peer(pair.paris)
        assert row["state"] != "up" and row["last-failure-s"] < 10
        assert row["rx-refused"] > 0
        # Paris has keys of the right one yet, with which it says hello: tokyo cannot open that.
        until("tokyo hears what it cannot open", lambda: hamd.ctl.run(
            "show", "peers").returncode == 0 and peer(hamd).get("last-failure") in (
                "hello: no_keys", "channel: mac"), 15)
        assert peer(hamd)["state"] != "up"
    finally:
        assert hamd.stop() == 0
    pair.tokyo.start()
    until("the right one is up", lambda: is_up(pair.paris) and is_up(pair.tokyo), 15)


@pytest.mark.skipif(LCORES["tokyo"] == "0", reason="needs two processors")
def test_watchdog(pair):
    """A worker that never finishes its turn ends the process, and the log says which it was."""
    assert pair.tokyo.stop() == 0
    config = pair.config("tokyo", runtime=runtime(lcores="0-1", **{"watchdog-ms": 1000}))
    hamd = Hamd(pair.ns["tokyo"], config, pair.lab.dir, "watched").start()
    with stopped_thread(lcore_threads(hamd.pid)["worker"][0]):
        hamd.wait_log("watchdog: has finished no turn for .*hamd ends lcore=1", 20)
    until("it ends", lambda: not hamd.is_running(), 10)
    assert hamd.stop() == -signal.SIGABRT
