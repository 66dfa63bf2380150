# SPDX-License-Identifier: BSD-3-Clause
"""Echo requests all the time, and which of them were not answered."""

import re
import signal
import subprocess
import threading
import time

from .shell import LabError


class Pings:
    """From a namespace to an address, one every `every` seconds, until stop()."""

    def __init__(self, ns, dst, every=0.02):
        self.dst, self.every = dst, every
        self._answered = set()
        self._proc = ns.popen("stdbuf", "-oL", "ping", "-6", "-n", "-i", every, dst,
                              stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        self.wait_for(1)

    def _read(self):
        for line in self._proc.stdout:
            found = re.search(r"icmp_seq=(\d+) .*time=", line)
            if found:
                self._answered.add(int(found.group(1)))

    def wait_for(self, more, timeout=10):
        """Until so many more were answered: the path works, now."""
        goal, end = len(self._answered) + more, time.monotonic() + timeout
        while len(self._answered) < goal:
            if time.monotonic() > end:
                raise LabError(f"echo requests to {self.dst}: no answer for {timeout} s")
            time.sleep(0.01)

    def stop(self):
        """Numbers that were not answered, though one behind them was."""
        self._proc.send_signal(signal.SIGINT)
        self._proc.wait(10)
        self._thread.join(5)
        got = sorted(self._answered)
        return [n for n in range(got[0], got[-1]) if n not in self._answered]
