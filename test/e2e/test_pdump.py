# SPDX-License-Identifier: BSD-3-Clause
"""Captures on huge pages: DPDK's own program (runtime.pdump), and hamctl's, which needs none of
what that needs."""

import shutil
import subprocess

import pytest

from lab.daemon import home_agent_config, runtime
from lab.shell import sh, until
from lab.world import CN, HOA, World

PACKETS = 8  # two echo requests and their answers, each with and without the tunnel


@pytest.fixture(scope="module")
def world(lab):
    return World(lab)


@pytest.fixture
def hugetlbfs(lab, huge_pages):
    """A secondary process maps the primary's memory by the files in here."""
    path = lab.dir / "huge"
    path.mkdir()
    sh("mount", "-t", "hugetlbfs", "none", path)
    yield path
    sh("umount", "-l", path)


@pytest.mark.skipif(shutil.which("dpdk-dumpcap") is None,
                    reason="dpdk-dumpcap is not installed (package dpdk-dev)")
def test_dumpcap(lab, daemon, world, hugetlbfs):
    hamd = daemon(world.ha, home_agent_config(
        runtime=runtime(hugepages=True, pdump=True))).start()
    world.mn.register("link1")
    prefix = f"hamd-{hamd.ctl.show('version')[0]['node']}"
    path = lab.dir / "dumpcap.pcapng"
    dumpcap = world.ha.popen("dpdk-dumpcap", f"--file-prefix={prefix}", "-i", "0", "-w", path,
                             "-c", PACKETS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True)
    try:
        # It says so when its callbacks are in place.
        said = until("dpdk-dumpcap's start", lambda: dumpcap.stdout.readline(), 10)
        while "Capturing on" not in said and "File:" not in said:
            said = dumpcap.stdout.readline()
            assert said, f"dpdk-dumpcap ended with {dumpcap.wait(5)}"
        until("an end of the capture", lambda: world.cn.ping(HOA, count=2)[0] == 2
              and dumpcap.poll() is not None, 10)
        assert dumpcap.wait(5) == 0
    finally:
        if dumpcap.poll() is None:
            dumpcap.terminate()
            dumpcap.wait(5)
        dumpcap.stdout.close()
    rows = sh("tshark", "-n", "-r", path, "-T", "fields", "-e", "ipv6.src", "-e",
              "ipv6.dst").splitlines()
    assert sum(row.startswith(f"{CN}\t{HOA}") for row in rows) >= 1, rows
    assert sum(f",{HOA}" in row and row.count(",") == 2 for row in rows) >= 1, rows
    assert world.cn.ping(HOA, count=2)[0] == 2
    assert hamd.stop() == 0


def test_capture_in_memory(lab, daemon, world, huge_pages):
    """Without any file to which a secondary process could attach."""
    hamd = daemon(world.ha, home_agent_config(runtime=runtime(hugepages=True)), "memory").start()
    world.mn.register("link1")
    path = lab.dir / "memory.pcapng"
    with hamd.watching("capture", path, "--count", 4, "--prefix", f"{HOA}/128"):
        assert world.cn.ping(HOA, count=1)[0] == 1
    rows = sh("tshark", "-n", "-r", path, "-Y", "icmpv6", "-T", "fields", "-e", "frame.number")
    assert len(rows.splitlines()) == 4
    assert hamd.stop() == 0
