# SPDX-License-Identifier: BSD-3-Clause
"""hamctl, and counters that have to move."""

import contextlib
import json
import subprocess
import time

from .shell import LabError


class Hamctl:
    def __init__(self, binary, socket):
        self.binary, self.socket = str(binary), str(socket)

    def run(self, *args, timeout=20):
        """The finished process, whatever its exit status."""
        return subprocess.run([self.binary, "-s", self.socket, *map(str, args)],
                              capture_output=True, text=True, timeout=timeout)

    def __call__(self, *args):
        done = self.run(*args)
        if done.returncode != 0:
            raise LabError(f"hamctl {' '.join(map(str, args))}: {done.stderr.strip()}")
        return done.stdout

    def start(self, *args):
        """A command that takes its time."""
        return subprocess.Popen([self.binary, "-s", self.socket, *map(str, args)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def show(self, what, *filters):
        """`hamctl show WHAT --json`: a list of dictionaries."""
        return [json.loads(line) for line in self("show", what, *filters, "--json").splitlines()]

    def values(self, what):
        """{name: value} of counters or drops, with those at 0."""
        if what == "counters":
            return {row["counter"]: row["value"] for row in self.show(what)}
        return {row["drop"]: row["count"] for row in self.show(what, "--all")}

    def counters(self):
        return self.values("counters")

    def drops(self):
        return self.values("drops")

    def bindings(self):
        """{home address: row}, live ones."""
        return {b["home-address"]: b for b in self.show("bindings")}

    def binding(self, hoa):
        return self.bindings().get(hoa)

    def pool(self):
        """(free packet buffers, all)."""
        row = self.show("version")[0]
        return row["buffers-free"], row["buffers"]

    @contextlib.contextmanager
    def moves(self, what, timeout=3.0, **names):
        """The block moves these counters by that much exactly, or by at least -n if negative:
        `with ctl.moves("drops", decap_wrong_coa=1): ...`."""
        before = self.values(what)
        for name in names:
            assert name in before, f"hamctl show {what}: no {name}"
        yield
        end = time.monotonic() + timeout
        while True:
            now = self.values(what)
            moved = {n: now[n] - before[n] for n in names}
            right = all(moved[n] == by if by >= 0 else moved[n] >= -by
                        for n, by in names.items())
            if right or time.monotonic() > end:
                break
            time.sleep(0.05)
        others = {n: now[n] - before[n] for n in now if now[n] != before.get(n, 0)}
        assert right, f"{what} moved by {moved}, not by {names}; all that moved: {others}"
