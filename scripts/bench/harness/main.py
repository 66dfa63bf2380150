# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench/run"""

import argparse
import atexit
import contextlib
import datetime
import fnmatch
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pktgen_options
import report
from machine import environment
from pktgen_plan import Plan
from pktgen_rows import PKTGEN_ROWS, Session
from programs import BenchError
from rows import ROWS

ROOT = Path(__file__).resolve().parents[3]
LIMITS = {"must": "must", "aim": "aim"}

EPILOG = """\
Each row runs hamd, a peer (DPDK's l3fwd with its FIB) and the floor (testpmd that only receives)
in turn on one core, on the same packets, and reports ratios of turns next to each other. A row
that misses a condition (how many distinct bindings were touched, packets that were sent on,
Binding Updates that were acknowledged) is void. docs/performance.md says what the figures mean.

Rows of the mesh (mesh-*) compare a worker of hamd's with DPDK's ipsec-secgw. drain-return,
commit-latency-*, takeover-10 and -100 and snapshot-sites run two real sites in network namespaces,
planned-move-* and survivors three,
without a peer, and switch the kernel's limit for realtime threads off meanwhile. A trial of theirs
in which a site's longest turn was longer than hello-ms is void and done again; more than three in
ten void ones make the row void.

Needs root, two cores, dpdk-testpmd (scripts/deps --bench) and the peers, which scripts/bench/peers
builds from Debian's source package; --peers names others. Without them rows have no ratio. Huge pages are set up for each row and given back.

With --pktgen the traffic comes from Pktgen-DPDK, over two ports of its own.

Exit status: 0 all rows count, 1 a row is void or fell short of --require, 2 usage, 3 cannot run.
"""


def options(argv):
    p = argparse.ArgumentParser(
        prog="scripts/bench/run", epilog=EPILOG, description="Measures hamd.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows", nargs="*", metavar="ROW",
                   help="names or patterns (intercept-*); without: all")
    p.add_argument("--list", action="store_true", help="the rows and what they must reach")
    p.add_argument("--smoke", action="store_true",
                   help="a minute: some small rows, short turns; no claim about rates")
    p.add_argument("--turns", type=int, default=7, help="of each program in a row (7, 5 at least)")
    p.add_argument("--seconds", type=float, default=1.0, help="of each turn (1)")
    p.add_argument("--require", choices=LIMITS, help="fail when a row falls short of it")
    p.add_argument("--out", type=Path, default=ROOT / "build-bench" / "report", metavar="DIR",
                   help="for report.json, report.md and plots (build-bench/report)")
    p.add_argument("--build", type=Path, metavar="DIR",
                   help="a release build with -Dbench=true; without: build-bench, made anew")
    p.add_argument("--peers", type=Path, metavar="DIR",
                   help="l3fwd and ipsec-secgw; none: \"none\"")
    p.add_argument("--core", type=int, default=1, help="the worker's (1)")
    p.add_argument("--control-core", type=int, default=0, help="hamd's control core (0)")
    pktgen_options.add(p)
    o = p.parse_args(argv)
    if o.smoke and o.pktgen:
        p.error("--smoke is without Pktgen")
    if o.smoke:
        o.turns, o.seconds = 2, 0.3
    elif o.turns < 5:
        p.error("--turns: at least 5, or medians mean little")
    if o.core == o.control_core:
        p.error("--core and --control-core are the same")
    pktgen_options.check(p, o)
    o.root = ROOT
    o.selected = [r for r in offered(o) if
                  (r.smoke if o.smoke and not o.rows else not o.rows or
                   any(fnmatch.fnmatch(r.name, pattern) for pattern in o.rows))]
    if not o.selected:
        p.error(f"no such row: {' '.join(o.rows)}; see --list")
    return o


def offered(o):
    """The rows there are. With cards in a loop there is no hamd, without a loop nothing else."""
    if o.pktgen is None:
        return ROWS
    on_cards = o.tx_mac is not None or o.loop
    return [r for r in PKTGEN_ROWS if r.loop == o.loop or not on_cards]


def say(text):
    print(text, flush=True)


def list_rows(rows):
    for row in rows:
        limits = "" if row.must is None else f"  (must {row.must:g}, aim {row.aim:g} {row.unit})"
        say(f"{row.name:22} {row.title}{limits}")


