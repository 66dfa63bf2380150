# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench/harness without DPDK: figures from programs that only pretend to run."""

import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
BENCH = Path(__file__).resolve().parents[3] / "scripts" / "bench"
sys.path.insert(0, str(BENCH / "harness"))

# pylint: disable=wrong-import-position
import around  # noqa: E402
import joins  # noqa: E402
import main  # noqa: E402
import measure  # noqa: E402
import packets  # noqa: E402
import programs  # noqa: E402
import report  # noqa: E402
import rows  # noqa: E402
import scenario  # noqa: E402
import site_rows  # noqa: E402
import takeover  # noqa: E402
import trials  # noqa: E402


class FakeTelemetry:
    def __init__(self, pps, sent):
        self.pps, self.sent, self.ns = pps, sent, 0

    def stats(self):
        self.ns += 10 ** 9
        received = self.pps * self.ns // 10 ** 9
        return self.ns, received, int(received * self.sent)


class FakeProgram:
    def __init__(self, name, pps, sent=1.0):
        self.name, self.runs, self.log = name, False, []
        self.telemetry = FakeTelemetry(pps, sent)

    def resume(self):
        self.runs = True
        self.log.append("resume")

    def pause(self):
        self.runs = False
        self.log.append("pause")


def a_row(**changes):
    return {"row": "r", "title": "t", "status": "ok", "unit": "ratio", "bindings": 10000,
            "must": 0.5, "aim": 0.8, "value": 0.6, "conditions": [],
            "ratio": {"median": 0.6, "min": 0.5, "max": 0.7}, **changes}


class Measure(unittest.TestCase):
    def setUp(self):
        patch = mock.patch("time.sleep")
        patch.start()
        self.addCleanup(patch.stop)

    def test_in_turn(self):
        programs = [FakeProgram(n, 10 ** 6) for n in ("floor", "l3fwd", "hamd")]
        taken = measure.rounds(programs, 3, 1)
        for p in programs:
            self.assertEqual(p.log, ["resume", "pause"] * 3)
            self.assertFalse(p.runs)
            self.assertEqual(len(taken[p.name]), 3)

    def test_paused_after_an_error(self):
        program = FakeProgram("hamd", 1)
        program.telemetry.stats = mock.Mock(side_effect=OSError)
        with self.assertRaises(OSError):
            measure.take_turn(program, 1)
        self.assertFalse(program.runs)

    def test_figures(self):
        taken = measure.rounds([FakeProgram("floor", 40 * 10 ** 6),
                                FakeProgram("l3fwd", 20 * 10 ** 6),
                                FakeProgram("hamd", 10 * 10 ** 6, 0.5)], 5, 1)
        result = measure.compare(taken)
        self.assertAlmostEqual(result["ratio"]["median"], 0.5)
        self.assertAlmostEqual(result["net"]["median"], 3.0)  # (100 - 25) / (50 - 25)
        self.assertAlmostEqual(result["hamd"]["ns"]["median"], 100)
        self.assertAlmostEqual(taken["hamd"][0].sent, 0.5)

    def test_without_peer(self):
        taken = measure.rounds([FakeProgram("floor", 2), FakeProgram("hamd", 1)], 5, 1)
        self.assertNotIn("ratio", measure.compare(taken))


