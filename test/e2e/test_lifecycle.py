# SPDX-License-Identifier: BSD-3-Clause
"""Start, stop, kill, start again; a link that goes away; configurations that are refused.
SIGTERM leaves nothing behind, kill -9 nothing that is in the way."""

import json
import os
import secrets
import signal
import subprocess
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6

from lab.clocks import clocks_of
from lab.daemon import HAMD as HAMD_BINARY
from lab.daemon import ROOT, home_agent_config
from lab.pair import make_key
from lab.raw import fragments, send_ip6
from lab.shell import LabError, sh, until
from lab.world import CN, HAMD, HAMD_DEV, HOA, World

SAMPLES = sorted(p for p in (ROOT / "config").glob("*.json") if p.name != "hamd.schema.json")


@pytest.fixture(scope="module")
def world(lab):
    return World(lab)


@pytest.fixture
def hamd(world, daemon):
    it = daemon(world.ha, home_agent_config(node={"name": "life"}), "life")
    yield it
    if it.is_running():
        it.stop()


def traces():
    """What a DPDK program can leave behind, as far as it is called after this test's daemons."""
    found = set()
    for place in ("/dev/shm", "/run/dpdk", "/dev/hugepages", "/run/hamd", "/tmp"):
        if Path(place).is_dir():
            found |= {str(p) for p in Path(place).iterdir() if "hamd-" in p.name}
    return {p for p in found if "-life" in p or "-nodev" in p}


def test_sigterm_leaves_nothing(world, hamd):
    before = traces()
    hamd.start()
    world.mn.register("link1")
    assert Path(hamd.socket).is_socket()
    request = bytes(IPv6(src=CN, dst=HAMD) / ICMPv6EchoRequest(data=b"f" * 99))
    send_ip6(world.cn, fragments(request, 64)[0])
    until("something that waits", lambda: hamd.ctl.show("lcores")[0]["fragments-held"] == 1)
    assert hamd.stop(signal.SIGTERM, timeout=10) == 0  # sooner than that fragment would be given up
    assert not Path("/run/dpdk/hamd-life").exists()
    assert not {p for p in traces() - before if "/run/dpdk/" not in p}, "others may run beside us"
    assert not Path(hamd.socket).exists()
    assert not sh("ip", "netns", "pids", world.ha.name).split()
    assert "UP" in world.ha.ip("link", "show", HAMD_DEV), "the interface is the operator's"


def test_sigint_stops_too(hamd):
    hamd.start()
    assert hamd.stop(signal.SIGINT) == 0


def test_sigterm_before_ready(world, daemon):
    """While duplicate address detection still runs."""
    hamd = daemon(world.ha, home_agent_config(port={"dad": True}), "life-early")
    hamd.start(ready=False)
    hamd.wait_log(r"\bruns\b", 10)
    assert hamd.stop(signal.SIGTERM) == 0


def test_killed_and_started_again(world, hamd):
    """Three times, without cleaning up by hand; traffic flows after the mobile node's next
    registration. Bindings are not kept."""
    for _ in range(3):
        hamd.start()
        assert hamd.ctl.bindings() == {}
        world.mn.register("link1")
        got, said = world.cn.ping(HOA, count=2)
        assert got == 2, said
        hamd.kill9()
    before = traces()
    hamd.start()
    assert hamd.stop() == 0
    assert not traces() - before


def test_second_one_on_the_same_socket(world, hamd, daemon):
    """Refused with a line that names the socket; the first is not disturbed."""
    hamd.start()
    config = json.loads(hamd.path.read_text())
    second = daemon(world.ha, config, "second")
    second.start(ready=False)
    rc = second._proc.wait(15)
    assert rc != 0
    assert any(str(hamd.socket) in line for line in second.lines) or rc
    assert hamd.is_running() and hamd.ctl.bindings() == {}


def test_hamctl_and_a_dead_daemon(world, hamd):
    """No socket, and a socket that nobody listens on: one line and a status that is not 0."""
    for when in ("never started", "killed"):
        if when == "killed":
            hamd.start()
            hamd.kill9()
            assert Path(hamd.socket).exists()
        done = hamd.ctl.run("show", "bindings")
        assert done.returncode != 0 and done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1
        assert hamd.socket in done.stderr


def test_no_authentication_is_said_at_every_start(hamd):
    hamd.start()
    assert any("warn" in line.lower() and "auth" in line for line in hamd.lines), hamd.lines


@pytest.mark.parametrize("end", ["peer", "own"])
def test_link_down_and_up(world, hamd, end):
    """Traffic stands while the link is away and flows again after it, by itself."""
    ns, dev = (world.r, "r-ha") if end == "peer" else (world.ha, HAMD_DEV)
    hamd.start()
    world.mn.register("link1")
    assert world.cn.ping(HOA, count=1)[0] == 1
    ns.ip("link", "set", dev, "down")
    assert world.cn.ping(HOA, count=5, interval=0.1, wait=0.5)[0] == 0
    assert hamd.is_running()
    ns.ip("link", "set", dev, "up")
    if end == "peer":  # the kernel of r forgot its addresses with the link
        ns.ip("addr", "replace", "2001:db8:1::1/64", "dev", dev, "nodad")
        ns.ip("-6", "route", "replace", "2001:db8:a::/48", "via", HAMD, "dev", dev)
    until("traffic after the link is back", lambda: world.cn.ping(HOA, count=1, wait=0.2)[0] == 1,
          15, 0.05)
    assert hamd.ctl.binding(HOA) is not None, "bindings do not hang on a link"


