# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's telemetry socket: the one place where every program that is measured tells its rates."""

import json
import socket
import time
from pathlib import Path


class Telemetry:
    def __init__(self, prefix):
        self.path = Path("/var/run/dpdk") / prefix / "dpdk_telemetry.v2"
        self._socket = None

    def connect(self, deadline):
        """Until time.monotonic() == deadline; False: nobody answered."""
        while time.monotonic() < deadline:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                s.connect(str(self.path))
                s.settimeout(10)
                s.recv(4096)  # who it is
                self._socket = s
                return True
            except OSError:
                s.close()
                time.sleep(0.05)
        return False

    def close(self):
        if self._socket:
            self._socket.close()
            self._socket = None

    def __call__(self, command):
        self._socket.send(command.encode())
        return next(iter(json.loads(self._socket.recv(65536)).values()))

    def stats(self, port=0):
        """(ns, received, sent) at one moment."""
        stats = self(f"/ethdev/stats,{port}")
        return time.monotonic_ns(), stats["ipackets"], stats["opackets"]