class Rows(unittest.TestCase):
    def test_names(self):
        names = [r.name for r in rows.ROWS]
        self.assertEqual(len(set(names)), len(names))
        self.assertTrue(any(r.smoke for r in rows.ROWS))

    def status(self, value, met=True, **kind):
        def run(options, directory, row, result):
            result["value"] = value
            rows.condition(result, "c", 1 if met else 0, 1)
        row = rows.Row("r", "t", run, **kind)
        with mock.patch.object(rows, "hugepages"), mock.patch.object(rows, "free_mb",
                                                                     return_value=10 ** 6):
            return row.measure(None)["status"]

    def test_status(self):
        self.assertEqual(self.status(0.6, must=0.5), "ok")
        self.assertEqual(self.status(0.4, must=0.5), "short")
        self.assertEqual(self.status(0.6, must=0.5, met=False), "void")
        self.assertEqual(self.status(300, must=400, less_is_more=True), "ok")
        self.assertEqual(self.status(500, must=400, less_is_more=True), "short")
        self.assertEqual(self.status(None, must=0.5), "ok")

    def test_also(self):
        """A second figure of a row has limits of its own."""
        for value, status in ((2, "ok"), (2.1, "short")):
            def run(options, directory, row, result, value=value):
                result |= {"value": 50, "also": [{"value": value, "must": 2}]}
            row = rows.Row("r", "t", run, must=60, less_is_more=True)
            with mock.patch.object(rows, "hugepages"), \
                    mock.patch.object(rows, "free_mb", return_value=10 ** 6):
                self.assertEqual(row.measure(None)["status"], status)

    def test_too_little_memory(self):
        row = rows.Row("r", "t", None, bindings=10 ** 7)
        with mock.patch.object(rows, "free_mb", return_value=1000):
            self.assertEqual(row.measure(None)["status"], "not shown")


def unmet(result):
    return [c["condition"] for c in result["conditions"] if not c["met"]]


def a_book(flow, **changes):
    return {"flow": flow, "sent": 100, "got": 100, "duplicates": 0, "overtaken": 0, "old-link": 0,
            "stray": 0, "wrong-source": 0, "silence-ns": 10 ** 6, "slowest-ns": 10 ** 6, **changes}


