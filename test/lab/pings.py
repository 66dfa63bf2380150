# SPDX-License-Identifier: BSD-3-Clause
"""Packets all the time, and which of them did not come through."""

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time

from .shell import LabError, until


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


class Stream:
    """Numbered datagrams one way, and which of them did not arrive. While a mobile node moves it
    is what is sent towards it that nobody may lose; what it sends itself may overtake its Binding
    Update."""

    def __init__(self, src, dst, address, every=0.01, port=6000):
        self.to, self.every = (address, port), every
        self.sent, self.got, self._last = 0, set(), time.monotonic()
        self.longest = 0.0  # time between two that arrived
        self._in = dst.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._in.bind(self.to)
        self._in.settimeout(0.1)
        self._out = src.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=fn, daemon=True)
                         for fn in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()
        self.wait_for(1)

    def _send(self):
        while not self._stop.wait(self.every):
            self._out.sendto(self.sent.to_bytes(4, "big"), self.to)
            self.sent += 1

    def _receive(self):
        # What is under way when it stops still counts.
        while not self._stop.is_set() or self.idle_s() < 0.5:
            with contextlib.suppress(TimeoutError):
                self.got.add(int.from_bytes(self._in.recv(4), "big"))
                self.longest = max(self.longest, self.idle_s())
                self._last = time.monotonic()

    def idle_s(self):
        """Since the last one arrived."""
        return time.monotonic() - self._last

    def wait_for(self, more, timeout=10):
        until(f"{more} datagrams to {self.to[0]}", lambda goal=len(self.got) + more:
              len(self.got) >= goal, timeout)

    def stop(self):
        """Numbers that did not arrive."""
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        self._in.close()
        self._out.close()
        return sorted(set(range(self.sent)) - self.got)
