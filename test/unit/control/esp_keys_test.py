# SPDX-License-Identifier: BSD-3-Clause
"""With scripts/wireshark/esp-keys tshark reads what the mesh's tunnels carry.

    esp_keys_test.py PATH-OF-ESP_CAPTURE
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "wireshark" / "esp-keys"


def run(*command, **kind):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **kind).stdout


class EspKeys(unittest.TestCase):
    program = None

    def read(self, folder, *options):
        """Of each packet: the number it was sealed with, the inner flow label and length."""
        out = run("tshark", "-n", "-r", os.path.join(folder, "esp.pcap"), *options, "-Tfields",
                  "-Eseparator=;", "-Eoccurrence=a", "-e", "esp.sequence", "-e", "ipv6.flow",
                  "-e", "ipv6.plen", "-e", "ipv6.dst", env={**os.environ, "HOME": folder},
                  stderr=subprocess.DEVNULL)
        return [line.split(";") for line in out.splitlines()]

    def test_decrypted(self):
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, "keys")
            with open(log, "w") as f:
                f.write("HELLO of no use here\n" +
                        run(self.program, os.path.join(folder, "esp.pcap")) + "DATA cut sho")
            sealed = self.read(folder)
            options = ["-o", "esp.enable_encryption_decode:TRUE"]
            for line in run(str(SCRIPT), log, "--workers", "3").splitlines():
                options += ["-o", f"uat:esp_sa:{line}"]
            opened = self.read(folder, *options)
        self.assertEqual(len(sealed), 12)
        self.assertEqual([row[3].count(",") for row in sealed], [0] * 12)
        for number, (_, flow, length, destination) in enumerate(opened):
            lane, node = number % 6, number // 6 + 1
            with self.subTest(number=number):
                self.assertTrue(destination.endswith(",2001:db8:a::100"))
                self.assertEqual(int(flow.split(",")[1], 0), lane + 1)
                self.assertEqual(int(length.split(",")[1]), 100 * node + 7 * lane - 40)


if __name__ == "__main__":
    EspKeys.program = sys.argv.pop(1)
    unittest.main()