class Trials(unittest.TestCase):
    def test_percentile(self):
        for percent, value in ((0, 1), (50, 5), (51, 6), (99, 10), (100, 10)):
            self.assertEqual(trials.percentile(range(10, 0, -1), percent), value)
        self.assertEqual(trials.percentile([7], 50), 7)

    def test_totals(self):
        got = trials.totals([a_book("0-to-1", got=98, **{"silence-ns": 5 * 10 ** 6}),
                             a_book("0-from-1", got=99), a_book("0-to-2", duplicates=2)])
        self.assertEqual((got["sent"], got["lost"], got["lost-to"], got["lost-from"]),
                         (300, 3, 2, 1))
        self.assertEqual((got["silence-ms"], got["slowest-ms"], got["duplicates"]), (5, 1, 2))
        self.assertAlmostEqual(got["blocked-ms"], 3 / (2 * trials.RATE) * 1000)

    def missed(self, lost=0, due=100, moved=7, which="lost", **port):
        result = {"conditions": []}
        done = [{"sent": 100, "lost": n, "lost-to": 0, "due": due, "blocked-ms": n / 10,
                 "moved": moved} for n in (0, lost)]
        trials.losses(result, done, [{"refused": 0, "missed": 0, **port}], which, moved=7)
        return result["value"], unmet(result)

    def test_spoilt(self):
        """What the bench lost itself, did not send or did not do is no figure of hamd's."""
        own, sent = "no packet lost by the bench itself", "packets sent, of what was due"
        self.assertEqual(self.missed(), (0, []))
        self.assertEqual(self.missed(lost=3), (3, []))
        self.assertEqual(self.missed(lost=3, which="lost-to"), (0, []))
        self.assertEqual(self.missed(missed=1), (0, [own]))
        self.assertEqual(self.missed(refused=1), (0, [own]))
        self.assertEqual(self.missed(due=102), (0, [sent]))
        self.assertEqual(self.missed(moved=6), (0, ["moved in each trial"]))

    @staticmethod
    def counted(turns, taken):
        """Numbers of the trials that count and of those that do not, of a limit of 10 ms. taken:
        each one's longest turn, and that of what was done before it, in ms."""
        longest, slow, now = 0, 0, iter(taken)

        def turn(ms):
            nonlocal longest, slow
            longest, slow = max(longest, ms * 1000), slow + (ms >= 10)

        def once(number):
            turn(row[1])
            return {"number": number}

        def prepare(_number):
            nonlocal row
            row = next(now)
            turn(row[0])
        row = None
        done, void = trials.counted(turns, once, lambda: (longest, slow), 10, prepare)
        return [t["number"] for t in done], [t["number"] for t in void]

    def test_void(self):
        """Done again; three in ten at most. What was before a trial is not the trial's."""
        self.assertEqual(self.counted(3, [(0, 1)] * 3), ([0, 1, 2], []))
        self.assertEqual(self.counted(5, [(0, 1), (0, 10), (0, 11), (0, 1), (0, 1), (0, 12),
                                          (0, 1)]), ([0, 1, 3, 4, 6], [2, 5]))
        self.assertEqual(self.counted(3, [(99, 1), (99, 9), (0, 1)]), ([0, 1, 2], []))
        # behind a longer one it is not known how long a slow turn was
        self.assertEqual(self.counted(3, [(99, 10), (0, 1), (0, 1), (0, 1)]), ([1, 2, 3], [0]))
        self.assertEqual(self.counted(5, [(0, 11), (0, 12), (0, 1), (0, 13)]), ([2], [0, 1, 3]))
        for turns, allowed in ((1, 0), (3, 1), (5, 2), (7, 3), (10, 4)):
            self.assertEqual(trials.voids_allowed(turns), allowed)
            self.assertLessEqual(10 * allowed, 3 * (allowed + turns))

    def judged(self, run, *took):
        """What counted() is told: look() where site 1, 2, ... has that longest turn in ms, or is
        away (None), and the limit."""
        world = {k: mock.Mock(longest=ms) for k, ms in enumerate(took, 1)}
        for site in world.values():
            site.hamd.is_running.return_value = site.longest is not None
            site.ctl.show.return_value = [{"rtt-ms": 5}]
        names = ("fill", "real_sites", "known", "calm", "counted")
        with contextlib.ExitStack() as stack:
            mocks = {name: stack.enter_context(mock.patch.object(joins, name)) for name in names}
            stack.enter_context(mock.patch.object(joins, "turns", lambda sites: (
                max(1000 * site.longest for site in sites), len(sites))))
            mocks["real_sites"].return_value.__enter__.return_value = (world, None)
            mocks["counted"].return_value = ([], [])
            run(mock.Mock(turns=5), ".", mock.Mock(bindings=10), {"conditions": []})
            _, _, look, limit = mocks["counted"].call_args.args[:4]
            return look(), limit

    def test_all_sites_and_hello_ms(self):
        """What makes a trial void, also where sites join and leave."""
        limit = joins.HELLO_MS
        self.assertEqual(self.judged(joins.snapshot, 5, None), ((5000, 1), limit))
        self.assertEqual(self.judged(joins.snapshot, 5, limit), ((1000 * limit, 1), limit))
        self.assertEqual(self.judged(joins.snapshot, 5, limit + 1), ((1000 * limit + 1000, 2), limit))
        self.assertEqual(self.judged(joins.survivors, 5, 6, None), ((6000, 2), limit))

    def test_moved(self):
        self.assertEqual(trials.moved({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "c": 2}),
                         {"b": 3, "c": -1})

    def test_told(self):
        result = {"conditions": []}
        self.assertTrue(trials.told(result, [{"a": 1}] * 5, [{"a": 2}], 5))
        self.assertEqual((len(result["trials"]), result["void-trials"]), (5, [{"a": 2}]))
        self.assertEqual(unmet(result), [])
        self.assertTrue(trials.told(result, [{"a": 1}] * 4, [], 5))
        self.assertEqual(unmet(result), ["trials that count, of those wanted"])
        self.assertFalse(trials.told({"conditions": []}, [], [{"longest-turn-us": 51000}], 5))

    def test_turns(self):
        """Of all lcores of all sites, and of what hello found out."""
        def a_site(*lcores, said=()):
            site = mock.Mock()
            site.ctl.show = lambda what: [{"longest-turn-us": us, "slow-turns": n}
                                          for us, n in lcores]
            site.hamd.lines = said
            return site
        self.assertEqual(around.turns([a_site((7, 0), (12000, 1)), a_site((11000, 2))]),
                         (12000, 3))
        self.assertEqual(around.turns([a_site((7, 0), said=[
            "info mesh: that site is up", "warn mesh: this site stood still ms=31"])]),
                         (31000, 1))


