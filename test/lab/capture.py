# SPDX-License-Identifier: BSD-3-Clause
"""What was on a wire: tcpdump into a file, tshark's reading of it.

tshark 4.0 does not check the Mobility Header's checksum (raw.checksum does) and misreads
offsets in messages that are not used here; the rest it decodes, and it complains aloud."""

import signal
import subprocess
import time

from .shell import LabError, sh

# tshark's severities: warning and error.
COMPLAINT = "_ws.malformed || _ws.expert.severity >= 6291456"


class Capture:
    """`with Capture(ns, dev, path) as cap: ...`; the file is complete after the block."""

    def __init__(self, ns, dev, path, packet_filter="", snaplen=0):
        self.path = path
        with open(path, "wb") as out:
            self._proc = ns.popen("tcpdump", "-i", dev, "-n", "-U", "--immediate-mode", "-s",
                                  snaplen, "-w", "-", *packet_filter.split(), stdout=out,
                                  stderr=subprocess.PIPE, text=True)
        # tcpdump says so once its socket is bound: nothing is missed after that line.
        for line in self._proc.stderr:
            if "listening on" in line:
                return
            said = line.strip()
        raise LabError(f"tcpdump on {dev}: {said}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self, settle=0.1):
        if self._proc.poll() is None:
            time.sleep(settle)
            self._proc.send_signal(signal.SIGINT)
            self._proc.communicate(timeout=10)

    def _tshark(self, *args):
        return sh("tshark", "-n", "-r", self.path, *args, timeout=60)

    def fields(self, show, *names):
        """One tuple of strings per packet that the display filter accepts; a field that occurs
        more than once (inner and outer header) has its values joined by commas."""
        args = ["-Y", show, "-T", "fields", "-E", "separator=/t"]
        for name in names:
            args += ["-e", name]
        return [tuple(line.split("\t")) for line in self._tshark(*args).splitlines()]

    def count(self, show):
        return len(self._tshark("-Y", show, "-T", "fields", "-e", "frame.number").splitlines())

    def complaints(self, show="frame"):
        """What tshark finds wrong with the packets that the display filter accepts."""
        return self._tshark("-Y", f"({show}) && ({COMPLAINT})", "-T", "fields", "-e",
                            "frame.number", "-e", "_ws.col.Info", "-e", "_ws.expert.message",
                            "-e", "_ws.malformed").splitlines()

    def assert_clean(self, show="frame", least=1):
        """At least so many of these packets were seen, and tshark has nothing against any."""
        seen = self.count(show)
        assert seen >= least, f"{seen} packets of {show} in {self.path}, {least} expected"
        bad = self.complaints(show)
        assert not bad, f"tshark on {self.path}: {bad}"
