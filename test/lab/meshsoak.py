# SPDX-License-Identifier: BSD-3-Clause
"""Three sites of a real mesh and mobile nodes that move and are pinged, while one thing after the
other goes wrong: a site is killed, stopped, frozen or drained, a line is cut, one way or both, a
site is alone, all lines are bad. One thing at a time, so that what was promised has to hold: no
registration that was acknowledged is lost, traffic goes on soon after, no daemon ends by itself. Run
by scripts/soak --mesh.

usage: meshsoak.py [SECONDS [SEED]]        600 seconds, a new seed
"""

import contextlib
import os
import random
import signal
import sys
import time

from .mesh import MeshWorld, agent_address
from .netns import Lab
from .pings import Pings
from .shell import LabError, until

SITES, NODES = 3, 4
SETTINGS = {"drain-wait-ms": 1000, "join-timeout-ms": 500}
READY_S, TRAFFIC_S = 30, 10  # after the fault is over: all ready; then each echo is answered
BAD_LINES = {"loss_percent": 3, "duplicate_percent": 3, "reorder_percent": 5, "jitter_ms": 3}


class Books:
    """What a mobile node was promised."""

    def __init__(self, mn):
        self.mn = mn
        self.allowed = set()  # care-of addresses: acknowledged last, or sent since
        self.acknowledged = 0

    def move(self, link):
        """One Binding Update; like a mobile node's, its tunnel follows at once."""
        coa = self.mn.links[link].coa
        self.allowed.add(coa)
        ba = self.mn.update(link, timeout=1.0, meanwhile=lambda: self.mn.attach(link))
        if ba is None:
            return False
        if ba.status >= 128:  # numbers of an update without an answer may have been used
            self.mn.seq = ba.seq
            return False
        self.allowed = {coa}
        self.acknowledged += 1
        return True