class CommitLatency(unittest.TestCase):
    def missed(self, **changes):
        result = {"conditions": []}
        trial = {"again": 0, "ba_waited": 1000, "ba_unconfirmed": 0}
        trial |= {"added-p50-ms": 20, "added-p99-ms": 30}
        site_rows.commit_figures(result, [trial, trial, trial | changes], 1000)
        return unmet(result)

    def test_figures(self):
        result = {"conditions": []}
        site_rows.commit_figures(result, [
            {"again": 0, "ba_waited": 1, "ba_unconfirmed": 0, "added-p50-ms": ms,
             "added-p99-ms": 2 * ms} for ms in (5, 90, 20)], 1)
        self.assertEqual((result["value"], result["added-p50-ms"]["min"]), (20, 5))
        self.assertEqual(result["added-p99-ms"], {"median": 40, "min": 10, "max": 180})

    def test_conditions(self):
        self.assertEqual(self.missed(), [])
        self.assertEqual(self.missed(again=1), ["no Binding Update sent again"])
        for waited in (999, 1001):  # not all did, or some that were not to
            self.assertEqual(len(self.missed(ba_waited=waited)), 1)
        self.assertEqual(self.missed(ba_unconfirmed=1),
                         ["none left before the other site had the binding"])

    def test_trial(self):
        """The one domain's answers minus the other's, percentile by percentile."""
        counters = iter([{"ba_waited": 5, "ba_unconfirmed": 0}] * 2
                        + [{"ba_waited": 8, "ba_unconfirmed": 1}] * 2)
        site = mock.Mock()
        site.ctl.counters = lambda: next(counters)
        around = mock.Mock()
        around.register.return_value = 1
        around.answers_ms = {"without": [1, 2, 9], "with": [11, 22, 39]}.get
        got = site_rows.commit_trial(mock.Mock(sites={1: site, 2: site}), around, 2)
        self.assertEqual((got["added-p50-ms"], got["added-p99-ms"], got["with-p100-ms"]),
                         (20, 30, 39))
        self.assertEqual((got["again"], got["ba_waited"], got["ba_unconfirmed"]), (2, 6, 2))


class Takeover(unittest.TestCase):
    def test_said(self):
        """In as many parts as it likes."""
        lines = ["info mesh: taken over domain=msp1 bindings=286760", "info mesh: taken over",
                 "info mesh: that site is dead domain=msp1 site=site1",
                 "info mesh: handed to other sites domain=msp1 bindings=9",
                 "info mesh: taken over domain=msp1 bindings=213240"]
        self.assertEqual(takeover.taken_over(lines), 500000)
        self.assertEqual(takeover.taken_over([]), 0)
        site = mock.Mock(lines=["taken over bindings=5", *lines])
        self.assertGreater(takeover.until_owned(site, 1, 500000), 0)
        with mock.patch.object(takeover, "OWNERS_TIMEOUT_S", 0), \
                self.assertRaisesRegex(programs.BenchError, "213240 of 213241"):
            takeover.until_owned(site, 4, 213241)

    @staticmethod
    def figures(*changes):
        result = {"conditions": []}
        takeover.figures(result, [
            {"silence-ms": 30, "owners-s": 0.5, "taken-over": 500, "by-the-dead": 1,
             "silence-begins-ms": 0, **trial} for trial in changes], 500)
        return result

    def test_figures(self):
        """The worst counts, for each of the two limits."""
        got = self.figures({"silence-ms": 20}, {}, {"silence-ms": 61, "owners-s": 1.5})
        self.assertEqual((got["value"], got["silence-p50-ms"], got["also"][0]["value"]),
                         (61, 30, 1.5))
        self.assertEqual(unmet(got), [])

    def test_conditions(self):
        """All that was the dead site's was taken over; packets went by it, and what is called
        their silence begins at its death."""
        for change in ({"taken-over": 499}, {"by-the-dead": 0.8},
                       {"silence-begins-ms": takeover.SLACK_MS + 2 * takeover.DELAY_MS + 1},
                       {"silence-begins-ms": -takeover.SLACK_MS - 2 * takeover.DELAY_MS - 1}):
            self.assertEqual(len(unmet(self.figures({}, change))), 1, change)


