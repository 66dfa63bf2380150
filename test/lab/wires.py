# SPDX-License-Identifier: BSD-3-Clause
"""Long lines between namespaces: wire.c, told what to do while it runs."""

import contextlib
import json
import subprocess
import threading

from .daemon import BUILD
from .shell import LabError

WIRE = BUILD / "test" / "lab" / "wire"


class Wires:
    """One program for all lines; each connects two devices of namespace `ns`."""

    def __init__(self, lab, ns, lines, seed=1):
        """lines: {name: (dev, dev)}"""
        if not WIRE.exists():
            raise LabError(f"{WIRE} is missing: build first")
        self.names = list(lines)
        self._busy = threading.Lock()
        args = [f"{name}={a},{b}" for name, (a, b) in lines.items()]
        self._proc = ns.popen(WIRE, "-s", seed, *args, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
        lab.on_close(self.close)
        if self._proc.stdout.readline() != "ready\n":
            raise LabError(f"wire: exit status {self._proc.wait(5)}")

    @property
    def pid(self):
        return self._proc.pid

    def close(self):
        with contextlib.suppress(OSError):
            self._proc.stdin.close()
        try:
            self._proc.wait(5)
        except subprocess.TimeoutExpired:
            self._proc.kill()
            self._proc.wait()

    def _ask(self, command):
        with self._busy:
            self._proc.stdin.write(command + "\n")
            self._proc.stdin.flush()
            rows = []
            while (line := self._proc.stdout.readline().strip()) != "ok":
                if not line.startswith("{"):
                    raise LabError(f"wire: {command}: {line or 'it ended'}")
                rows.append(json.loads(line))
            return rows

    def set(self, name, way="both", **settings):
        """set("1-2", "there", delay_ms=40, loss_percent=1): what line_set() knows, with
        underscores. There: from the first device to the second."""
        pairs = " ".join(f"{key.replace('_', '-')} {float(value):g}"
                         for key, value in settings.items())
        self._ask(f"set {name} {way} {pairs}")

    def show(self):
        """{(name, way): counters}"""
        return {(row.pop("name"), row.pop("way")): row for row in self._ask("show")}

    def large(self):
        """{name: frames of LINE_LARGE octets and more that were handed on, both ways}"""
        total = dict.fromkeys(self.names, 0)
        for (name, _), row in self.show().items():
            total[name] += row["large"]
        return total