def run_hamd(*args, **more):
    return subprocess.run([HAMD_BINARY, *args], capture_output=True, text=True, timeout=20, **more)


@pytest.mark.parametrize("change,said", [
    (lambda c: c["ports"][0].update(mtu=100), "ports[0].mtu"),
    (lambda c: c["ports"][0].update(mtuu=1500), "ports[0].mtuu"),
    (lambda c: c["routes"][0].update(via="2001:db8:99::1"), "routes[0].via"),
    (lambda c: c["domains"][0].update({"home-agent-address": "2001:db8:b::1"}),
     "domains[0].home-agent-address"),
    (lambda c: c["domains"][0]["mobile-nodes"][0].pop("auth"), "domains[0].mobile-nodes[0].auth"),
    (lambda c: c.pop("ports"), "ports"),
    (lambda c: c["runtime"].update(lcores="zero"), "runtime.lcores"),
])
def test_refused_configuration(tmp_path, change, said):
    """Checked and started alike: one line that names the file and the path, and no start."""
    config = home_agent_config()
    change(config)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(config))
    for args in (("-t", "-c", path), ("-c", path)):
        done = run_hamd(*args)
        assert done.returncode == 1, done
        assert "bad.json" in done.stderr and said in done.stderr, done.stderr


def test_missing_configuration():
    done = run_hamd("-t", "-c", "/nonexistent/hamd.json")
    assert done.returncode == 1 and "/nonexistent/hamd.json" in done.stderr


def test_configuration_from_a_pipe(tmp_path):
    """Read to its end where somebody writes; where nobody does, nobody waits."""
    text = json.dumps(home_agent_config())
    assert run_hamd("-t", "-c", "/dev/stdin", input=text).returncode == 0
    path = tmp_path / "pipe"
    os.mkfifo(path)
    done = run_hamd("-t", "-c", path)
    assert done.returncode == 1 and f"{path}: is a pipe that nobody writes into" in done.stderr


def test_checked_configuration(tmp_path):
    """-t says yes with 0; -v shows every value and which ones are defaults."""
    path = tmp_path / "good.json"
    path.write_text(json.dumps(home_agent_config()))
    assert run_hamd("-t", "-c", path).returncode == 0
    done = run_hamd("-t", "-v", "-c", path)
    assert done.returncode == 0
    assert "ports[0].mtu = 1500 (default)" in done.stdout
    assert 'runtime.idle-sleep-us = 100\n' in done.stdout


def test_missing_interface(world, daemon):
    config = home_agent_config(port={"device": "net_af_packet0,iface=not-there"})
    hamd = daemon(world.ha, config, "nodev")
    before = traces()
    with pytest.raises(LabError):
        hamd.start(timeout=10)
    assert hamd._proc.wait(5) == 1
    assert any("not-there" in line for line in hamd.lines), hamd.lines
    assert not Path("/run/dpdk/hamd-life").exists()
    assert not {p for p in traces() - before if "/run/dpdk/" not in p}, "others may run beside us"


def with_files(sample, directory):
    """A copy of a sample that names files in /etc/hamd: they are the sample's own, with keys made
    here. One that names none is used as it is."""
    if "/etc/hamd/" not in sample.read_text():
        return sample
    copies = {}
    for path in (sample, *sample.parent.glob("*.jsonl")):
        copies[path] = directory / path.name
        copies[path].write_text(path.read_text().replace("/etc/hamd/", f"{directory}/"))
    mesh = json.loads(copies[sample].read_text()).get("mesh")
    if mesh:
        make_key(Path(mesh["private-key-file"]))
    for line in copies[sample.parent / "msp1.jsonl"].read_text().splitlines():
        key = json.loads(line)["auth"].get("key-file")
        if key:
            Path(key).parent.mkdir(exist_ok=True)
            Path(key).touch(mode=0o600)
            Path(key).write_text(secrets.token_hex(16) + "\n")
    return copies[sample]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.name)
def test_samples_start(lab, daemon, sample, tmp_path):
    """Every configuration in config/ is checked, starts and stops with 0: as it is where its
    ports can exist here, else with virtual devices in place of its network cards, and as much
    of the machine as there is. Its name, socket and store are its own: others may run beside us."""
    sample = with_files(sample, tmp_path)
    assert run_hamd("-t", "-c", sample).returncode == 0
    config = json.loads(sample.read_text())
    config["runtime"].pop("socket", None)
    if "store" in config:
        config["store"]["path"] = str(tmp_path / "store")
    if not all(p["device"].startswith("net_") for p in config["ports"]):
        for n, port in enumerate(config["ports"]):
            port["device"] = f"net_af_packet{n},iface=nic{n}"
        config["runtime"].update(lcores="0", hugepages=False, **{"memory-mb": 512})
        config["runtime"]["idle-sleep-us"] = 100
    devices = [p["device"] for p in config["ports"]]
    ns, far = lab.ns(f"s-{sample.stem}"), lab.ns(f"f-{sample.stem}")
    for n, device in enumerate(devices):
        for part in device.split(","):
            if part.startswith("iface=") and "net_af_packet" in device:
                lab.link(ns, part[6:], far, f"far{n}")
                lab.silence(ns, part[6:])

    hamd = daemon(ns, config, "s")
    clocks = clocks_of(hamd)
    hamd.start(ready=False)
    hamd.wait_log(r"\bruns\b", 30)
    # duplicate address detection goes by the clocks
    until("ready", lambda: clocks.later(0.5) or hamd.is_ready() or not hamd.is_running(), 30)
    assert hamd.ctl.show("ports")
    assert hamd.stop() == 0