class FakeBusy:
    """130 ns a packet, 2 more while the source makes Binding Updates, `speed` of what it is told
    (in the first seconds `slow` of that, when everything is faster), 8 more while it takes them:
    `share` of them, which it acknowledges. `lost` of the data is, beside them."""

    def __init__(self, share, speed, lost, slow):
        self.share, self.speed, self.clock, self.rate, self.kind = share, speed, 0.0, 0, 0
        self.lost, self.slow = lost, slow
        self.packets = self.taken = self.made = self.gone = 0.0
        self.telemetry = mock.Mock(side_effect=self.told)
        self.telemetry.stats = self.stats

    def told(self, command):
        self.rate, self.kind = map(int, command.split(",")[2:])
        return {"sent": self.made}

    def sleep(self, seconds):
        self.clock += seconds
        turn = int(self.clock)
        speed = self.speed * (self.slow[turn] if turn < len(self.slow) else 1)
        ns = 130 if self.rate == 0 else 130 + 2 * speed if self.kind == rows.WASTE \
            else 130 + 8 * speed
        self.packets += seconds * 1e9 / ns
        self.made += seconds * self.rate * speed
        if self.rate and self.kind != rows.WASTE:
            self.taken += seconds * self.rate * speed * self.share
            self.gone += seconds * 1e9 / ns * self.lost

    def stats(self):
        return self.clock * 1e9, self.packets, self.packets - self.gone + self.taken

    def counters(self):
        return {"bu_moved": self.taken}

    def show(self, what):
        return [{"used-to": 900}]

    def stages(self):
        return {}, 1


class Busy(unittest.TestCase):
    def measured(self, share=1, speed=1, lost=0, slow=()):
        hamd, result = FakeBusy(share, speed, lost, slow), {"conditions": []}
        options, row = mock.Mock(turns=5, seconds=1), mock.Mock(bindings=1000)
        with mock.patch.object(rows, "Scenario"), mock.patch.object(rows, "fill"), \
                mock.patch.object(rows, "running") as running, \
                mock.patch.object(rows.time, "sleep", hamd.sleep), \
                mock.patch.object(rows.time, "monotonic", lambda: hamd.clock):
            running.return_value.__enter__.return_value = hamd
            rows.busy(options, None, row, result)
        return result

    def test_figures(self):
        """Against what the source alone costs; beside it, against rest."""
        result = self.measured()
        self.assertAlmostEqual(result["value"], 132 / 138)
        self.assertAlmostEqual(result["gross"]["median"], 130 / 138)
        self.assertAlmostEqual(result["calm"]["ns"]["median"], 130)
        self.assertEqual(unmet(result), [])
        self.assertIn("0.94 (0.94-0.94) x with what its own source costs",
                      report.table([a_row(gross=result["gross"])]))

    def test_refused(self):
        """It counts only where they came, and were taken."""
        self.assertEqual(unmet(self.measured(share=0.9)), ["Binding Updates accepted"])
        self.assertEqual(unmet(self.measured(speed=0.9)),
                         ["turns with 100000 Binding Updates made a second"])
        self.assertEqual(unmet(self.measured(lost=0.01)), ["packets sent on"])

    def test_turns_without(self):
        """What was measured while too few came is left out, as long as it is less than half."""
        whole, without = self.measured(), self.measured(slow=(0.5, 0.5))
        self.assertEqual(unmet(without), [])
        self.assertAlmostEqual(without["gross"]["max"], whole["gross"]["max"])
        self.assertEqual(unmet(self.measured(slow=(0.5, 0.5, 0.5))),
                         ["turns with 100000 Binding Updates made a second"])


