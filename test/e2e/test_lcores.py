# SPDX-License-Identifier: BSD-3-Clause
"""The same job with control and worker on lcores of their own, with and without a transmit queue
for each of them, on ordinary and on huge pages."""

import contextlib
import os
from pathlib import Path

import pytest

from lab.daemon import home_agent_config, runtime
from lab.shell import until
from lab.transfer import Transfer
from lab.world import CN, HAMD, HAMD_DEV, HOA, World

# Two lcores on a machine of two that has other things to do: while neither runs, a transfer fills the
# socket's ring within 100 ms, and a Binding Update behind it is lost. Mobile nodes say it again.
TRIES = 3

pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processors")


@pytest.fixture(scope="module")
def world(lab):
    return World(lab)


def job(world, daemon, name, **config):
    """Registers, transfers both ways over a move; what every configuration must carry."""
    hamd = daemon(world.ha, home_agent_config(**config), name).start()
    start, _ = hamd.ctl.pool()
    world.mn.register("link1")
    for ends in ((world.cn, CN, world.mn.ns, HOA), (world.mn.ns, HOA, world.cn, CN)):
        with contextlib.closing(Transfer(*ends, size=6 << 20, rate=8 << 20)) as run:
            run.wait_for(2 << 20)
            world.mn.move("link2", tries=TRIES)
            run.wait_for(4 << 20)
            world.mn.move("link1", tries=TRIES)
            run.join()
    assert not [n for n, count in hamd.ctl.drops().items() if count and n.startswith(("bu_", "punt_"))]
    world.cn.ping_all(HAMD, "-s", "3000", "-M", "dont")
    lcores = hamd.ctl.show("lcores")
    ports = hamd.ctl.show("ports")
    until("all packet buffers back", lambda: hamd.ctl.pool()[0] >= start, 10)
    assert hamd.stop() == 0
    return hamd, lcores, ports


@pytest.mark.parametrize("queues", [1, 2])
def test_two_lcores(world, daemon, queues):
    """One transmit queue: the worker sends for control, by ring. Two: each its own."""
    device = f"net_af_packet0,iface={HAMD_DEV},qpairs={queues}"
    _, lcores, ports = job(world, daemon, f"two{queues}", runtime=runtime(lcores="0-1"),
                              port={"device": device})
    assert [(row["lcore"], row["role"]) for row in lcores] == [(0, "control"), (1, "worker")]
    assert ports[0]["tx-queues"] == queues


def test_huge_pages(world, daemon, huge_pages):
    """Nothing of a run on huge pages stays in the file system, even when it is killed."""
    options = {"lcores": "0-1", "hugepages": True}
    files = set(Path("/dev/hugepages").glob("*"))
    job(world, daemon, "huge", runtime=runtime(**options))
    hamd = daemon(world.ha, home_agent_config(runtime=runtime(**options)), "huge2").start()
    hamd.kill9()
    hamd.start()
    assert hamd.stop() == 0
    assert set(Path("/dev/hugepages").glob("*")) == files
