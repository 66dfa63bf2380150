# SPDX-License-Identifier: BSD-3-Clause
"""The paper's Fig. 6 (Home Agent Migration) between two sites, for quickstart: what a second site
shortens, and a TCP transfer that outlives a move and the end of a site."""

import contextlib
import time

from . import dogleg
from .mesh import MeshWorld, agent_address
from .netns import Lab
from .pings import Stream
from .shell import LabError, until
from .transfer import Transfer

DELAY_MS = 20
SIZE, RATE = 16 << 20, 4 << 20
TITLES = 3  # steps
WAYS = ("one home agent", "primary, site 1", "direct")  # the last one goes on


def check(world, way, rows):
    """The packets went where the table says that they go."""
    dogleg.check(rows)
    if way.startswith("primary") and world[2].ctl.show("peers")[0]["relayed-tx-packets"] == 0:
        raise LabError("primary: site 2 relayed nothing to site 1")


def compare(step, say, world, ways):
    step("Fig. 6", f"two sites with one mobile prefix, {DELAY_MS} ms apart, a correspondent near "
         "each; the mobile node registers at site 1")
    rows = []
    for way in ways:
        measured = dogleg.measure(world, way, world.sites)
        check(world, way, measured)
        rows += measured
        if way != ways[-1] and any(world.stop().values()):
            raise LabError("hamd did not stop well")
    say("Round trip, and how often the line between the sites is crossed, with a single home agent "
        "at site 1,")
    say("with a mesh that delivers by the primary home agent as in the paper, and directly:")
    for line in dogleg.table(rows):
        say(line)


def move(step, say, world, run, stream):
    step("Move", "in the middle of a TCP transfer from the correspondent near site 2 the mobile "
         "node goes to site 2, which becomes its home agent")
    mn = world.mn
    run.wait_for(SIZE // 4)
    mn.use_agent(agent_address(2), keep=[agent_address(1)])
    begin = time.monotonic()
    mn.move("site2")
    took = time.monotonic() - begin
    stream.wait_for(50)
    until("site 2 has the binding", lambda: world[1].ctl.binding(mn.hoa)["owner"] == "site2", 5)
    say(f"the Binding Update was answered in {took * 1000:.0f} ms, the other site had the binding "
        "before that")
    say(world[1].ctl("show", "bindings"))


def kill(step, say, world, run, stream):
    step("Kill", "site 2 is ended by SIGKILL; the transfer goes on through site 1")
    run.wait_for(SIZE // 2)
    calm, before = run.max_gap, stream.sent
    stream.longest = 0.0
    world[2].hamd.kill9()
    stream.wait_for(100)
    say(f"the longest time without a packet from the home agent address: "
        f"{stream.longest * 1000:.0f} ms")
    run.join()
    lost = stream.stop()
    say(f"{sum(n < before for n in lost)} datagrams were lost at the move and before, "
        f"{sum(n >= before for n in lost)} at the kill, one every {stream.every * 1000:.0f} ms")
    say(f"{run.received} octets in {run.seconds:.1f} s, content as sent; longest pause "
        f"{run.max_gap * 1000:.0f} ms (before the kill {calm * 1000:.0f} ms)")
    mn = world.mn
    if mn.update() is None:
        raise LabError("site 1 does not answer for the address of site 2")
    say(world[1].ctl("show", "peers"))
    say(f"{mn.counter('tunnelled')} tunnel packets from its home agent, {mn.counter('stray')} from "
        "others")
    if mn.counter("stray"):
        raise LabError("tunnel packets came from someone else than the home agent")


def show(step, say, lab: Lab, ways=WAYS):
    with contextlib.ExitStack() as stack:
        world = MeshWorld(lab, sites=2, delay_ms=DELAY_MS)
        stack.callback(world.stop)
        compare(step, say, world, ways)
        dogleg.register(world, 1)
        run = Transfer(world[2].cn, world[2].cn_address, world.mn.ns, world.mn.hoa, SIZE, RATE)
        stack.callback(run.close)
        stream = Stream(world[2].cn, world.mn.ns, world.mn.hoa)
        move(step, say, world, run, stream)
        kill(step, say, world, run, stream)
