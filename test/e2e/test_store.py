# SPDX-License-Identifier: BSD-3-Clause
"""Bindings survive: a restart, a kill in the middle of a storm of Binding Updates, files that are
not as they were left, a disk that is full or read-only."""

import datetime
import contextlib
from pathlib import Path

import pytest
from lab import mip6
from lab.clocks import clocks_of
from lab.daemon import home_agent_config
from lab.shell import LabError, sh, until
from lab.storm import DOMAIN, Storm
from lab.world import HA, HAMD_DEV, HOA, World, coa_of
from scapy.layers.inet6 import ICMPv6EchoRequest

PAGE = 4096  # frames begin there


@pytest.fixture(scope="module")
def world(lab):
    return World(lab)


@pytest.fixture
def make(world, daemon, lab, request):
    """hamd with a store of its own, stopped at the end of the test."""
    started = []

    def config(path=None, domain=None, store=None, **sections):
        if path is not None:
            sections["store"] = {"path": str(path), **(store or {})}
        return home_agent_config(domain={**DOMAIN, **(domain or {})}, **sections)

    def it(path=None, name=None, **changes):
        hamd = daemon(world.ha, config(path, **changes), name or f"st{len(started)}")
        started.append(hamd)
        return hamd

    yield it
    for hamd in started:
        with contextlib.suppress(LabError):
            hamd.stop()


@pytest.fixture
def path(lab, request):
    return lab.dir / f"store-{request.node.name.replace('[', '-').rstrip(']')}"


def files(path):
    return sorted(Path(path).glob("*.seg"))


def contents(path):
    return {p.name: p.read_bytes() for p in sorted(Path(path).iterdir())}


def bound(world, path, make, **changes):
    """A store with one binding in it; hamd, stopped."""
    hamd = make(path, **changes)
    hamd.start()
    world.mn.register("link1")
    assert hamd.stop() == 0
    return hamd


def refused(hamd):
    """It does not start; what it says."""
    hamd.start(ready=False)
    assert hamd._proc.wait(15) == 1
    hamd._reader.join(5)
    return "\n".join(hamd.lines)


# --- lives ---

def test_restart(world, make, path):
    """Traffic goes on without a word from the mobile node; the old numbers still count; traffic
    is still counted where it was."""
    hamd = make(path).start()
    world.mn.register("link1")
    assert world.cn.ping(HOA, count=3)[0] == 3
    before = hamd.ctl.binding(HOA)
    assert before["packets-to"] == 3
    assert hamd.stop() == 0
    hamd.start()
    after = hamd.ctl.binding(HOA)
    # two clocks are read one after the other: a millisecond may be another second
    since = [datetime.datetime.fromisoformat(b["since"].rstrip("Z")) for b in (before, after)]
    assert abs((since[1] - since[0]).total_seconds()) <= 1
    for key in ("care-of-address", "home-agent-address", "sequence", "lifetime-s", "flags",
                "packets-to", "bytes-to", "packets-from", "bytes-from"):
        assert after[key] == before[key], key
    assert before["remaining-s"] - 10 <= after["remaining-s"] <= before["remaining-s"]
    got, said = world.cn.ping(HOA, count=2)
    assert got == 2, said
    assert hamd.ctl.binding(HOA)["packets-to"] == 5
    assert world.mn.update(seq=before["sequence"]).status == mip6.SEQUENCE_OUT_OF_WINDOW
    assert hamd.ctl.show("store")[0]["loaded"] == 1
    assert hamd.ctl.counters()["store_loaded"] == 1


def test_deregistered_stays_so(world, make, path):
    """Also when hamd is killed right behind the answer; its number still counts."""
    hamd = make(path, domain={"ack-peers": "store"}).start()
    world.mn.register("link1")
    ba = world.mn.deregister()
    assert ba.status == 0
    hamd.kill9()
    hamd.start()
    assert hamd.ctl.bindings() == {}
    tombstones = hamd.ctl.show("bindings", "--all")
    assert [(t["home-address"], t["state"], t["sequence"]) for t in tombstones] == [
        (HOA, "tombstone", ba.seq)]


