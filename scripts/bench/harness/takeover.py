# SPDX-License-Identifier: BSD-3-Clause
"""A real site is killed while packets go to its mobile nodes: how long they stand still, and until
when another one owns all of its bindings."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from around import (CARE_OF, FIRST, HOME, LIFETIME_S, REGISTER_RATE, START_S, TALK, domain, known,
                    real_sites, site_config, start, turns, use)
from measure import summary
from programs import BenchError
from trials import RATE, condition, counted, percentile, told

DELAY_MS = 2.5  # one way: sites of one country
HELLOS_DEAD = 3  # the least of dead-ms, in hello-ms
RECORDS_PER_S = 10000000  # mesh.records-per-s at its most: how fast sites are told is not asked here
OWNERS_MUST_S, OWNERS_AIM_S = 2, 1
OWNERS_TIMEOUT_S = 20
CALM_S = 1
SLACK_MS = 5  # of this program's own clock reading
DUE = 0.9  # of the packets that went by the dead site before


def home(k):
    """Home addresses of those registered with site k's own address: the number follows."""
    return f"2001:db8:a:0:{k}::"


def fill(options, directory, sites, count):
    """A store each, with the bindings of its own mobile nodes at its own links."""
    use(options.build)
    from lab.mesh import DOMAIN, agent_address  # pylint: disable=import-outside-toplevel
    program = options.build / "test" / "tools" / "store-fill"
    for k in sites:
        path = Path(directory) / f"full{k}"
        done = subprocess.run([program, path, DOMAIN, agent_address(k), home(k),
                               f"2001:db8:c:0:0:{k}::", str(count), str(LIFETIME_S)],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f"store-fill: {done.stderr.strip()}")


def configure(directory, hello_ms, count):
    def config(world, k):
        path = Path(directory) / f"store{k}"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(Path(directory) / f"full{k}", path)
        return site_config(world, k, count, domain("primary"), store={"path": str(path)}, mesh={
            "hello-ms": hello_ms, "dead-ms": HELLOS_DEAD * hello_ms,
            "records-per-s": RECORDS_PER_S})
    return config


def leave_alone(core):
    """All threads of this program, and what they start, keep off the core of the site that is
    looked at: the kernel would take it from a realtime thread for 50 ms, for them to run."""
    others = os.sched_getaffinity(0) - {core}
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(thread.name), others)


def relayed(site):
    return site.ctl.show("domains")[0]["relayed"]["packets"]


def taken_over(lines):
    """Bindings, as a site says that it has taken them over."""
    said = (re.search(r"taken over .*bindings=(\d+)", line) for line in lines)
    return sum(int(found.group(1)) for found in said if found)


def until_owned(hamd, since, count):
    """Until it has said so of all; at what time."""
    end = time.monotonic() + OWNERS_TIMEOUT_S
    while taken_over(hamd.lines[since:]) < count:
        if time.monotonic() > end:
            raise BenchError(f"{taken_over(hamd.lines[since:])} of {count} bindings were taken"
                             f" over in {OWNERS_TIMEOUT_S} s")
        time.sleep(0.002)
    return time.monotonic()


def calm(world):
    """Until no site has anything to say, or to write, for a second."""
    def state():
        return ([len(site.hamd.lines) for site in world.sites.values()],
                [[peer["records-in"] for peer in site.ctl.show("peers")]
                 for site in world.sites.values()])

    end = time.monotonic() + START_S
    stored = [site for site in world.sites.values() if "store" in json.loads(site.hamd.path.read_text())]
    before = None
    while before != (before := state()) or any(
            site.ctl.show("store")[0]["waiting"] for site in stored):
        if time.monotonic() > end:
            raise BenchError("the sites do not come to rest")
        time.sleep(CALM_S)


def one_death(options, world, around, number, own):
    """The first site is killed. Nobody asks the other one more than routing daemons do meanwhile:
    to answer takes time, too."""
    dead, heir = world[1], world[2]
    before, went = heir.ctl.counters()["mesh_taken_over"], relayed(heir)
    with around.flow_to(f"trial{number}", heir.number, RATE) as books:
        begin = time.monotonic()
        time.sleep(options.seconds)
        went = relayed(heir) - went
        at, seen = time.monotonic(), len(heir.hamd.lines)
        dead.hamd.send_signal(signal.SIGKILL)
        owned = until_owned(heir.hamd, seen, own)
        time.sleep(options.seconds)
    book = books[0]
    return {"silence-ms": book["silence-ns"] / 1e6,
            "silence-begins-ms": book["silence-from-ns"] / 1e6 - at * 1000,
            "owners-s": owned - at,
            "taken-over": heir.ctl.counters()["mesh_taken_over"] - before,
            "by-the-dead": went / (RATE * (at - begin)),
            "said": heir.hamd.lines[seen:], "lost": book["sent"] - book["got"], "duplicates": book["duplicates"]}


def back(world, own):
    """What is its own is handed back to the site that was killed, in seconds."""
    dead, heir = world[1], world[2]
    dead.hamd.kill9()
    seen, begin = len(heir.hamd.lines), time.monotonic()
    start(dead)
    world.gate.wait(START_S, site1=True)
    heir.hamd.wait_log("handed to other sites", START_S, seen)
    known(world, 2 * own)
    calm(world)
    return time.monotonic() - begin


def takeover(hello_ms):
    def run(options, directory, row, result):
        own = row.bindings // 2
        fill(options, directory, (1, 2), own)
        begin = time.monotonic()
        with real_sites(options, configure(directory, hello_ms, row.bindings),
                        DELAY_MS) as (world, around):
            known(world, row.bindings)
            result["start-s"] = time.monotonic() - begin
            around.ask(f"crowd talk {home(1)} {CARE_OF} {HOME}1 {FIRST} {TALK}")
            around.register("talk", 1, REGISTER_RATE)
            leave_alone(1)
            calm(world)
            result["rtt-ms"] = world[2].ctl.show("peers")[0]["rtt-ms"]
            returns = result["return-s"] = []
            done, void = counted(options.turns,
                                 lambda number: one_death(options, world, around, number, own),
                                 lambda: turns([world[2]]), hello_ms,
                                 lambda number: number > 0 and returns.append(back(world, own)))
        if told(result, done, void, options.turns):
            figures(result, done, own)
    return run


def figures(result, done, own):
    """The worst trial is the row's."""
    silences = [trial["silence-ms"] for trial in done]
    result |= {"silence-p50-ms": percentile(silences, 50), "value": max(silences),
               "owners-s": summary([trial["owners-s"] for trial in done])}
    result["also"] = [{"what": "all records of the dead site have their new owner",
                       "value": result["owners-s"]["max"], "must": OWNERS_MUST_S,
                       "aim": OWNERS_AIM_S, "unit": "s"}]
    condition(result, "the site's bindings, taken over in each trial",
              min(trial["taken-over"] for trial in done), own)
    condition(result, "packets that went by the dead site before, of all",
              min(trial["by-the-dead"] for trial in done), DUE)
    rtt = 2 * DELAY_MS
    condition(result, "the longest silence was the takeover's", int(all(
        -rtt - SLACK_MS < trial["silence-begins-ms"] < rtt + SLACK_MS for trial in done)), 1)
