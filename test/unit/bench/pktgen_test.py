# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench/harness on its way to Pktgen and back, without Pktgen: a shell script stands in."""

import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

sys.dont_write_bytecode = True
BENCH = Path(__file__).resolve().parents[3] / "scripts" / "bench"
sys.path.insert(0, str(BENCH / "harness"))

# pylint: disable=wrong-import-position
import machine  # noqa: E402
import main  # noqa: E402
import packets  # noqa: E402
import pktgen  # noqa: E402
import pktgen_plan  # noqa: E402
import pktgen_report  # noqa: E402
import pktgen_rows  # noqa: E402
import report  # noqa: E402
from programs import BenchError  # noqa: E402

TRIAL = {"asked": 1000.0, "offered": 990.0, "delivered": 990.0, "sent": 1980, "received": 1980,
         "lost": 0, "loss": 0.0, "missed": 0, "seconds": 2.0, "short": False, "pps": 1000.0}


def lua_says(text):
    """What lua5.4 makes of a literal."""
    done = subprocess.run(["lua5.4", "-e", f"local v = {text} io.write(type(v) == 'table' and"
                           " (v.a or '') .. (v[1] or '') .. #v or tostring(v))"],
                          capture_output=True, text=True, check=True)
    return done.stdout


class Parameters(unittest.TestCase):
    def test_literals(self):
        for value, said in ((None, "nil"), (True, "true"), (3, "3"), (2.5, "2.5"),
                            (1e-9, "1e-09"), ([7, 8], "72"), ({"a": 5, "b": None}, "50"),
                            ('q"\\\n\x00\x7f\u00e9', 'q"\\\n\x00\x7f\u00e9')):
            self.assertEqual(lua_says(pktgen.lua(value)), said)

    def test_lcores(self):
        self.assertEqual(pktgen.lcores("0,1"), ([0, 1], "1.[0-1]"))
        self.assertEqual(pktgen.lcores("4,2,3"), ([4, 2, 3], "[2:3].[0-1]"))
        for text in ("1", "1,1", "1,2,3,4", "a,b", ""):
            with self.assertRaises(ValueError):
                pktgen.lcores(text)

    def test_ports(self):
        """Cards get their numbers by address."""
        low, high = "0000:3b:00.0", "0000:af:00.1"
        for tx, rx, number in ((low, high, 0), (high, low, 1), ("net_memif1", "net_memif0", 0),
                               ("af:00.0", low, 1), ("0001:01:00.0", "af:00.0", 1)):
            ports = pktgen.Ports(tx, rx)
            self.assertEqual((ports.tx, ports.rx), (number, 1 - number))
        self.assertEqual(pktgen.Ports(low, high).eal(), ["-a", low, "-a", high])
        self.assertEqual(pktgen.Ports("net_memif0", "net_memif1").eal(lambda d: d + ",x"),
                         ["--vdev", "net_memif0,x", "--vdev", "net_memif1,x"])


