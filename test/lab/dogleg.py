# SPDX-License-Identifier: BSD-3-Clause
"""The argument for several home agents, measured: how far packets go between a correspondent and a
mobile node away from home (docs/performance.md has a table). scripts/bench/dogleg runs it for three
sites, quickstart for two.

Compared are

    no mobility      the care-of address itself
    one home agent   at site 1
    primary, site 1  a mesh; who intercepts relays to site 1, with whose address the mobile node is
                     registered wherever it is
    primary, nearest a mesh whose sites share one address: the site next to the mobile node gets its
                     Binding Updates and is its primary home agent, as in the paper's Fig. 6
    direct           a mesh; who intercepts, and who is next to the mobile node, does it all
"""

from .mesh import agent_address
from .shell import LabError, until

NEAREST = "primary, nearest"
WAYS = ("no mobility", "one home agent", "primary, site 1", NEAREST, "direct")
STRAIGHT = ("no mobility", NEAREST, "direct")  # no site but those next to the two


def start(world, way):
    """The sites that it takes, ready."""
    if way == "one home agent":
        world.start(1, world.alone(1))
        world.gate.wait(30, site1=True, **{f"site{k}": False for k in world.sites if k != 1})
    elif way != "no mobility":
        for k in world.sites:
            world.start(k, world.config(k, "shared" if way == NEAREST else "unicast",
                                        domain={"delivery": way.split(",")[0]}))
        world.gate.wait(30, **{f"site{k}": True for k in world.sites})
        # The first packets may go by a third site, until each has compared itself with the other.
        for k, site in world.sites.items():
            until(f"site {k} has compared itself", lambda ctl=site.ctl: all(
                peer["digest-rounds"] > 0 for peer in ctl.show("peers")), 30)


def register(world, at):
    """The mobile node at site `at`, by its home agent address at site 1, or the one of all."""
    mn = world.mn
    mn.use_agent(agent_address(1))
    mn.register(f"site{at}")
    for k, site in world.sites.items():
        if site.hamd is not None and site.hamd.is_running():
            world.until_known(k, mn)


def until_owned(world, at):
    """All sites relay to site `at`."""
    for k, site in world.sites.items():
        until(f"site {k} knows that the mobile node is site {at}'s", lambda ctl=site.ctl: ctl.binding(
            world.mn.hoa)["owner"].endswith(str(at)), 10)


def least_lines(way, mn, cn):
    """How often long lines have to be crossed, there and back."""
    return 2 * (mn != cn) if way in STRAIGHT else 2 * (mn != 1) + 2 * (cn != 1)


def check(rows):
    """The packets went where the table says that they go, and no further."""
    for row in rows:
        least = least_lines(row["way"], row["mn"], row["cn"])
        if row["lines"] != least:
            raise LabError(f"{row['way']}, mobile node at site {row['mn']}, correspondent at site "
                           f"{row['cn']}: {row['lines']} lines are crossed instead of {least}")


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
        if way == NEAREST:
            until_owned(world, at)
        for k in world.sites:
            if way == "no mobility":
                rtt, lines = without(world, at, k)
            else:
                rtt, lines = path(world, k, world.mn.hoa)
            rows.append({"way": way, "mn": at, "cn": k, "rtt_ms": rtt, "lines": lines})
    return rows


def table(rows):
    """Lines of text: a row for each pair of places, a column for each way."""
    ways = list(dict.fromkeys(row["way"] for row in rows))
    cells = {(row["mn"], row["cn"], row["way"]): row for row in rows}
    text = ["mobile node at  correspondent at" + "".join(f"{way:>24}" for way in ways)]
    for mn, cn in sorted({(row["mn"], row["cn"]) for row in rows}):
        line = f"site {mn:<9}  site {cn:<11}"
        for way in ways:
            row = cells[mn, cn, way]
            line += f"{row['rtt_ms']:13.1f} ms {row['lines']} lines"
        text.append(line)
    return text