class Joins(unittest.TestCase):
    def joined(self, **change):
        trial = {"snapshot-s": 1, "start-s": 0.5, "all-s": 1.5, "records": 500}
        result = {"conditions": []}
        joins.joined(result, [trial, {**trial, **change}], 500)
        return result

    def test_joined(self):
        """The worst counts, and none that did not bring all."""
        got = self.joined(**{"snapshot-s": 2.5})
        self.assertEqual((got["value"], got["all-s"]["max"]), (2.5, 1.5))
        self.assertEqual(unmet(got), [])
        self.assertEqual(len(unmet(self.joined(records=499))), 1)

    def made_good(self, **change):
        trial = {"since-gone-s": 0.2, "since-death-s": 0.5, "missing": 1, "heard": 1}
        result = {"conditions": []}
        joins.made_good(result, [trial, {**trial, **change}])
        return result

    def test_made_good(self):
        """The worst counts. The one survivor must have lacked what the other had."""
        got = self.made_good(**{"since-gone-s": 0.9})
        self.assertEqual((got["value"], got["since-gone-p50-s"]), (0.9, 0.2))
        self.assertEqual(unmet(got), [])
        for change in ({"missing": 0.4}, {"heard": 0.999}):
            self.assertEqual(len(unmet(self.made_good(**change))), 1, change)

    def test_until_here(self):
        """All are here, and it is known that the other one is gone: both must be."""
        site = mock.Mock()
        site.hamd.lines = ["that site is gone"]
        site.ctl.show.return_value = [{"bindings": 7}]
        here, gone = joins.until_here(site, 7, 0)
        self.assertGreaterEqual(here, gone)
        for count, since in ((8, 0), (7, 1)):
            with mock.patch.object(joins, "START_S", 0), \
                    self.assertRaisesRegex(programs.BenchError, f"7 of {count}"):
                joins.until_here(site, count, since)

    def test_third_site(self):
        """More sites than cores share them."""
        world = mock.Mock()
        world.config.side_effect = lambda k, runtime, **sections: {
            "domains": [{"mobile-nodes": []}], "ports": [{"device": "d"}], "runtime": runtime}
        with mock.patch.dict(sys.modules, {"lab": mock.Mock(), "lab.daemon": mock.Mock(
                runtime=lambda **changes: changes)}):
            got = [around.site_config(world, k, 10, {})["runtime"]["lcores"] for k in (1, 2, 3)]
        self.assertEqual(got, ["0", "1", "0"])


class Report(unittest.TestCase):
    def test_table(self):
        text = report.table([a_row(), a_row(status="void", conditions=[
            {"condition": "bindings touched", "value": 0.1, "least": 0.6, "met": False}])])
        self.assertIn("0.60 (0.50-0.70) x", text)
        self.assertIn("void (bindings touched: 0.1, not 0.6)", text)

    def test_also(self):
        text = report.table([a_row(also=[{"what": "all of them", "value": 1.5, "must": 2,
                                          "aim": 1, "unit": "s"}])])
        self.assertIn("ok (all of them: 1.5 s, must 2, aim 1)", text)

    def test_void_trials(self):
        text = report.table([a_row(**{"void-trials": [{"longest-turn-us": 51000},
                                                      {"longest-turn-us": 60400}]})])
        self.assertIn("ok (2 more trials void: a site's turn took up to 60 ms)", text)

    def test_written(self):
        whole = {"format": 1, "environment": {"cores": 2}, "rows": [
            a_row(row=f"intercept-{n}", bindings=n, size=78, stages={"rx": 10.0, "tx": 5.0},
                  hamd={"ns": {"median": 100, "min": 90, "max": 110},
                        "mpps": {"median": 10, "min": 9, "max": 11}}) for n in (10000, 20000)]}
        with tempfile.TemporaryDirectory() as directory:
            plotted = report.write(whole, directory)
            self.assertEqual(json.loads((Path(directory) / "report.json").read_text()), whole)
            self.assertIn("| intercept-10000 |", (Path(directory) / "report.md").read_text())
            if plotted:
                for name in ("rate-over-bindings.png", "cycles-per-stage.svg"):
                    self.assertGreater((Path(directory) / name).stat().st_size, 1000)

    def test_verdict(self):
        table = [a_row(), a_row(row="v", status="void"), a_row(row="n", status="not shown"),
                 a_row(row="m", value=300, must=400, aim=256, unit="octets"),
                 a_row(row="a", value=40, must=60, aim=45, unit="ms",
                       also=[{"value": 1.5, "must": 2, "aim": 1}])]
        for require, bad in ((None, ["v"]), ("must", ["v"]), ("aim", ["r", "v", "m", "a"])):
            self.assertCountEqual(main.verdict(mock.Mock(require=require), table), bad)


