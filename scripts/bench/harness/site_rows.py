# SPDX-License-Identifier: BSD-3-Clause
"""Rows with real sites: around.py is what lies around them, trials.py says which trials count."""

import time

from around import (CARE_OF, FIRST, MOVE_RATE, TALK, domain, known, mishaps, parts,
                    real_sites, settle, shared_sites, site_config, turns)
from measure import summary
from trials import RATE, condition, counted, losses, moved, percentile, told, totals


MOVE_SITES, MOVE_DELAY_MS = 3, 50  # mobile nodes move between two sites, correspondents are at the third
TCP_OCTETS, TCP_RATE = 4 << 20, 1 << 20  # a second: it goes on for as long as a trial


def hello_ms():
    from lab.mesh import HELLO_MS  # pylint: disable=import-outside-toplevel
    return HELLO_MS


def transfer(world, k):
    """TCP from the correspondent at site k to the lab's mobile node, whose kernel and route it
    is."""
    from lab.transfer import Transfer  # pylint: disable=import-outside-toplevel
    site = world[k]
    return Transfer(site.cn, site.cn_address, world.mn.ns, world.mn.hoa, TCP_OCTETS, TCP_RATE)


def with_flows(options, world, around, number, change, places):
    """A trial: totals, with what change() says and what packets met with."""
    before, changes = mishaps(world), len(world.gate.changes)
    with around.flows(number, places) as books:
        begin, tcp = time.monotonic(), transfer(world, places[number % len(places)])
        time.sleep(options.seconds)
        said = change(number)
        time.sleep(options.seconds)
        due = 2 * RATE * (time.monotonic() - begin)
    tcp.join()
    return totals(books) | said | {"tcp-gap-ms": tcp.max_gap * 1000,
                                   "tcp-sent-again": tcp.retransmissions, "due": due, "moved-counters": moved(before, mishaps(world)),
                                   "routes": world.gate.changes[changes:],
                                   "parts": parts(world.sites.values())}


def trials(options, sites, places, result, which, make_change, **least):
    """sites: shared_sites(), places: of the correspondents; make_change(world, around): what is
    done in the middle of each trial; which: losses()."""
    with sites as (world, around):
        change = make_change(world, around)
        settle(around, places)
        done, void = counted(options.turns,
                             lambda number: with_flows(options, world, around, number, change,
                                                       places),
                             lambda: turns(world.sites.values()), hello_ms())
        ports = around.rows("port").values()
    if told(result, done, void, options.turns):
        losses(result, done, ports, which, **least)
        for key in ("tcp-gap-ms", "tcp-sent-again"):
            result[key] = summary([trial[key] for trial in done])


def drain_return(options, _directory, row, result):
    """A site tells its bindings to the other, is away, and comes back; in turn."""
    def make(world, _around):
        def change(number):
            site = world[1 + number % 2]  # has all bindings: the last trial told it
            before, begin = site.ctl.counters()["mesh_handed_on"], time.monotonic()
            site.ctl("drain", "--wait")
            drained = time.monotonic()
            time.sleep(options.seconds)
            site.ctl("undrain")
            world.gate.wait(30, **{site.name: True})
            return {"drain-s": drained - begin,
                    "handed-on": site.ctl.counters()["mesh_handed_on"] - before}
        return change
    trials(options, shared_sites(options, "direct", row.bindings), (1, 2), result, "lost", make,
           **{"handed-on": row.bindings})


def planned_move(delivery):
    """All mobile nodes that have packets go from one site's links to another one's; those that they
    talk to are at a third. For a second each still takes what comes to where it was. What they send themselves right behind the Binding
    Update may overtake it in the home agent and is no loss of the move's, but told."""
    def run(options, _directory, row, result):
        def make(world, around):
            def change(number):
                begin = time.monotonic()
                before = around.rows("crowd")["talk"]["acknowledged"]
                place = 2 - number % 2
                again = around.register("talk", place, MOVE_RATE)
                world.mn.register(f"site{place}")
                return {"move-s": time.monotonic() - begin, "again": again,
                        "moved": around.rows("crowd")["talk"]["acknowledged"] - before}
            return change
        trials(options, shared_sites(options, delivery, row.bindings, MOVE_DELAY_MS, MOVE_SITES),
               (MOVE_SITES,), result, "lost-to", make, moved=TALK)
    return run


# --- what an acknowledgement costs that waits for another site ---

WAITS = {"without": 0, "with": 1}  # ack-peers, of a domain each
PREFIX = {"without": "2001:db8:a::", "with": "2001:db8:a:0:1::"}


def commit_config(world, k, count):
    """Two domains in all alike but for ack-peers."""
    config = site_config(world, k, count, domain("direct"), mode="shared")
    config["domains"] = [{**config["domains"][0], **domain("direct", f"{PREFIX[name]}/80"),
                          "name": config["domains"][0]["name"] if peers else name,
                          "home-agent-address": f"{PREFIX[name]}1",
                          "ack-peers": peers} for name, peers in WAITS.items()]
    return config


def commit_trial(world, around, place):
    """All mobile nodes of both domains go to that place, domain by domain."""
    trial = {}
    before = [site.ctl.counters() for site in world.sites.values()]
    for name in WAITS:
        trial["again"] = trial.get("again", 0) + around.register(name, place, MOVE_RATE)
        took = around.answers_ms(name)
        trial |= {f"{name}-p{p}-ms": percentile(took, p) for p in (50, 99, 100)}
    after = [site.ctl.counters() for site in world.sites.values()]
    for key in ("ba_waited", "ba_unconfirmed"):
        trial[key] = sum(a[key] - b[key] for a, b in zip(after, before))
    trial |= {f"added-p{p}-ms": trial[f"with-p{p}-ms"] - trial[f"without-p{p}-ms"]
              for p in (50, 99)}
    return trial


def commit_latency(rtt_ms):
    """Mobile nodes go back and forth between the sites' links: each Binding Update tells news. One
    domain's acknowledgements wait for the other site, the other's do not."""
    def run(options, _directory, row, result):
        nodes = row.bindings // len(WAITS)

        with real_sites(options, lambda world, k: commit_config(world, k, row.bindings),
                        rtt_ms / 2) as (world, around):
            for n, (name, prefix) in enumerate(PREFIX.items()):
                first = FIRST + n * nodes  # no two have a care-of address in common
                around.ask(f"crowd {name} {prefix} {CARE_OF} {prefix}1 {first} {nodes}")
                around.register(name, 1, MOVE_RATE)
            known(world, row.bindings)
            result["rtt-ms"] = world[1].ctl.show("peers")[0]["rtt-ms"]
            done, void = counted(options.turns,
                                 lambda number: commit_trial(world, around, 2 - number % 2),
                                 lambda: turns(world.sites.values()), hello_ms())
        if told(result, done, void, options.turns):
            commit_figures(result, done, nodes)
    return run


def commit_figures(result, done, nodes):
    """What was compared are acknowledgements that waited for the other site, and had its word,
    with some that did not."""
    for p in (50, 99):
        result[f"added-p{p}-ms"] = summary([trial[f"added-p{p}-ms"] for trial in done])
    result["value"] = result["added-p50-ms"]["median"]
    condition(result, "no Binding Update sent again",
              int(all(trial["again"] == 0 for trial in done)), 1)
    condition(result, "acknowledgements that waited in each trial, of those that were to",
              min(1 - abs(trial["ba_waited"] / nodes - 1) for trial in done), 1)
    condition(result, "none left before the other site had the binding",
              int(all(trial["ba_unconfirmed"] == 0 for trial in done)), 1)