def test_moved_and_killed(world, make, path):
    hamd = make(path, domain={"ack-peers": "store"}).start()
    world.mn.register("link1")
    world.mn.move("link2")
    hamd.kill9()
    hamd.start()
    assert hamd.ctl.binding(HOA)["care-of-address"] == coa_of(1, 2)
    assert world.cn.ping(HOA, count=2)[0] == 2


def test_expired_while_away(world, make, path):
    hamd = make(path)
    later = clocks_of(hamd).later
    hamd.start()
    world.mn.register("link1", lifetime_s=4)
    hamd.stop()
    later(4.2)
    hamd.start()
    assert hamd.ctl.bindings() == {}
    assert any("over=1" in line for line in hamd.lines), hamd.lines


def test_without_a_store(world, make):
    """Nothing is kept, and the mobile node is asked to come again soon; with one it is not."""
    hamd = make().start()
    ba = world.mn.register("link1", lifetime_s=1200)
    assert mip6.refresh_advice_s(ba) == 300
    assert mip6.refresh_advice_s(world.mn.register("link1", lifetime_s=300)) is None
    hamd.stop()
    hamd.start()
    assert hamd.ctl.bindings() == {}
    done = hamd.ctl.run("show", "store")
    assert done.returncode == 1 and "there is no store" in done.stderr


def test_no_advice_with_a_store(world, make, path):
    make(path).start()
    assert mip6.refresh_advice_s(world.mn.register("link1", lifetime_s=1200)) is None


def test_binding_errors_after_a_start(world, make, path):
    """Without a store a mobile node that is not bound may have been, for as long as it may have
    been granted: silence. A store that was closed in order says since when it is not: it is told
    as soon as that is long enough, also across restarts."""
    def data():
        link = world.mn.links["link1"]
        world.mn.native(link)
        with world.wire() as wire, hamd.ctl.moves("drops", hao_no_binding=1):
            return wire.ask(mip6.with_hao(link.coa, HOA, HA) / ICMPv6EchoRequest(id=3),
                            lambda p: mip6.read_be(p) is not None, 0.3)

    few = {"lifetime-max-s": 100}
    hamd = make(domain=few).start()
    assert data() is None
    hamd.stop()
    hamd = make(path, domain=few)
    later = clocks_of(hamd).later
    hamd.start()
    assert data() is None, "the first start with a store knows no better"
    later(50)
    hamd.stop()
    hamd.start()
    assert data() is None, "closed in order, but what was before is not known"
    later(40)
    hamd.stop()
    hamd.start()
    assert data() is None, "not long enough yet, all starts together"
    hamd.stop()
    later(11)
    hamd.start()
    assert data() is not None
    hamd.kill9()
    hamd.start()
    assert data() is None, "acknowledged before it was written, and then killed"


# --- kill -9 in a storm ---

def check_after_kill(hamd, storm):
    hamd.start()
    faults = storm.missing(hamd.ctl.bindings())
    assert not faults, f"{len(faults)} acknowledged bindings: {faults[:5]}"


def test_killed_in_a_storm(world, make, path, lab):
    """Three times in the middle of some thousand Binding Updates a second. The twenty times with
    10,000 a second: scripts/soak --store."""
    hamd = make(path, domain={"ack-peers": "store"},
                runtime={**home_agent_config()["runtime"], "max-bindings": 4000})
    storm = Storm(world, lab.dir, nodes=2000, rate=10000)
    hamd.start()
    for _ in range(3):
        storm.start(HA, HAMD_DEV)
        until("the middle of it", lambda: hamd.ctl.counters()["ba_sent"] > 2000, 10)
        hamd.kill9()
        said = storm.stop()
        assert said["acknowledged"] > 1000, said
        check_after_kill(hamd, storm)
    assert hamd.stop() == 0
    check_after_kill(hamd, storm)


# --- files that are not as they were left ---

def flip(path, at):
    octets = bytearray(path.read_bytes())
    octets[at] ^= 0x10
    path.write_bytes(octets)


def truncate(path, by):
    path.write_bytes(path.read_bytes()[:-by])


