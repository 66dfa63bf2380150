# SPDX-License-Identifier: BSD-3-Clause
"""The argument for several home agents, measured: how far packets go between a correspondent and a
mobile node away from home (docs/performance.md has a table). scripts/bench/dogleg runs it for three
sites, quickstart for two.

Each mobile node is registered with site 1, wherever it is. Compared are

    no mobility      the care-of address itself
    one home agent   at site 1
    primary          a mesh; who intercepts relays to site 1, which has the binding
    direct           a mesh; who intercepts, and who is next to the mobile node, does it all
"""

from .mesh import agent_address
from .shell import until

WAYS = ("no mobility", "one home agent", "primary", "direct")


def start(world, way):
    """The sites that it takes, ready."""
    if way == "one home agent":
        world.start(1, world.alone(1))
        world.gate.wait(30, site1=True, **{f"site{k}": False for k in world.sites if k != 1})
    elif way != "no mobility":
        for k in world.sites:
            world.start(k, world.config(k, domain={"delivery": way}))
        world.gate.wait(30, **{f"site{k}": True for k in world.sites})
        # The first packets may go by a third site, until each has compared itself with the other.
        for k, site in world.sites.items():
            until(f"site {k} has compared itself", lambda ctl=site.ctl: all(
                peer["digest-rounds"] > 0 for peer in ctl.show("peers")), 30)


def register(world, at):
    """The mobile node at site `at`, by its home agent address at site 1."""
    mn = world.mn
    mn.use_agent(agent_address(1))
    mn.register(f"site{at}")
    for k, site in world.sites.items():
        if site.hamd is not None and site.hamd.is_running():
            world.until_known(k, mn)


def path(world, k, address):
    """(round trip in ms, lines crossed) from the correspondent at site k."""
    lines = sum(world.crossings(k, address).values())  # neighbours know each other after that
    return world.rtt_ms(k, address), lines


def without(world, at, k):
    """path() past all home agents."""
    mn, far = world.mn, world[k].cn_address
    link = mn.links[f"site{at}"]
    mn.native(link, far)
    try:
        return path(world, k, link.coa)
    finally:
        mn.ns.ip("-6", "route", "del", f"{far}/128")


def measure(world, way, places):
    """[{"way", "mn", "cn", "rtt_ms", "lines"}]: the mobile node at each of the places, a
    correspondent at each site. lines: how often a long line is crossed, there and back."""
    rows = []
    start(world, way)
    for at in places:
        if way != "no mobility":
            register(world, at)
        for k in world.sites:
            if way == "no mobility":
                rtt, lines = without(world, at, k)
            else:
                rtt, lines = path(world, k, world.mn.hoa)
            rows.append({"way": way, "mn": at, "cn": k, "rtt_ms": rtt, "lines": lines})
    return rows


def table(rows):
    """Lines of text: a row for each pair of places, a column for each way."""
    ways = [way for way in WAYS if any(row["way"] == way for row in rows)]
    cells = {(row["mn"], row["cn"], row["way"]): row for row in rows}
    text = ["mobile node at  correspondent at" + "".join(f"{way:>24}" for way in ways)]
    for mn, cn in sorted({(row["mn"], row["cn"]) for row in rows}):
        line = f"site {mn:<9}  site {cn:<11}"
        for way in ways:
            row = cells[mn, cn, way]
            line += f"{row['rtt_ms']:13.1f} ms {row['lines']} lines"
        text.append(line)
    return text
