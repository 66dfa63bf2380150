# SPDX-License-Identifier: BSD-3-Clause
"""Trials of rows with real sites: which of them count, and what is made of their books."""

import math

RATE = 10000  # packets a second, each way
DUE = 0.99
VOID_TENTHS = 3  # of all trials, at most


def percentile(values, percent):
    """The least value that so many percent of all are not above (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(percent / 100 * len(ordered)), 1) - 1]


def lost(books):
    return sum(book["sent"] - book["got"] for book in books)


def totals(books):
    """Sums, but for times: the worst of them, in milliseconds."""
    counts = ("sent", "got", "duplicates", "overtaken", "old-link", "stray", "wrong-source")
    total = {key: sum(book[key] for book in books) for key in counts}
    for key in ("silence", "slowest"):
        total[f"{key}-ms"] = max(book[f"{key}-ns"] for book in books) / 1e6
    for way in ("to", "from"):
        total[f"lost-{way}"] = lost([book for book in books if f"-{way}-" in book["flow"]])
    return total | {"lost": lost(books), "blocked-ms": lost(books) / (2 * RATE) * 1000}


def voids_allowed(turns):
    """So many void trials beside `turns` that count."""
    return turns * VOID_TENTHS // (10 - VOID_TENTHS)


def counted(turns, once, look, limit_ms, prepare=lambda number: None):
    """(trials that count, void ones). once(number) is a trial, prepare(number) is before it;
    look(): (the sites' longest turn since their start in us, how many took 10 ms and more). A trial with a turn of more than
    limit_ms, which is hello-ms and so 10 at least, says nothing: hello stood still, or packets
    waited, for the machine's sake. Where a longer one was before, any slow turn is taken for such."""
    done, void = [], []
    while len(done) < turns and len(void) <= voids_allowed(turns):
        number = len(done) + len(void)
        prepare(number)
        _, before = look()
        trial = once(number)
        trial["longest-turn-us"], slow = look()
        trial["slow-turns"] = slow - before
        is_void = slow != before and trial["longest-turn-us"] > 1000 * limit_ms
        (void if is_void else done).append(trial)
    return done, void


def condition(result, name, value, least):
    result["conditions"].append(
        {"condition": name, "value": value, "least": least, "met": value >= least})


def told(result, done, void, turns):
    """Both kinds of trials; too many void ones are no figure. False: there is none at all."""
    result |= {"trials": done, "void-trials": void, "value": 0}
    condition(result, "trials that count, of those wanted", len(done) / turns, 1)
    return bool(done)


def losses(result, done, ports, **least):
    """A trial that lost packets counts; one that the bench spoilt does not. least: {what a trial
    says: how much of it there must have been}"""
    result |= {"value": max(trial["lost"] for trial in done),
               "blocked-ms": max(trial["blocked-ms"] for trial in done)}
    spoilt = sum(port["refused"] + port["missed"] for port in ports)
    condition(result, "no packet lost by the bench itself", int(spoilt == 0), 1)
    condition(result, "packets sent, of what was due",
              min(trial["sent"] / trial["due"] for trial in done), DUE)
    for key, value in least.items():
        condition(result, f"{key} in each trial", min(trial[key] for trial in done), value)