class Soak:
    def __init__(self, lab, seed):
        self.random = random.Random(seed)
        self.mesh = MeshWorld(lab, sites=SITES, delay_ms=4, mobile_nodes=NODES, seed=seed)
        for k in self.mesh.sites:
            self.mesh.start(k, self.mesh.config(
                k, domain=SETTINGS, store={"path": str(lab.dir / f"store{k}")}))
        self.books = [Books(mn) for mn in self.mesh.mns]
        self.flows = []
        self.faults = [self.kill, self.restart, self.freeze, self.drain, self.cut, self.one_way,
                       self.alone, self.bad_lines, self.nothing]

    # --- what goes wrong; each ends with all as it was ---

    def _site(self):
        return self.random.choice(list(self.mesh.sites.values()))

    def _wander(self, seconds):
        """Mobile nodes move, as far as they are heard, for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.random.choice(self.books).move(f"site{self.random.randint(1, SITES)}")

    def kill(self):
        site = self._site()
        site.hamd.kill9()
        self._wander(self.random.uniform(0, 3))
        site.hamd.start()
        return f"kill {site.name}"

    def restart(self):
        site = self._site()
        if site.hamd.stop() != 0:
            raise LabError(f"{site.name} did not stop well: {site.hamd.log_path}")
        self._wander(self.random.uniform(0, 2))
        site.hamd.start()
        return f"stop {site.name}"

    def freeze(self):
        site = self._site()
        os.kill(site.hamd.pid, signal.SIGSTOP)
        try:
            self._wander(self.random.uniform(0.1, 2))
        finally:
            os.kill(site.hamd.pid, signal.SIGCONT)
        return f"freeze {site.name}"

    def drain(self):
        site = self._site()
        with contextlib.suppress(LabError):  # moves beside it may keep it longer than that
            site.ctl("drain", "--wait", "--seconds", 10)
        self._wander(1)
        site.ctl("undrain")
        return f"drain {site.name}"

    def cut(self):
        a, b = self.random.choice(self.mesh.pairs)
        self.mesh.cut(a, b)
        self._wander(self.random.uniform(0.1, 3))
        self.mesh.heal()
        return f"cut {a}-{b}"

    def one_way(self):
        a, b = self.random.choice(self.mesh.pairs)
        way = self.random.choice([(a, b), (b, a)])
        self.mesh.cut(a, b, way=way)
        self._wander(self.random.uniform(0.1, 3))
        self.mesh.heal()
        return "cut {} to {}".format(*way)

    def alone(self):
        site = self._site()
        for a, b in self.mesh.pairs:
            if site.number in (a, b):
                self.mesh.cut(a, b)
        self._wander(self.random.uniform(0.1, 3))
        self.mesh.heal()
        return f"{site.name} alone"

    def bad_lines(self):
        self.mesh.delays(**BAD_LINES)
        self._wander(2)
        self.mesh.delays(**dict.fromkeys(BAD_LINES, 0))
        return "bad lines"

    def nothing(self):
        self._wander(2)
        return "moves"

    # --- what has to hold ---

    def whole(self):
        """All run and are ready, hear each other, and agree on what was promised."""
        mesh = self.mesh
        mesh.gate.wait(READY_S, **{f"site{k}": True for k in mesh.sites})
        for k, site in mesh.sites.items():
            until(f"site {k} hears the others", lambda s=site: {
                p["state"] for p in s.ctl.show("peers")} == {"up"}, READY_S)
        for books in self.books:
            until(f"{books.mn.hoa} where it was acknowledged, everywhere: {books.allowed}",
                  lambda b=books: self._agree(b), TRAFFIC_S)

    def _agree(self, books):
        rows = [site.ctl.binding(books.mn.hoa) for site in self.mesh.sites.values()]
        found = {row and row["care-of-address"] for row in rows}
        return len(found) == 1 and found <= books.allowed

    def traffic(self):
        """Of each mobile node, both ways; where its last word was never answered it repeats it."""
        for books in self.books:
            until(f"{books.mn.hoa} registers", lambda b=books: b.move(
                next(name for name, link in b.mn.links.items() if link == b.mn.link)), TRAFFIC_S)
        for flow in self.flows:
            flow.wait_for(3, TRAFFIC_S)
        for mn in self.mesh.mns:
            if mn.counter("stray"):
                raise LabError(f"{mn.hoa} got a tunnel packet from someone else's address")

    def begin(self):
        self.mesh.gate.wait(READY_S, **{f"site{k}": True for k in self.mesh.sites})
        for n, books in enumerate(self.books):
            k = n % SITES + 1
            books.mn.use_agent(agent_address(k))
            until(f"{books.mn.hoa} registers", lambda b=books, k=k: b.move(f"site{k}"), TRAFFIC_S)
            far = self.mesh[k % SITES + 1]
            self.flows += [Pings(far.cn, books.mn.hoa, every=0.1),
                           Pings(books.mn.ns, far.cn_address, every=0.1)]

    def round(self):
        """One fault; a line about it."""
        begin = time.monotonic()
        what = self.random.choice(self.faults)()
        over = time.monotonic()
        self.whole()
        ready = time.monotonic()
        self.traffic()
        return (f"{what}: {over - begin:.1f} s, all ready after {ready - over:.1f} s, traffic after "
                f"{time.monotonic() - ready:.1f} s more")

    def tell(self):
        """All that a failure is understood by."""
        for site in self.mesh.sites.values():
            if site.hamd.is_running():
                for what in ("peers", "bindings", "domains", "drops"):
                    print(site.ctl.run("show", what).stdout)
            print(f"{site.name}:", *site.hamd.lines[-30:], sep="\n")


def main(seconds=600, seed=None):
    seed = seed if seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    with Lab() as lab:
        soak = Soak(lab, seed)
        try:
            soak.begin()
            begin = time.monotonic()
            while time.monotonic() < begin + seconds:
                said = soak.round()
                print(f"{time.monotonic() - begin:6.0f} s {said}", flush=True)
        except (LabError, AssertionError) as error:
            soak.tell()
            print(f"seed {seed}: {error}")
            return 1
        ends = soak.mesh.stop()
        print(f"{sum(b.acknowledged for b in soak.books)} registrations were acknowledged, none was "
              f"lost; exit statuses {sorted(set(ends.values()))}")
        return 0 if set(ends.values()) == {0} else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*map(int, sys.argv[1:])))
    except LabError as error:
        sys.exit(f"meshsoak: {error}")
