# SPDX-License-Identifier: BSD-3-Clause
"""What the machine did while a test measured."""

import os
import time


def stolen_s():
    """Seconds that the host of this virtual machine gave to others since it was started, while a
    processor of ours had work: proc_stat(5), the eighth number of "cpu". 0 where nobody says so."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = stat.readline().split()[8]
    return int(ticks) / os.sysconf("SC_CLK_TCK")


class Stolen:
    """`with Stolen() as stolen: ...`, then `stolen.part` of the time of one processor."""

    def __enter__(self):
        self._since, self._had = time.monotonic(), stolen_s()
        self.part = None
        return self

    def __exit__(self, *error):
        self.part = (stolen_s() - self._had) / (time.monotonic() - self._since)
        return False
