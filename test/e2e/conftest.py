# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures. A module has one lab and, where it asks for `home`, one hamd for all its tests; a
test that stops hamd makes its own. Logs and captures lie in pytest's temporary directory, and a
failed test shows the end of hamd's log and every drop that was counted."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.capture import Capture
from lab.clocks import clocks_of
from lab.daemon import Hamd, home_agent_config
from lab.netns import Lab
from lab.shell import LabError, until
from lab.world import World

PAGES = Path("/proc/sys/vm/nr_hugepages")

running = []  # the daemons of the module, for the report of a failure


@pytest.fixture(scope="module")
def lab(request, tmp_path_factory):
    name = request.module.__name__.rsplit(".", 1)[-1].removeprefix("test_")
    with Lab(keep_dir=tmp_path_factory.mktemp(name)) as it:
        yield it


@pytest.fixture(scope="module")
def daemon(lab):
    """Makes daemons that are stopped at the end, whatever happened."""

    def make(ns, config, name="hamd"):
        hamd = Hamd(ns, config, lab.dir, name)
        running.append(hamd)
        return hamd

    yield make
    while running:
        with contextlib.suppress(LabError):
            running.pop().stop()


@pytest.fixture(scope="module")
def home(request, lab, daemon):
    """The world of lab/world.py with hamd in it, and with clocks that go forward when told. The
    module may have MOBILE_NODES (a number), CONFIG (a dictionary of changes for home_agent_config),
    OLD_S (so long hamd has run, by its clocks) and REALTIME (see Hamd.start). At its end the packet
    buffers are all back, hamd still runs, and stops with 0."""
    count = getattr(request.module, "MOBILE_NODES", 1)
    world = World(lab, count)
    config = home_agent_config(count, **getattr(request.module, "CONFIG", {}))
    hamd = daemon(world.ha, config)
    clocks, old_s = clocks_of(hamd), getattr(request.module, "OLD_S", 0)
    clocks.wall_s = -old_s
    hamd.start(realtime=getattr(request.module, "REALTIME", False))
    clocks.later(old_s)
    start, total = hamd.ctl.pool()
    yield SimpleNamespace(world=world, hamd=hamd, ctl=hamd.ctl, lab=lab, mn=world.mn,
                          mns=world.mns, cn=world.cn, r=world.r, pool_start=start,
                          clocks=clocks)
    assert hamd.is_running(), "hamd ended during the tests"
    # what waits for neighbours and fragments waits by the clocks
    until(f"all packet buffers back (of {total})",
          lambda: clocks.later(0.25) or hamd.ctl.pool()[0] >= start, 10)
    assert hamd.stop() == 0


@pytest.fixture
def huge_pages():
    """600 MB: enough for hamd and its tables; given back afterwards."""
    before = PAGES.read_text()
    try:
        PAGES.write_text(str(int(before) + 300))
        until("huge pages", lambda: int(PAGES.read_text()) >= int(before) + 300, 5)
    except (OSError, AssertionError) as why:
        PAGES.write_text(before)
        pytest.skip(f"no 300 huge pages to be had: {why}")
    yield
    PAGES.write_text(before)


@pytest.fixture
def capture(lab, request):
    """capture(ns, dev, filter): runs until the test's end or its own stop()."""
    with contextlib.ExitStack() as stack:

        def make(ns, dev, packet_filter=""):
            path = lab.dir / f"{request.node.name.replace('/', '_')[:60]}-{dev}.pcap"
            return stack.enter_context(Capture(ns, dev, path, packet_filter))

        yield make


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    for hamd in running:
        text = "\n".join(hamd.lines[-25:])
        if hamd.is_running():
            text += "\n" + hamd.ctl.run("show", "drops").stdout
        else:
            text += f"\n(not running; see {hamd.log_path})"
        report.sections.append((f"hamd {hamd.name}", text))
