# SPDX-License-Identifier: BSD-3-Clause
"""scripts/wireshark/hamd.lua reads what the mesh's encoders wrote.

    dissector_test.py PATH-OF-MESH_CAPTURE
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "wireshark" / "hamd.lua"
PORT = 7077
FIELDS = (
    ["hamd." + name for name in (
        "type", "version", "node", "sender", "receiver", "from", "ephemeral", "stamp", "empty",
        "mac1", "mac2", "has_cookie", "nonce", "cookie", "counter", "sealed", "sealed.len", "tag",
        "bad_length", "bad_type", "other_version")] +
    ["hamd_hello." + name for name in (
        "type", "version", "node", "key", "counter", "sealed", "sealed.len", "tag",
        "bad_length", "bad_type", "other_version")] +
    ["_ws.malformed"])
MORE = ["_ws.col.Protocol", "_ws.col.Info", "udp.checksum.status", "_ws.expert.message"]
BYTES = ("ephemeral", "stamp", "empty", "mac1", "mac2", "nonce", "cookie", "sealed", "tag")
# What mesh_capture's say_records() tells, as tshark says it; a field that is not there is "".
NAMES = ("item.hoa", "item.ha", "record.coa", "record.tombstone", "record.no_coa", "record.claim",
         "record.has_by", "item.by_stamp", "record.flags", "item.epoch", "item.ext_seq",
         "record.hlc", "record.node", "record.owner.epoch", "record.owner.ext_seq",
         "record.owner.term", "record.owner", "record.lifetime", "record.remaining",
         "record.remaining.term", "record.remaining.node", "item.stamp", "record.mtu",
         "record.mtu.age", "item.field", "section.domain", "delta.stream", "delta.seen",
         "delta.told", "delta.end", "delta.number", "delta.first", "delta.last")
RECORD = ("2001:db8:1::9", "2001:db8:1::1", "2001:db8:2::1", "0", "0", "0", "1", "1", "0xc000",
          "300", str(1 << 63), "0x0000000000001234", "2", "299", str(1 << 40), "200", "3", "3600",
          "3599000", "130", "4", "0x0000000000abcdef", "1400", "77", "7", "0x00000007",
          "", "", "", "", "", "", "")
TOMBSTONE = ("2001:db8:1::9", "2001:db8:1::9", "", "1", "1", "1", "0", "0", "0x0000", "1", "5",
             "0x0000000000000008", "2", "1", "5", "0", "2", "0", "10000", "", "", "", "", "", "",
             "0x00000007", "", "", "", "", "", "", "")
PAIR = ("2001:db8:1::9", "2001:db8:3::1", "", "", "", "", "", "0", "", "2", "70000", "", "", "", "",
        "", "", "", "", "", "", "0x0000000000000063", "", "", "", "0x00000007", "2", "1", "1", "0",
        "6", "300", str(1 << 40))
EXPERT = ("bad_length", "bad_type", "other_version")


def value(name, text):
    """Numbers as numbers, octets as they are printed; that an expert speaks up is enough."""
    last = name.split(".", 1)[1]
    if last in EXPERT:
        return True
    return text.replace(":", "") if last in BYTES else int(text, 0)


class Dissector(unittest.TestCase):
    program = None

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            capture = os.path.join(folder, "mesh.pcap")
            keys = os.path.join(folder, "keys")
            said = subprocess.run([cls.program, capture, str(PORT), keys], check=True, text=True,
                                  stdout=subprocess.PIPE).stdout
            cls.said = [dict(pair.split("=", 1) for pair in line.split())
                        for line in said.splitlines()]
            cls.read, cls.more = [], []
            for line in cls.tshark(capture):
                cells = line.split(";")
                cls.read.append({name: text for name, text in zip(FIELDS, cells) if text != ""})
                cls.more.append(cells[len(FIELDS):])
            cls.records = [line.split(";") for line in cls.tshark(
                capture, ["hamd." + name for name in NAMES] + ["hamd.bad_item"],
                "-Y", "hamd.item.hoa", "-o", f"hamd.key_log:{keys}")]

    @staticmethod
    def tshark(capture, fields=tuple(FIELDS + MORE), *more):
        run = subprocess.run(
            ["tshark", "-n", "-r", capture, "-X", f"lua_script:{SCRIPT}", "-o",
             f"hamd.port:{PORT}", "-o", "udp.check_checksum:TRUE", "-Tfields", "-Eseparator=;",
             *[arg for field in fields for arg in ("-e", field)], *more],
            check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "HOME": os.path.dirname(capture)})     # nobody's own settings
        if "rror" in run.stderr:
            raise AssertionError(run.stderr)
        return run.stdout.splitlines()

    def test_each_field(self):
        self.assertEqual(len(self.read), len(self.said))
        for number, (read, said) in enumerate(zip(self.read, self.said), 1):
            if any(name.split(".")[-1] in EXPERT for name in said):     # the verdict is enough
                read = {name: text for name, text in read.items()
                        if name.split(".")[-1] in EXPERT}
            with self.subTest(frame=number):
                self.assertEqual({name: value(name, text) for name, text in read.items()},
                                 {name: value(name, text or "") for name, text in said.items()})

    def test_records(self):
        """With keys: each way in which a record is told, and one that lacks its end."""
        whole, broken, tombstone, pair = self.records
        for read, said in ((whole, RECORD), (tombstone, TOMBSTONE), (pair, PAIR)):
            self.assertEqual(dict(zip(NAMES, read)), dict(zip(NAMES, said)))
            self.assertEqual(read[-1], "")
        self.assertEqual(broken[:2], list(RECORD[:2]))
        self.assertNotEqual(broken[-1], "")

    def test_all_kinds(self):
        kinds = {said.get("hamd.type") for said in self.said}
        self.assertEqual(kinds, {"1", "2", "3", "4", None})
        cookies = {said["hamd.has_cookie"] for said in self.said if said.get("hamd.type") == "1"}
        self.assertEqual(cookies, {"0", "1"})
        lengths = {said["hamd.sealed.len"] for said in self.said if said.get("hamd.type") == "4"}
        self.assertTrue({"0", "1", "1200"} <= lengths)
        self.assertGreater(sum("hamd_hello.node" in said for said in self.said), 4)

    def test_columns(self):
        info = [f"{cells[0]};{cells[1]}" for cells in self.more]
        self.assertTrue(info[0].startswith("HAMD;Handshake initiation, node 1, number 0x"))
        self.assertTrue(info[1].startswith("HAMD;Handshake response, node 2, number 0x"))
        self.assertRegex(info[2], "^HAMD;Data from node 1, to 0x[0-9a-f]{6}01, counter 0, "
                         "nothing but a sign of life$")
        self.assertTrue([line for line in info if line.startswith("HAMD hello;Hello of node 2")])

    def test_nothing_broken(self):
        for cells in self.more:
            self.assertEqual(cells[2], "1", "checksum")
            self.assertNotIn("Lua", cells[3])


if __name__ == "__main__":
    Dissector.program = sys.argv.pop(1)
    unittest.main()