def quietly(what, *command, **kind):
    done = subprocess.run(command, capture_output=True, text=True, **kind)
    if done.returncode != 0:
        raise BenchError(f"{what} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def prepare_build(o):
    """A release build of hamd and of the source of traffic: assertions cost cycles."""
    if o.pktgen and not pktgen_options.needs_hamd(o):
        return
    if o.build is None:
        o.build = ROOT / "build-bench"
        env = {**os.environ, "PATH": "/usr/bin:" + os.environ["PATH"], "NINJA": "/usr/bin/ninja"}
        if not (o.build / "build.ninja").exists():
            quietly("meson setup", "/usr/bin/meson", "setup", str(o.build), str(ROOT),
                    "--buildtype=release", "-Dtests=false", "-Dbench=true", env=env)
        quietly("the build", "/usr/bin/ninja", "-C", str(o.build), env=env)
    if o.pktgen:
        return
    o.plugin = o.build.resolve() / "scripts" / "bench" / "rnd" / "bench-source.so"
    if not o.plugin.exists():
        raise BenchError(f"{o.plugin} is missing: that is no build with -Dbench=true")
    # EAL takes no plug-in from below a directory that anybody may write to, as /tmp is.
    safe = Path(tempfile.mkdtemp(prefix="hamd-bench-", dir="/run"))
    atexit.register(shutil.rmtree, safe, ignore_errors=True)
    o.plugin = Path(shutil.copy(o.plugin, safe))


def prepare_peers(o):
    if o.peers is None:
        done = subprocess.run([ROOT / "scripts" / "bench" / "peers", "--print"],
                              capture_output=True, text=True)
        o.peers = Path(done.stdout.strip()) if done.returncode == 0 else None
        if o.peers is None:
            say(f"no peers, so no ratios: {done.stderr.strip()}")
    elif str(o.peers) == "none":
        o.peers = None
    else:
        for name in ("l3fwd", "ipsec-secgw"):
            if not os.access(o.peers / name, os.X_OK):
                raise BenchError(f"{o.peers / name} cannot be run")


def measure(o):
    result = {"format": report.FORMAT, "made": datetime.datetime.now(datetime.timezone.utc)
              .isoformat(timespec="seconds"), "command": " ".join(sys.argv[1:]),
              "turns": o.turns, "seconds": o.seconds, "environment": environment(o), "rows": []}
    if o.session:
        result |= {"turns": None, "seconds": o.trial_seconds}
        result["environment"] = {k: v for k, v in {**result["environment"],
                                                   **o.session.environment()}.items()
                                 if v is not None}
    for row in o.selected:
        say(f"{row.name}: {row.title}")
        try:
            result["rows"].append(row.measure(o))
        except BenchError as e:
            say(f"  {e}")
            result["rows"].append({"row": row.name, "title": row.title, "status": "void",
                                   "why": str(e).split("\n")[0], "unit": row.unit,
                                   "bindings": row.bindings, "conditions": [], "value": 0})
        say("  " + "  ".join(report.cells(result["rows"][-1])[1:]))
        report.write(result, o.out)
    return result


def verdict(o, rows):
    bad = [r["row"] for r in rows if r["status"] == "void"]
    if o.require:
        for r in rows:
            limit = r.get(o.require)
            if r["status"] in ("ok", "short") and limit is not None and "value" in r:
                less = r["unit"] in ("octets", "ms", "s", "packets")
                if ((r["value"] > limit) if less else (r["value"] < limit)) or any(
                        other["value"] > other[o.require] for other in r.get("also", ())):
                    bad.append(r["row"])
    return bad


def main(argv):
    # What was started is stopped, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    o = options(argv)
    if o.list:
        list_rows(ROWS + PKTGEN_ROWS if o.pktgen is None else offered(o))
        return 0
    if o.hamd_config:
        config = Plan(o.bindings).config(
            "PCI address of the port opposite of tx", "PCI address of the port opposite of rx",
            {"lcores": f"{o.control_core},{o.core}"}, 1600)
        say(json.dumps({"node": {"name": "bench"}, **config}, indent=2))
        return 0
    try:
        cores = os.sched_getaffinity(0)
        needed = set(o.pktgen_lcores[0] if o.pktgen else ()) | {o.core, o.control_core}
        if not needed <= cores:
            raise BenchError(f"needs cores {', '.join(map(str, sorted(needed)))}; here are"
                             f" {sorted(cores)}")
        prepare_build(o)
        with Session(o) if o.pktgen else contextlib.nullcontext() as o.session:
            if not o.pktgen:
                prepare_peers(o)
            result = measure(o)
    except BenchError as e:
        print(f"scripts/bench/run: {e}", file=sys.stderr)
        return 3
    say("\n" + report.table(result["rows"]))
    if not report.plots(result, o.out):
        say("no plots: python3-matplotlib is missing (scripts/deps --bench)")
    say(f"{o.out}/report.json, report.md and plots")
    bad = verdict(o, result["rows"])
    if bad:
        say("does not count or falls short: " + " ".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