class Runs(unittest.TestCase):
    """The program is a shell script that gets what Pktgen gets."""

    def setUp(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_it(self, script, seconds=10):
        program = self.directory / "pktgen"
        program.write_text(f"#!/bin/sh\nresult=$(sed 's/.*\\[\"result\"\\]=\"//; s/\".*//'"
                           f" \"$HAMD_PKTGEN_PARAMS\")\n{script}\n")
        program.chmod(0o755)
        it = pktgen.Pktgen(program, self.directory, cores=pktgen.lcores("0,1"), memory_mb=4096,
                           is_virtual=True)
        with mock.patch.object(pktgen, "START_S", 0):
            return it.run("rfc2544", ["--vdev", "net_memif0"], {1: "b", 0: "a"}, {"x": 1}, seconds)

    def test_result(self):
        got = self.run_it('test -t 0 && test -t 1 || exit 9\n'
                          'echo "{\\"words\\": \\"$*\\"}" >"$result"')
        words = got["words"].split()
        self.assertEqual(words[:4], ["-l", "0,1", "-m", "4096"])
        self.assertIn("--no-huge", words)
        self.assertIn("-s 0:a -s 1:b -f", got["words"])
        self.assertTrue(Path(words[-1]).exists(), words[-1])

    def test_faults(self):
        for script, why in (
                ('echo "{\\"error\\": \\"port 1 has no link\\"}" >"$result"; exit 1',
                 "rfc2544.lua: port 1 has no link"),
                ("echo PANIC in somewhere; echo more words; exit 3",
                 "ended with 3, rfc2544.lua has no result: PANIC in somewhere"),
                ("printf '\\033[2;1Hlast words'; exit 0", "no result: last words"),
                ("exit 4", "it said nothing"),
                ('echo "{" >"$result"', "is no JSON"),
                ('echo "{}" >"$result"; exit 5', "ended with 5 after")):
            with self.assertRaisesRegex(BenchError, re.escape(why)):
                self.run_it(script)

    def test_time(self):
        start = time.monotonic()
        with self.assertRaisesRegex(BenchError, "ran out of time"):
            self.run_it("exec sleep 60", 0.5)
        self.assertLess(time.monotonic() - start, 50)  # of 60

    def test_an_old_result_is_no_result(self):
        (self.directory / "rfc2544.result").write_text("{}")
        with self.assertRaisesRegex(BenchError, "has no result"):
            self.run_it("exit 0")

    def test_no_program(self):
        it = pktgen.Pktgen("/nonexistent", self.directory, cores=pktgen.lcores("0,1"),
                           memory_mb=1, is_virtual=False)
        with self.assertRaisesRegex(BenchError, "cannot be run: No such file"):
            it.run("rfc2544", [], {}, {}, 1)


class Captures(unittest.TestCase):
    def setUp(self):
        self.plan = pktgen_plan.Plan(100)

    @staticmethod
    def upper(frame):
        return frame[packets.ETHER + 6]

    def test_updates(self):
        """Four rounds that turn: each newer than the one before, each another care-of address."""
        frames = self.plan.updates(0)
        self.assertEqual(len(frames), 4 * self.plan.round_frames())
        updates = [f for f in frames if self.upper(f) == packets.DEST_OPTIONS]
        self.assertEqual(len(updates), 400)
        at = packets.ETHER + packets.IP6 + 24
        for n in range(100):
            of_node = updates[n::100]
            numbers = [struct.unpack_from("!H", f, at + 6)[0] for f in of_node]
            for now, then in zip(numbers, numbers[1:] + numbers[:1]):
                self.assertLess((then - now) % 65536, 32768)
                self.assertNotEqual(then, now)
            self.assertEqual(len({f[packets.SRC_AT:packets.SRC_AT + 16] for f in of_node}), 4)
            for f in of_node:
                hoa, ha = f[at - 16:at], f[packets.DST_AT:packets.DST_AT + 16]
                self.assertEqual(packets.checksum(hoa, ha, packets.MOBILITY, f[at:]), 0)
        self.assertEqual(len({f[at - 16:at] for f in updates}), 100)

    def test_rounds_go_on(self):
        self.assertEqual(self.plan.updates(3)[:102], self.plan.updates(0)[3 * 102:])
        self.assertEqual(self.plan.updates(4), self.plan.updates(0))

    def test_asides(self):
        """An advertisement stands before the first Binding Update, and none is far from one."""
        kinds = [self.upper(f) == packets.ICMP6 for f in self.plan.round(0)]
        self.assertTrue(kinds[0])
        self.assertEqual(sum(kinds), self.plan.round_frames() - 100)
        self.assertLess("".join("A" if k else "u" for k in kinds).rfind("A"), 100)

    def test_data(self):
        frames = self.plan.data(self.plan.to_mobile(78), self.plan.cn_aside())
        self.assertEqual(self.upper(frames[0]), packets.ICMP6)
        self.assertEqual({len(f) for f in frames[1:]}, {74})
        self.assertEqual(len({f[packets.DST_AT:packets.DST_AT + 16] for f in frames[1:]}), 100)

    def test_tunnels_match_updates(self):
        """What comes out of tunnels has the care-of address of the round that is in force."""
        for r in (0, 5):
            for data, update in zip(self.plan.data(self.plan.from_mobile(78, r)), (
                    f for f in self.plan.round(r) if self.upper(f) == packets.DEST_OPTIONS)):
                self.assertEqual(data[packets.SRC_AT:packets.SRC_AT + 16],
                                 update[packets.SRC_AT:packets.SRC_AT + 16])
                at = packets.ETHER + packets.IP6 + 8
                self.assertEqual(data[packets.INNER_SRC_AT:packets.INNER_SRC_AT + 16],
                                 update[at:at + 16])

    def test_sizes(self):
        self.assertEqual([self.plan.octets("imix", n) for n in (0, 27, 28, 43, 44, 47, 48)],
                         [74, 74, 566, 566, 1514, 1514, 74])
        small = pktgen_plan.Plan(1, largest=pktgen_rows.MEMIF_LARGEST)
        self.assertEqual(small.octets(1518, 0) + pktgen_plan.TUNNEL, 1514)
        # Pktgen's names for sizes count the checksum.
        self.assertGreaterEqual(pktgen_plan.CHURN + pktgen_plan.TUNNEL, 128)
        self.assertLessEqual(pktgen_plan.CHURN + pktgen_plan.TUNNEL, 255)


class FakeSession(SimpleNamespace):
    """Results of scripts as they are given."""

    def __init__(self, got, is_functional=True, **more):
        super().__init__(
            options=SimpleNamespace(precision=0.1, trial_seconds=2, max_pps=1000, moves_per_s=100,
                                    churn_pps=None),
            plan=pktgen_plan.Plan(10, largest=1478), ports=pktgen.Ports("net_memif0", "net_memif1"),
            rounds=2, ndr_pps=None, is_functional=is_functional, directory=Path("/tmp"), got=got,
            asked=[], summary={"used-to": 10, "used-from": 10}, **more)

    def run(self, script, seconds, captures, **params):
        self.asked.append((script, captures, params))
        return self.got

    def prepare(self):
        pass

    def inside(self):
        return None

    def show(self, what):
        return self.summary if what == "summary" else None

    flow = pktgen_rows.Session.flow


def found(**changes):
    limit = {"found": True, "limited_by": "loss", "trial": TRIAL, "loss": 0}
    return {"mrr": TRIAL, "trials": [TRIAL], "max_pps": 1000, "limits": {
        "ndr": limit, "pdr": limit, **changes}}


class Rows(unittest.TestCase):
    def row(self, name):
        return next(r for r in pktgen_rows.PKTGEN_ROWS if r.name == name)

    def measure(self, name, got, **kind):
        session = FakeSession(got, **kind)
        return self.row(name).measure(SimpleNamespace(session=session)), session

    def test_names(self):
        names = [r.name for r in pktgen_rows.PKTGEN_ROWS + main.ROWS]
        self.assertEqual(len(set(names)), len(names))

    def test_rates(self):
        result, session = self.measure("pktgen-intercept-78", found())
        self.assertEqual(result["status"], "functional")
        self.assertAlmostEqual(result["value"], 990 / 1e6)
        self.assertEqual(session.ndr_pps, 1000)
        script, captures, params = session.asked[0]
        self.assertEqual(script, "rfc2544")
        self.assertEqual(params["flows"], [{"from": 0, "to": 1}])
        self.assertEqual(params["keeper"]["port"], 1)
        self.assertEqual(len(captures[1][0]), 1)
        self.assertEqual(self.measure("pktgen-intercept-78", found(), is_functional=False)[0][
            "status"], "ok")

    def test_both(self):
        result, session = self.measure("pktgen-both-imix", found())
        self.assertEqual(result["directions"], 2)
        _, captures, params = session.asked[0]
        self.assertEqual(params["flows"], [{"from": 0, "to": 1}, {"from": 1, "to": 0}])
        self.assertIsNone(params["keeper"])
        for frames, asides in captures.values():
            self.assertEqual(asides, len(frames))
        self.assertIn("both directions", pktgen_report.value(result))

    def test_nothing_without_loss(self):
        none = {"found": False, "limited_by": "loss", "trial": False, "loss": 0}
        result, _ = self.measure("pktgen-intercept-78", found(ndr=none))
        self.assertEqual((result["status"], result["value"]), ("functional", 0.0))
        self.assertIn("NDR none, PDR 0.00099", pktgen_report.value(result))
        self.assertIn("lost at the lowest rate", report.table([result]))

    def test_void(self):
        missed = {**found()["limits"]["ndr"], "trial": {**TRIAL, "missed": 3}}
        result, _ = self.measure("pktgen-intercept-78", found(pdr=missed))
        self.assertEqual(result["status"], "void")
        session = FakeSession(found())
        session.summary["used-to"] = 3
        result = self.row("pktgen-intercept-78").measure(SimpleNamespace(session=session))
        self.assertEqual(result["status"], "void")

    def test_latency(self):
        got = {"trial": TRIAL, "samples": 0, "stamped": 0, "skipped": 0}
        result, _ = self.measure("pktgen-latency", got)
        self.assertEqual(result["status"], "not shown")
        self.assertIn("stamps IPv4", report.table([result]))
        us = {"min": 1, "p50": 2, "p90": 3, "p99": 4, "p999": 5, "max": 6}
        result, _ = self.measure("pktgen-loop-latency", {**got, "samples": 9, "us": us})
        self.assertEqual((result["status"], result["value"]), ("functional", 2))
        self.assertEqual(pktgen_report.value(result), "p50 2, p99 4, p999 5, max 6 us")

    def test_churn(self):
        got = {"rest": TRIAL, "moving": TRIAL, "moves": 200, "moves_per_s": 98.0,
               "acknowledged": 200, "blocked_s": 0.02, "blocked_per_move_s": 0.001,
               "blocked_at_rest_s": 0.0, "rounds": 21}
        result, session = self.measure("pktgen-churn", got)
        self.assertEqual((result["status"], result["value"]), ("functional", 1.0))
        self.assertEqual(session.rounds, 23)
        _, captures, params = session.asked[0]
        self.assertEqual(captures[1][0], session.plan.updates(2))
        self.assertEqual(params["flows"][0]["sizes"], ["_128_255"])
        self.assertIn("1 ms a move, 20 ms in all (200 moves", pktgen_report.value(result))
        self.assertEqual(self.measure("pktgen-churn", {**got, "acknowledged": 100})[0]["status"],
                         "void")


class Inside(unittest.TestCase):
    def test_cycles(self):
        """Of both directions: not every packet sees every stage."""
        result = {}
        pktgen_rows.add_inside(result, {"a": 1, "b": 2}, {"rx": (0, 0), "encap": (5, 100)},
                               {"a": 1, "b": 5}, {"rx": (100, 1000), "encap": (55, 1100)})
        self.assertEqual(result["counters"], {"b": 3})
        self.assertEqual(result["stages"], {"rx": 10, "encap": 20})
        self.assertEqual(result["cycles"], 20)


class WholeRuns(unittest.TestCase):
    """From the command line to the report, with a console that is not Pktgen's."""

    FAKE = ["--pktgen", str(Path(__file__).resolve().parents[1] / "pktgen" / "fake-pktgen")]

    def setUp(self):
        self.directory = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_it(self, *args):
        """{row: result}"""
        with mock.patch.object(pktgen_rows, "free_hugepages_mb", return_value=4096), \
                mock.patch.object(os, "sched_getaffinity", return_value={0, 1}), \
                mock.patch.object(main, "say"), mock.patch.object(report, "plots"):
            self.status = main.main([*self.FAKE, *args, "--out", str(self.directory)])
        rows = json.loads((self.directory / "report.json").read_text())["rows"]
        return {r["row"]: r for r in rows}

    def test_cards(self):
        rows = self.run_it("--tx-port", "3b:00.1", "--rx-port", "3b:00.0", *Calls.MACS,
                           "--bindings", "64", "--max-pps", "20000", "--trial-seconds", "1",
                           "--precision", "0.1", "pktgen-intercept-78", "pktgen-both-imix",
                           "pktgen-latency", "pktgen-churn")
        self.assertEqual({r["status"] for r in rows.values()}, {"ok"}, rows)
        self.assertEqual(self.status, 0)
        for row, pps in (("pktgen-intercept-78", 8000), ("pktgen-both-imix", 16000)):
            self.assertAlmostEqual(rows[row]["ndr"]["offered"] / pps, 1, delta=0.15)
            self.assertEqual(rows[row]["ndr"]["lost"], 0)
        self.assertEqual(rows["pktgen-latency"]["latency-us"]["p50"], 50)
        self.assertEqual(rows["pktgen-churn"]["acknowledged"], rows["pktgen-churn"]["moves"])

    def test_loop(self):
        rows = self.run_it("--tx-port", "net_memif0", "--rx-port", "net_memif1", "--loop")
        self.assertEqual({r["status"] for r in rows.values()}, {"functional"})
        self.assertEqual(set(rows), {"pktgen-loop-78", "pktgen-loop-latency"})

    def test_void(self):
        """A home agent that answers nobody: every row says so, none has a figure."""
        with mock.patch.dict(os.environ, {"FAKE_PKTGEN_ANSWERS": "0"}):
            rows = self.run_it("--tx-port", "3b:00.1", "--rx-port", "3b:00.0", *Calls.MACS,
                               "--bindings", "64", "pktgen-intercept-78")
        self.assertEqual(self.status, 1)
        self.assertEqual(rows["pktgen-intercept-78"]["status"], "void")
        self.assertIn("of 64 Binding Updates 0 were acknowledged",
                      rows["pktgen-intercept-78"]["why"])


class Machine(unittest.TestCase):
    def test_huge_pages(self):
        text = "MemAvailable:  2048000 kB\nHugePages_Free:        3\nHugepagesize:    1048576 kB\n"
        with mock.patch.object(Path, "read_text", return_value=text):
            self.assertEqual(machine.free_hugepages_mb(), 3072)
            self.assertEqual(machine.free_mb(), 2000)


class Report(unittest.TestCase):
    def test_written(self):
        rated = {"row": "pktgen-both-78", "title": "t", "status": "functional", "unit": "Mpps",
                 "bindings": 10, "must": None, "aim": None, "value": 0.001, "conditions": [],
                 "directions": 2, "size": 78, "largest": 1478, "mrr": TRIAL, "ndr": TRIAL,
                 "pdr": None, "trials": [TRIAL, {**TRIAL, "loss": 0.5}],
                 "stages": {"rx": 1.0, "tx": 2.0}, "cycles": 3.0}
        timed = {"row": "pktgen-loop-latency", "status": "functional", "unit": "us", "value": 2,
                 "conditions": [], "samples": 3, "latency-us": {
                     "min": 1, "p50": 2, "p90": 3, "p99": 4, "p999": 5, "max": 6}}
        whole = {"format": 1, "environment": {"label": "functional"}, "rows": [rated, timed]}
        with tempfile.TemporaryDirectory() as directory:
            plotted = report.write(whole, directory)
            text = (Path(directory) / "report.md").read_text()
            self.assertEqual(json.loads((Path(directory) / "report.json").read_text()), whole)
            self.assertIn("NDR 0.00099, PDR none, MRR 0.00099 Mpps, both directions, 3 cycles a"
                          " packet", text)
            self.assertIn("added up", text)
            self.assertIn("The largest frames have 1478 octets", text)
            self.assertIn("rx 1, tx 2", text)
            if plotted:
                for name in ("pktgen-rates.png", "pktgen-loss.svg", "pktgen-latency.png"):
                    self.assertGreater((Path(directory) / name).stat().st_size, 1000)

    def test_counted(self):
        """scripts/test takes a functional row for a test that passed."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "report.json"
            path.write_text(json.dumps({"rows": [
                {"row": name, "status": status, "conditions": [], "why": "so"} for name, status in
                (("a", "functional"), ("b", "void"), ("c", "not shown"))]}))
            done = subprocess.run([sys.executable, BENCH.parent / "results.py", "bench", path],
                                  capture_output=True, text=True)
        self.assertEqual(done.stdout.splitlines()[-1], "1 1 1")


class Calls(unittest.TestCase):
    MEMIF = ["--pktgen", "/bin/true", "--tx-port", "net_memif0", "--rx-port", "net_memif1"]
    CARDS = ["--pktgen", "/bin/true", "--tx-port", "3b:00.0", "--rx-port", "3b:00.1"]
    MACS = ["--tx-mac", "02:00:00:00:00:0a", "--rx-mac", "02:00:00:00:00:0b"]

    def run_it(self, *args):
        return subprocess.run([BENCH / "run", *args], capture_output=True, text=True,
                              env={**os.environ, "COLUMNS": "200"})

    def test_refused(self):
        for args, why in (
                (["--tx-port", "net_memif0"], "--tx-port goes with --pktgen"),
                (["--loop"], "--loop goes with --pktgen"),
                (["--pktgen", "/nonexistent", *self.MEMIF[2:]], "get-pktgen builds it"),
                (self.MEMIF[:4], "needs --tx-port and --rx-port"),
                ([*self.MEMIF[:5], "net_memif0"], "are the same"),
                ([*self.MEMIF[:5], "3b:00.0"], "two PCI addresses, or"),
                ([*self.CARDS[:3], "eth0", *self.CARDS[4:]], "--tx-port: two PCI addresses, or"),
                (self.CARDS, "--tx-mac: the Ethernet address of hamd's port"),
                ([*self.CARDS, *self.MACS[:2]], "--rx-mac: the Ethernet address"),
                ([*self.CARDS, *self.MACS[:3], "2:b"], "--rx-mac: the Ethernet address"),
                ([*self.MEMIF, "--bindings", "4097"], "--bindings: 1 to 4096"),
                ([*self.MEMIF, "--precision", "0"], "--precision: 0.001 to 0.5"),
                ([*self.MEMIF, "--trial-seconds", "0.5"], "--trial-seconds: 1 to 3600"),
                ([*self.MEMIF, "--pktgen-lcores", "1"], "invalid lcores value"),
                ([*self.MEMIF, "--smoke"], "--smoke is without Pktgen"),
                ([*self.MEMIF, "intercept-10k"], "no such row"),
                ([*self.CARDS, "--loop", "pktgen-churn"], "no such row")):
            done = self.run_it(*args)
            self.assertEqual(done.returncode, 2, (args, done.stderr))
            self.assertIn(why, done.stderr)

    def rows(self, *args):
        return {r.name for r in main.options([*args]).selected}

    def test_rows(self):
        self.assertIn("pktgen-loop-78", self.rows(*self.MEMIF))
        self.assertIn("pktgen-churn", self.rows(*self.MEMIF))
        self.assertNotIn("pktgen-loop-78", self.rows(*self.CARDS, *self.MACS))
        self.assertEqual(self.rows(*self.CARDS, "--loop"),
                         {"pktgen-loop-78", "pktgen-loop-latency"})
        self.assertFalse(any(n.startswith("pktgen") for n in self.rows()))

    def test_defaults(self):
        memif, cards = main.options(self.MEMIF), main.options([*self.CARDS, *self.MACS])
        self.assertEqual((memif.bindings, cards.bindings), (256, 4096))
        self.assertEqual((memif.max_pps, cards.max_pps), (20000, None))
        self.assertEqual(memif.pktgen_lcores, ([0, 1], "1.[0-1]"))

    def test_config(self):
        done = self.run_it("--hamd-config")
        config = json.loads(done.stdout)
        self.assertEqual(config["runtime"]["max-bindings"], 4096)
        self.assertEqual([p["mtu"] for p in config["ports"]], [1600, 1600])


if __name__ == "__main__":
    unittest.main()
