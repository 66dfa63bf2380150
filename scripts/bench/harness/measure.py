# SPDX-License-Identifier: BSD-3-Clause
"""Rates of programs that run in turn on one core.

Absolute rates of a shared machine drift within seconds, so what counts is a ratio of two turns
next to each other, and of many such ratios the median."""

import statistics
import time

SETTLE_S = 0.1  # behind SIGCONT, until caches are warm again


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


class Turn:
    """One program's turn: ns for each packet taken in, and the share of them sent on."""

    def __init__(self, before, after):
        ns, received, sent = (b - a for a, b in zip(before, after))
        self.ns = ns / received if received else float("inf")
        self.pps = received * 1e9 / ns
        self.sent = sent / received if received else 0.0


def take_turn(program, seconds):
    program.resume()
    try:
        time.sleep(SETTLE_S)
        before = program.telemetry.stats()
        time.sleep(seconds)
        return Turn(before, program.telemetry.stats())
    finally:
        program.pause()


def rounds(programs, turns, seconds):
    """{name: [Turn, ...]}; programs are stopped at first and at last."""
    taken = {p.name: [] for p in programs}
    for _ in range(turns):
        for program in programs:
            taken[program.name].append(take_turn(program, seconds))
    return taken


def best_of(taken, names):
    """The fastest of them; None: there is none."""
    return min(names, key=lambda n: statistics.median(t.ns for t in taken[n]), default=None)


def compare(taken, hamd="hamd", peer="l3fwd", floor="floor"):
    """The report's figures. ratio: hamd's rate by the peer's; net: (hamd - floor) / (peer -
    floor), both round by round."""
    result = {name: {"ns": summary([t.ns for t in turns]),
                     "mpps": summary([t.pps / 1e6 for t in turns])}
              for name, turns in taken.items()}
    if peer in taken:
        pairs = list(zip(taken[hamd], taken[peer]))
        result["ratio"] = summary([p.ns / h.ns for h, p in pairs])
        result["net"] = summary([(h.ns - f.ns) / (p.ns - f.ns) for (h, p), f in
                                 zip(pairs, taken[floor]) if p.ns > f.ns] or [float("nan")])
    return result
