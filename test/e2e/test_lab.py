# SPDX-License-Identifier: BSD-3-Clause
"""The lab before hamd is judged by it: kernels alone, a home agent made of routes.

Shows that the mobile node's side needs nothing of hamd: encapsulation, decapsulation, and a
move in the middle of a TCP transfer."""

import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, MIP6MH_BU
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from lab import mip6
from lab.homeagent import KernelHomeAgent
from lab.netns import NETNS_DIR, RUN_DIR, sweep
from lab.raw import Wire, checksum, icmp6, send_ip6
from lab.shell import sh, until
from lab.transfer import Transfer
from lab.world import CN, HA, HAMD, HAMD_DEV, HAMD_ROUTER, HOA, World

MLD2_REPORT = 143


@pytest.fixture(scope="module")
def kernel_home(lab):
    world = World(lab)
    agent = KernelHomeAgent(world.ha, HAMD_DEV, HAMD, HAMD_ROUTER, HA)
    return world, agent


def test_ping_through_the_tunnel(kernel_home, capture):
    world, agent = kernel_home
    agent.bind(HOA, world.mn.links["link1"].coa)
    world.mn.attach("link1")
    cap = capture(world.mn.ns, "mn-link1", "ip6")
    world.cn.ping_all(HOA)  # links that are new may lose the first solicitation of each neighbour
    cap.stop()
    tunnel = cap.fields("icmpv6.type == 128", "ipv6.src", "ipv6.dst", "ipv6.nxt")
    assert tunnel[0] == (f"{HA},{CN}", f"{world.mn.coa},{HOA}", "41,58")
    cap.assert_clean("icmpv6.type == 128", 3)
    assert world.mn.counter("tunnelled") >= 3


def test_only_the_home_agent_tunnels(kernel_home):
    world, agent = kernel_home
    agent.bind(HOA, world.mn.links["link1"].coa)
    world.mn.attach("link1")
    before = world.mn.counter("stray")
    inner = IPv6(src=CN, dst=HOA) / ICMPv6EchoRequest()
    send_ip6(world.cn, IPv6(src=CN, dst=world.mn.coa) / inner)
    until("the stray packet to be counted", lambda: world.mn.counter("stray") == before + 1)


def test_calm(kernel_home):
    """The router joins a group on two links: that is told on the one without hamd."""
    world, _ = kernel_home

    def is_report(pkt):
        return icmp6(pkt) is not None and icmp6(pkt)[0] == MLD2_REPORT

    with Wire(world.cn, "cn-r") as other, Wire(world.ha, HAMD_DEV) as hamds, world.r.socket(
            socket.AF_INET6, socket.SOCK_DGRAM) as member:
        for dev in ("r-ha", "r-cn"):
            with world.r.inside():
                group = socket.inet_pton(socket.AF_INET6, "ff15::1") + struct.pack(
                    "@i", socket.if_nametoindex(dev))
            member.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
        assert other.expect(is_report) is not None
        assert hamds.expect(is_report, 0.1) is None


@pytest.mark.parametrize("direction", ["to", "from"])
def test_move_in_a_transfer(kernel_home, direction):
    world, agent = kernel_home
    agent.bind(HOA, world.mn.links["link1"].coa)
    world.mn.attach("link1")
    ends = (world.cn, CN, world.mn.ns, HOA)
    run = Transfer(*(ends if direction == "to" else ends[2:] + ends[:2]), size=8 << 20,
                   rate=8 << 20)
    run.wait_for(run.size // 2)
    world.mn.attach("link2")
    agent.bind(HOA, world.mn.coa)
    run.join()
    assert run.max_gap < 1.0


def test_binding_update_is_well_formed(lab):
    """scapy's Binding Update is right where tshark does not look: the checksum over the home
    address (RFC 6275, 6.1.1) and the alignment of the Alternate Care-of Address (8n+6)."""
    for kwargs in ({}, {"alt_coa": False}, {"hao": False, "src": HOA}):
        pkt = mip6.binding_update(HOA, "2001:db8:11::2", HA, seq=7, **kwargs)
        mh = bytes(pkt[MIP6MH_BU])
        assert len(mh) % 8 == 0 and mh[1] == len(mh) // 8 - 1
        assert checksum(HOA, HA, mip6.PROTO_MH, mh) == 0
        if kwargs.get("alt_coa", True):
            assert mh.index(b"\x03\x10\x20\x01") % 8 == 6
        path = str(lab.dir / "bu.pcap")
        wrpcap(path, [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / pkt])
        assert not sh("tshark", "-n", "-r", path, "-Y", "_ws.malformed || _ws.expert")


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_run_is_swept():
    """kill -9 of a run leaves namespaces and processes; the next run removes them, and leaves
    alone a run that is still there."""
    code = ("import sys, time; from lab.netns import Lab; lab = Lab(); ns = lab.ns('left');"
            "p = ns.popen('sleep', '300'); print(lab.prefix, p.pid, flush=True); time.sleep(300)")
    here = Path(__file__).resolve().parents[1]
    run = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                           env={**os.environ, "PYTHONPATH": str(here)})
    prefix, sleeper = run.stdout.readline().split()
    sweep()
    assert (NETNS_DIR / f"{prefix}left").exists(), "a living run was swept"
    run.send_signal(signal.SIGKILL)
    run.wait()
    sweep()
    assert not (NETNS_DIR / f"{prefix}left").exists()
    assert not is_alive(sleeper)
    assert not list(RUN_DIR.glob(f"{prefix.split('-')[1]}*"))