DAMAGES = {
    "cut": (lambda p: truncate(p, 1), "is cut off"),
    "empty": (lambda p: p.write_bytes(b""), "damaged at its beginning"),
    "bit": (lambda p: flip(p, PAGE + 60), "is damaged at octet"),
    "head": (lambda p: flip(p, 20), "damaged at its beginning"),
    "foreign": (lambda p: p.write_bytes(b"SQLite format 3\0" + bytes(4096)), "no file of a store"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged(world, make, path, damage):
    """Moved aside as it is, with a line that says why and where; hamd starts without it."""
    break_it, said = DAMAGES[damage]
    hamd = bound(world, path, make)
    break_it(files(path)[-1])
    was = contents(path)
    hamd.start()
    line = next(line for line in hamd.lines if "moved aside" in line)
    assert line.startswith("warn") and said in line and str(path) in line, line
    aside = Path(line.split("moved-to=")[1])
    assert aside.parent == path and aside.name.startswith("bad-")
    assert contents(aside) == was
    assert hamd.ctl.bindings() == {}
    assert hamd.ctl.counters()["store_damaged"] == 1
    until("an alarm", lambda: any(a["alarm"] == "store_damaged" for a in hamd.ctl.show("alarms")), 3)
    world.mn.register("link1")
    hamd.stop()
    hamd.start()
    assert HOA in hamd.ctl.bindings()
    assert hamd.ctl.counters()["store_damaged"] == 0


def test_damaged_and_refused(world, make, path):
    hamd = bound(world, path, make, store={"on-damage": "refuse"})
    flip(files(path)[-1], PAGE + 60)
    was = contents(path)
    log = refused(hamd)
    assert "is damaged at octet" in log and "nothing was touched" in log
    assert contents(path) == was
    assert not list(path.glob("bad-*"))


def test_torn_tail(world, make, path):
    """Octets behind what is known to be written, as a kill leaves them."""
    hamd = bound(world, path, make)
    with files(path)[-1].open("ab") as f:
        f.write(b"\0" * 37)
    hamd.start()
    assert any(line.startswith("info") and "octets=37" in line for line in hamd.lines), hamd.lines
    assert HOA in hamd.ctl.bindings()


def test_newer_version(world, make, path):
    hamd = bound(world, path, make)
    file = files(path)[-1]
    octets = bytearray(file.read_bytes())
    octets[11] += 1
    octets[60:64] = crc32c(octets[:60]).to_bytes(4, "big")
    file.write_bytes(octets)
    was = contents(path)
    log = refused(hamd)
    assert "newer version" in log and str(path) in log
    assert contents(path) == was


def crc32c(octets, start=0):
    crc = start ^ 0xffffffff
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def test_clock_of_1970(world, make, path):
    """Written by a machine whose clock was never set, then started anew with the right time: the
    binding goes on with what it had left, and somebody is told."""
    hamd = bound(world, path, make)
    file = files(path)[-1]
    octets = bytearray(file.read_bytes())
    octets[32] ^= 1  # another start of the machine
    octets[60:64] = crc32c(octets[:60]).to_bytes(4, "big")
    nonce = int.from_bytes(octets[12:16], "big")
    for mark in 512, 1024:
        octets[mark + 32:mark + 40] = (100000).to_bytes(8, "big")
        octets[mark + 48:mark + 52] = crc32c(octets[mark:mark + 48], nonce).to_bytes(4, "big")
    file.write_bytes(octets)
    hamd.start()
    assert HOA in hamd.ctl.bindings()
    assert any(line.startswith("warn store: the clock is ahead") for line in hamd.lines)
    until("an alarm", lambda: any(a["alarm"] == "store_no_clock" for a in hamd.ctl.show("alarms")),
          3)
    assert hamd.stop() == 0
    hamd.start()
    assert HOA in hamd.ctl.bindings()
    assert hamd.ctl.counters()["store_no_clock"] == 0


def test_somebody_elses_directory(world, make, path):
    path.mkdir(mode=0o700)
    (path / "notes.txt").write_text("mine")
    log = refused(make(path))
    assert "notes.txt" in log and "directory of its own" in log
    assert contents(path) == {"notes.txt": b"mine"}


def test_two_daemons(world, make, path):
    hamd = make(path, name="first").start()
    log = refused(make(path, name="second"))
    assert f"store {path}: another hamd has it" in log
    assert hamd.is_running()


def test_too_small(world, make, path, lab):
    """Fewer bindings allowed than there are: said, and nothing lost."""
    few = {**home_agent_config()["runtime"], "max-bindings": 1}
    hamd = make(path, name="many").start()
    storm = Storm(world, lab.dir, nodes=10, rate=100)
    storm.start(HA, HAMD_DEV)
    until("bindings", lambda: len(hamd.ctl.bindings()) == 10, 5)
    storm.stop()
    hamd.stop()
    log = refused(make(path, name="few", runtime=few))
    assert "runtime.max-bindings" in log
    hamd.start()
    assert len(hamd.ctl.bindings()) == 10


def test_configuration_changed(world, make, path):
    """The domain's old home agent address is nobody's any more: left out and counted."""
    hamd = bound(world, path, make)
    other = make(path, name="other", domain={"home-agent-address": "2001:db8:a::2"}).start()
    assert other.ctl.bindings() == {}
    assert other.ctl.counters()["store_left_out"] >= 1
    assert any(line.startswith("warn store: left out") for line in other.lines)
    assert hamd


# --- disks ---

@pytest.fixture
def small_disk(lab, request):
    """4 MiB."""
    mount = lab.dir / f"disk-{request.node.name}"
    mount.mkdir()
    sh("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", mount)
    yield mount
    sh("umount", "-l", mount)


def fill(mount):
    with contextlib.suppress(OSError), (mount / "filler").open("wb", buffering=0) as f:
        while True:
            f.write(bytes(4096))


def test_disk_full(world, make, small_disk):
    """hamd goes on and forwards; what it cannot keep it does not acknowledge; it comes back by
    itself, and then everything is kept."""
    hamd = make(small_disk / "s", domain={"ack-peers": "store"}).start()
    world.mn.register("link1")
    fill(small_disk)
    lost = None
    for _ in range(80):  # what is left in the last page
        lost = world.mn.update("link2", timeout=0.2)
        if lost is None:
            break
    assert lost is None, "never full"
    world.mn.attach("link2")
    row = hamd.ctl.show("store")[0]
    assert row["state"] == "failed" and "space" in row["last-error"].lower(), row
    assert any(line.startswith("warn store: bindings are not being kept") for line in hamd.lines)
    until("an alarm", lambda: any(a["alarm"] == "store_failed" for a in hamd.ctl.show("alarms")), 3)
    with hamd.ctl.moves("counters", bu_moved=-1, ba_not_stored=-1, ba_sent=0):
        assert world.mn.update("link1", timeout=0.5) is None
    world.mn.attach("link1")
    assert hamd.ctl.binding(HOA)["care-of-address"] == coa_of(1, 1)
    assert world.cn.ping(HOA, count=2)[0] == 2, "traffic follows"

    (small_disk / "filler").unlink()
    until("kept again", lambda: hamd.ctl.show("store")[0]["state"] != "failed", 10)
    assert world.mn.update("link2", timeout=2).status == 0
    hamd.kill9()
    hamd.start()
    assert hamd.ctl.binding(HOA)["care-of-address"] == coa_of(1, 2)


def test_read_only(world, make, small_disk):
    """What is in it is served, nothing is lost, and it says that it keeps nothing."""
    hamd = bound(world, small_disk / "s", make)
    sh("mount", "-o", "remount,ro", small_disk)
    was = contents(small_disk / "s")
    hamd.start()
    assert HOA in hamd.ctl.bindings()
    assert world.cn.ping(HOA, count=2)[0] == 2
    row = hamd.ctl.show("store")[0]
    assert row["state"] == "failed" and "read-only" in row["last-error"].lower(), row
    assert contents(small_disk / "s") == was
    # `ip netns exec` has given it mounts of its own
    for where in ((), ("nsenter", "-m", "-t", hamd.pid)):
        sh(*where, "mount", "-o", "remount,rw", small_disk)
    until("kept again", lambda: hamd.ctl.show("store")[0]["state"] != "failed", 10)


def test_damaged_at_a_mount_point(world, make, small_disk):
    """The directory itself cannot be moved, and need not be."""
    hamd = bound(world, small_disk, make)
    flip(files(small_disk)[-1], PAGE + 60)
    was = contents(small_disk)
    hamd.start()
    line = next(line for line in hamd.lines if "moved aside" in line)
    assert contents(line.split("moved-to=")[1]) == was
    assert hamd.ctl.bindings() == {}


def test_no_directory_to_be_had(world, make):
    log = refused(make("/proc/hamd/store"))
    assert "store /proc/hamd/store:" in log