class Packets(unittest.TestCase):
    def test_capture(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "x.pcap"
            packets.write_capture(path, lambda n: bytes([n]) * (60 + n), count=3)
            data = path.read_bytes()
        self.assertEqual(data[:4], b"\xd4\xc3\xb2\xa1")
        at = 24
        for n in range(3):
            self.assertEqual(struct.unpack_from("<II", data, at + 8), (60 + n, 60 + n))
            at += 16 + 60 + n
        self.assertEqual(at, len(data))

    def test_places(self):
        home = packets.address(scenario.HOME)
        frame = packets.plain(1, bytes(6), "2001:db8::1", scenario.HOME, 78)
        self.assertEqual(len(frame), 78)
        self.assertEqual(frame[packets.DST_AT:packets.DST_AT + 16], home)
        frame = packets.tunnelled(1, bytes(6), scenario.CARE_OF, scenario.HA, scenario.HOME,
                                  "2001:db8::1", 78)
        self.assertEqual(len(frame), 118)
        self.assertEqual(frame[packets.INNER_SRC_AT:packets.INNER_SRC_AT + 16], home)
        self.assertEqual(frame[packets.SRC_AT:packets.SRC_AT + 16],
                         packets.address(scenario.CARE_OF))

    def test_advertisement(self):
        frame = packets.advertisement("2001:db8::1", b"\2\0\0\0\0\1", "2001:db8::2")
        body = frame[54:]
        self.assertEqual(packets.checksum(frame[22:38], frame[38:54], 58, body), 0)

    def test_imix(self):
        drawn = [scenario.sizes("imix", n) for n in range(48)]
        self.assertEqual([drawn.count(s) for s in (78, 570, 1514)], [28, 16, 4])


class Calls(unittest.TestCase):
    """Options are refused before anything is built."""

    def run_it(self, *args):
        return subprocess.run([BENCH / "run", *args], capture_output=True, text=True,
                              env={**os.environ, "COLUMNS": "200"})

    def test_help_and_list(self):
        self.assertEqual(self.run_it("--help").returncode, 0)
        done = self.run_it("--list")
        self.assertEqual(done.returncode, 0)
        self.assertIn("intercept-1m", done.stdout)

    def test_refused(self):
        for args, why in ((["nothing"], "no such row"), (["--turns", "3"], "at least 5"),
                          (["--core", "0"], "are the same"), (["--bogus"], "unrecognized")):
            done = self.run_it(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(why, done.stderr)


class GetPktgen(unittest.TestCase):
    """A source tree is refused before anything is installed or built."""

    def run_it(self, *args):
        return subprocess.run([BENCH / "get-pktgen", *args], capture_output=True, text=True)

    def tree(self, directory, version):
        (Path(directory) / "app").mkdir()
        (Path(directory) / "app" / "lpktgenlib.c").touch()
        (Path(directory) / "VERSION").write_text(version + "\n")
        return directory

    def test_usage(self):
        self.assertEqual(self.run_it("--help").returncode, 0)
        for args in ([], ["a", "b", "c"], ["--bogus", "a"], ["--print", "a", "b"]):
            self.assertEqual(self.run_it(*args).returncode, 2, args)

    def test_refused(self):
        with tempfile.TemporaryDirectory() as nothing, tempfile.TemporaryDirectory() as other:
            for tree, why in ((nothing, "no source tree of Pktgen"),
                              (self.tree(other, "24.10.3"), "is Pktgen 24.10.3, not 23.06.1")):
                done = self.run_it(tree, str(Path(nothing) / "dest"))
                self.assertEqual(done.returncode, 1)
                self.assertIn(why, done.stderr)
                self.assertIn("git clone -b pktgen-23.06.1 https://", done.stderr)
            done = self.run_it("--print", nothing)
            self.assertEqual(done.returncode, 1)
            self.assertIn("get-pktgen SOURCE builds it", done.stderr)


if __name__ == "__main__":
    unittest.main()
