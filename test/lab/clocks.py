# SPDX-License-Identifier: BSD-3-Clause
"""Clocks of daemons that are set while they run: tools/clock_shim.c."""

import mmap
import struct

from .daemon import BUILD
from .shell import LabError

SHIM = BUILD / "test" / "tools" / "libclock-shim.so"


class Clocks:
    """The wall clock and the uptime of whoever is started with .env; those who share one shift
    together, at the same moment."""

    WALL, UPTIME = 0, 8

    def __init__(self, path):
        if not SHIM.exists():
            raise LabError(f"{SHIM} is missing: build first")
        path.write_bytes(bytes(16))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 16)
        self.env = {"LD_PRELOAD": str(SHIM), "HAMD_CLOCKS": str(path)}

    def _get(self, at):
        return struct.unpack_from("=q", self._map, at)[0] / 1e9

    def _set(self, at, seconds):
        struct.pack_into("=q", self._map, at, round(seconds * 1e9))

    @property
    def wall_s(self):
        """The wall clock is so far ahead of this machine's."""
        return self._get(self.WALL)

    @wall_s.setter
    def wall_s(self, seconds):
        self._set(self.WALL, seconds)

    @property
    def uptime_s(self):
        """... and the clocks that nobody sets: they only ever go forward."""
        return self._get(self.UPTIME)

    @uptime_s.setter
    def uptime_s(self, seconds):
        if seconds < self.uptime_s:
            raise LabError("that clock does not go back")
        self._set(self.UPTIME, seconds)

    def later(self, seconds):
        """So much time passes at once."""
        self.wall_s += seconds
        self.uptime_s += seconds


def clocks_of(hamd):
    """A daemon's own from its next start on, running or not."""
    clocks = Clocks(hamd.dir / f"{hamd.name}.clocks")
    hamd.env = clocks.env
    return clocks
