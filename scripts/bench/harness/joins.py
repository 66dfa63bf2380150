# SPDX-License-Identifier: BSD-3-Clause
"""How soon a real site has what others hold: all bindings when it joins, and what only one of two
survivors heard of from a site that is gone."""

import re
import shutil
import signal
import time
from pathlib import Path

from around import (CARE_OF, FIRST, HOME, REGISTER_RATE, START_S, TALK, domain, known,
                    real_sites, site_config, start, turns)
from measure import summary
from programs import BenchError
from takeover import DELAY_MS, HELLOS_DEAD, RECORDS_PER_S, calm, fill, home
from trials import condition, counted, percentile, told

HELLO_MS = 50
DEAD_MS = HELLOS_DEAD * HELLO_MS
LATE_MS = 1000  # dead-ms where it is not to be noticed soon that a line was cut
POLL_S = 0.005
MISSING = 0.9  # of what one survivor alone is to have heard of


def configure(directory, own, dead_ms):
    """own: {site: a store with its bindings}; the others begin with nothing."""
    def config(world, k, count):
        store = {}
        if k in own:
            path = Path(directory) / f"store{k}"
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(Path(directory) / f"full{k}", path)
            store = {"store": {"path": str(path)}}
        return site_config(world, k, count, domain("primary"), **store, mesh={
            "hello-ms": HELLO_MS, "dead-ms": dead_ms,
            "records-per-s": RECORDS_PER_S})
    return config


def line_at(hamd, pattern, since, timeout=START_S):
    """(the first line from there on that matches, when it was there)."""
    line = hamd.wait_log(pattern, timeout, since)
    return line, time.monotonic()


# --- a site that joins ---

def away(world):
    """The second site is gone: what it looks like after a trial is all that trial's."""
    calm(world)
    world[2].hamd.kill9()


def turns_of_join(world):
    """turns() of both sites. Those of the second one are all this trial's, which began it: how long
    its longest was is known, and slow is only what is longer than hello-ms."""
    took, slow = turns([world[1]])
    if world[2].hamd.is_running():
        longest, _ = turns([world[2]])
        took, slow = max(took, longest), slow + (longest > 1000 * HELLO_MS)
    return took, slow


def one_join(world, count):
    """The second site begins with nothing, and is told all by the first."""
    joins = world[2]
    begin = time.monotonic()
    joins.hamd.start(ready=False)
    _, asked = line_at(joins.hamd, "asks that site for all bindings", 0)
    joins.hamd.prefer()
    line, has = line_at(joins.hamd, "has all bindings of that site", 0)
    known(world, count)
    took, _ = turns([joins])
    return {"snapshot-s": has - asked, "start-s": asked - begin, "all-s": has - begin,
            "records": int(re.search(r"records=(\d+)", line).group(1)),
            "joins-longest-turn-us": took}


def snapshot(options, directory, row, result):
    fill(options, directory, (1,), row.bindings)
    config = configure(directory, (1,), DEAD_MS)
    with real_sites(options, lambda world, k: config(world, k, row.bindings),
                    DELAY_MS) as (world, _around):
        known(world, row.bindings)
        calm(world)
        result["rtt-ms"] = world[1].ctl.show("peers")[0]["rtt-ms"]
        done, void = counted(options.turns, lambda number: one_join(world, row.bindings),
                             lambda: turns_of_join(world), HELLO_MS,
                             lambda number: away(world))
    if told(result, done, void, options.turns):
        joined(result, done, row.bindings)


def joined(result, done, count):
    for key in ("snapshot-s", "start-s", "all-s"):
        result[key] = summary([trial[key] for trial in done])
    result["value"] = result["snapshot-s"]["max"]
    condition(result, "records that came with the snapshot, in each trial",
              min(trial["records"] for trial in done), count)


# --- a site that is gone: what one of the others heard of it ---

def bindings(site):
    return site.ctl.show("version")[0]["bindings"]


def until_here(site, count, since):
    """When the site had them all, and when it said that the other one was gone."""
    end, gone = time.monotonic() + START_S, None
    while True:
        now = time.monotonic()
        if gone is None and any("that site is gone" in line for line in site.hamd.lines[since:]):
            gone = now
        if bindings(site) >= count and gone is not None:
            return time.monotonic(), gone
        if now > end:
            raise BenchError(f"{bindings(site)} of {count} bindings at {site.name} after"
                             f" {START_S} s")
        time.sleep(POLL_S)


def one_loss(world, around, number, count):
    """The line between the second site and the third is cut, mobile nodes register with the third,
    which tells the first before it answers; then it is gone."""
    heard, unheard, lost = world[1], world[2], world[3]
    name = f"new{number}"
    world.cut(2, 3)
    around.ask(f"crowd {name} {home(3)} {CARE_OF} {HOME}3 {FIRST + number * TALK} {TALK}")
    around.register(name, 3, REGISTER_RATE)
    had, since, before = bindings(unheard), len(unheard.hamd.lines), count + number * TALK
    heard_of = bindings(heard)
    at = time.monotonic()
    lost.hamd.send_signal(signal.SIGKILL)
    here, gone = until_here(unheard, before + TALK, since)
    return {"since-gone-s": here - gone, "since-death-s": here - at,
            "missing": (before + TALK - had) / TALK, "heard": (heard_of - before) / TALK}


def again(world, number, count):
    """The site that was killed is there again, and has all."""
    world[3].hamd.kill9()
    world.heal()
    start(world[3], has_core=False)
    world.gate.wait(START_S, site3=True)
    known(world, count + number * TALK)
    calm(world)


def survivors(options, directory, row, result):
    fill(options, directory, (1,), row.bindings)
    config = configure(directory, (1,), LATE_MS)
    with real_sites(options, lambda world, k: config(world, k, row.bindings + TALK * (
            2 * options.turns + 1)), DELAY_MS, 3) as (world, around):
        known(world, row.bindings)
        calm(world)
        done, void = counted(options.turns,
                             lambda number: one_loss(world, around, number, row.bindings),
                             lambda: turns([world[1], world[2]]), HELLO_MS,
                             lambda number: number > 0 and again(world, number, row.bindings))
    if told(result, done, void, options.turns):
        made_good(result, done)


def made_good(result, done):
    times = [trial["since-gone-s"] for trial in done]
    result |= {"value": max(times), "since-gone-p50-s": percentile(times, 50),
               "since-death-s": summary([trial["since-death-s"] for trial in done])}
    condition(result, "of the new bindings, missing at the one survivor when the site died",
              min(trial["missing"] for trial in done), MISSING)
    condition(result, "of the new bindings, there at the other survivor",
              min(trial["heard"] for trial in done), 1)
