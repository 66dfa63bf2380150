# SPDX-License-Identifier: BSD-3-Clause
"""Mobile nodes by the thousand that keep books of what was acknowledged: test/tools/bu_storm.c."""

import ipaddress
import json
import signal
import subprocess
from pathlib import Path

from .daemon import BUILD
from .shell import LabError

PROGRAM = BUILD / "test" / "tools" / "bu-storm"

HOME = "2001:db8:a:5::"  # home addresses, ::1 and up
NOWHERE = "2001:db8:f::"  # care-of addresses, /48; r drops what is answered to there

# For a domain: who they are, and that nobody holds them up.
DOMAIN = {
    "subscribers": {"ranges": [{"home-addresses": f"{HOME}/64", "auth": {"type": "none"}}]},
    "limits": {"bu-per-s": 1000000, "bu-per-s-per-source": 100000, "bu-burst-per-source": 100000,
               "bu-per-s-per-mobile-node": 100000, "bu-burst-per-mobile-node": 100000},
}


class Storm:
    """In the namespace of the router in front of hamd."""

    def __init__(self, world, directory, nodes, rate):
        self.world, self.nodes, self.rate = world, nodes, rate
        self.books = Path(directory) / "books"
        self.proc = None
        world.r.ip("-6", "route", "replace", "blackhole", f"{NOWHERE}/48")

    def start(self, ha, hamd_dev, seconds=60):
        self.proc = self.world.r.popen(
            PROGRAM, "-i", "r-ha", "-m", self.world.ha.mac(hamd_dev), "-a", ha, "-p", HOME,
            "-c", NOWHERE, "-n", self.nodes, "-r", self.rate, "-t", seconds, "-f", self.books,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stop(self):
        """{"seconds", "sent", "acknowledged", "refused"}"""
        self.proc.send_signal(signal.SIGTERM)
        out, err = self.proc.communicate(timeout=20)
        if self.proc.returncode != 0:
            raise LabError(f"bu-storm: {err}")
        return json.loads(out)

    def missing(self, bindings):
        """What was acknowledged and is not there, or is older, or is not what was said with that
        number: a list of sentences. bindings: {home address: row of hamctl}."""
        faults = []
        for line in self.books.read_text().splitlines():
            node, acked, sent = line.split()
            if acked == "-":
                continue
            hoa = str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(HOME)) + int(node) + 1))
            row = bindings.get(hoa)
            if row is None:
                faults.append(f"{hoa}: {acked} was acknowledged, there is no binding")
                continue
            seq = row["sequence"]
            coa = (int(ipaddress.IPv6Address(NOWHERE)) + (seq << 64) + int(node) + 1)
            if (seq - int(acked)) % 65536 > (int(sent) - int(acked)) % 65536:
                faults.append(f"{hoa}: {acked} was acknowledged, {sent} sent, bound is {seq}")
            elif row["care-of-address"] != str(ipaddress.IPv6Address(coa)):
                faults.append(f"{hoa}: {row['care-of-address']} with number {seq}")
        return faults
