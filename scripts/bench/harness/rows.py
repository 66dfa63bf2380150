# SPDX-License-Identifier: BSD-3-Clause
"""The rows of the report: what is measured, on which conditions it counts, what it must reach."""

import contextlib
import json
import statistics
import subprocess
import tempfile
import time

import joins
import site_rows
import takeover
from around import TALK
from machine import free_mb, hugepages
from measure import Turn, best_of, compare, rounds, summary, take_turn
from programs import BenchError
from scenario import SIGNALLING_DEVICE, DATA_DEVICE, MeshScenario, Scenario
from trials import condition

TOUCHED = 0.6  # of the bindings, or nothing is said about so many
SENT = 0.999  # of the packets taken in
FILL_RATE = 150000  # Binding Updates a second, below what one core takes
FILL_TIMEOUT_S = 240
NEEDS_MB = 1500  # beside tables: all programs' buffers
PAGES_MB = 1800
TABLE_BYTES = 400  # huge pages a binding
BYTES = 600  # memory a binding


class Row:
    """status: "ok", "short" (of what it must reach), "void" (a condition was missed) or
    "not shown"."""

    def __init__(self, name, title, run, *, bindings=0, must=None, aim=None, unit="ratio",
                 less_is_more=False, smoke=False):
        self.name, self.title, self._run = name, title, run
        self.bindings, self.must, self.aim, self.unit = bindings, must, aim, unit
        self.less_is_more, self.smoke = less_is_more, smoke

    def _status(self, result):
        """also: other figures of the row's trials with limits of their own, less is more."""
        value = result.get("value")
        met = all(other["value"] <= other["must"] for other in result.get("also", ()))
        if self.must is not None and value is not None:
            met &= value <= self.must if self.less_is_more else value >= self.must
        return "ok" if met else "short"

    def measure(self, options):
        result = {"row": self.name, "title": self.title, "bindings": self.bindings,
                  "unit": self.unit, "must": self.must, "aim": self.aim, "conditions": []}
        why_not = self._why_not()
        if why_not:
            return result | {"status": "not shown", "why": why_not}
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="hamd-bench-"))
            stack.enter_context(hugepages(PAGES_MB + self.bindings * TABLE_BYTES // 1000000))
            self._run(options, directory, self, result)
        missed = [c for c in result["conditions"] if not c["met"]]
        result["status"] = "void" if missed else self._status(result)
        return result

    def _why_not(self):
        need = NEEDS_MB + self.bindings * BYTES // 1000000
        if free_mb() < need:
            return f"needs {need} MB of free memory"
        return None


def fill(hamd, count):
    """Registers every mobile node by Binding Updates; their seconds."""
    start = time.monotonic()
    hamd.telemetry(f"/bench/updates,{SIGNALLING_DEVICE},{FILL_RATE},0")
    while time.monotonic() < start + FILL_TIMEOUT_S:
        time.sleep(0.2)
        if hamd.show("version")[0]["bindings"] >= count:
            hamd.telemetry(f"/bench/updates,{SIGNALLING_DEVICE},0,0")
            return time.monotonic() - start
    raise BenchError(f"only {hamd.show('version')[0]['bindings']} of {count} mobile nodes could"
                     f" register in {FILL_TIMEOUT_S} s")


@contextlib.contextmanager
def running(program):
    try:
        yield program.start()
    finally:
        program.stop()


def stage_cycles(hamd, seconds):
    """{stage: cycles a packet} of a stretch of its own: counters are read outside the turns."""
    hamd.resume()
    before, _ = hamd.stages()
    time.sleep(seconds)
    after, _ = hamd.stages()
    hamd.pause()
    cycles = {}
    for stage, (packets, spent) in after.items():
        packets, spent = packets - before[stage][0], spent - before[stage][1]
        if packets:
            cycles[stage] = spent / packets
    return cycles


def paired(options, scenario, result, *, hits=True, check=None):
    """hamd beside its peer and the floor, on the same packets."""
    with contextlib.ExitStack() as stack:
        hamd = stack.enter_context(running(scenario.hamd()))
        result["fill-s"] = fill(hamd, scenario.bindings)
        if not hits:
            hamd.telemetry(f"/bench/flows,{DATA_DEVICE},{scenario.bindings},"
                           f"{scenario.bindings}")
            time.sleep(0.1)  # what was received before is through
        before = hamd.counters()
        hamd.pause()
        programs = [stack.enter_context(running(scenario.floor()))]
        programs[0].pause()
        if options.peers:
            programs.append(stack.enter_context(running(scenario.peer())))
            programs[1].pause()
        programs.append(hamd)
        taken = rounds(programs, options.turns, options.seconds)
        result |= compare(taken)
        result["stages"] = stage_cycles(hamd, options.seconds)
        if hits:
            condition(result, "packets sent on by hamd", min(t.sent for t in taken["hamd"]), SENT)
        if options.peers:
            condition(result, "packets sent on by the peer",
                      min(t.sent for t in taken["l3fwd"]), SENT)
            result["value"] = result["ratio"]["median"]
        hamd.resume()
        if check:
            check(hamd)
        result["counters"] = moved(before, hamd.counters())
    return result


def moved(before, after):
    return {k: v - before.get(k, 0) for k, v in after.items() if v != before.get(k, 0)}


def touched(result, hamd, bindings, way):
    summary_row = hamd.show("summary")[0]
    result["touched"] = summary_row[f"used-{way}"]
    condition(result, "bindings that carried packets, of all",
              result["touched"] / bindings, TOUCHED)


def data(kind, size=78):
    way = "from" if kind == "decap" else "to"

    def run(options, directory, row, result):
        scenario = Scenario(options, directory, bindings=row.bindings, kind=kind, size=size)
        result["size"] = size
        result |= paired(options, scenario, result,
                         check=lambda hamd: touched(result, hamd, row.bindings, way))
        result["encapsulation-limit"] = "not added"
    return run


def misses(options, directory, row, result):
    scenario = Scenario(options, directory, bindings=row.bindings)
    result |= paired(options, scenario, result, hits=False)
    counters = result["counters"]
    gone = sum(counters.get(k, 0) for k in ("intercept_no_binding", "punt_error_full"))
    condition(result, "packets refused", gone / counters["rx_packets"], SENT)


def accepted(counters):
    return sum(counters.get(k, 0) for k in ("bu_registered", "bu_refreshed", "bu_moved"))


def updates_for(hamd, rate, moves, seconds):
    """While `rate` a second arrive: how many a second are accepted; shares of those that are
    acknowledged, authenticated, and of the kind that was sent."""
    hamd.telemetry(f"/bench/updates,{SIGNALLING_DEVICE},{rate},{moves}")
    time.sleep(0.2)
    before, start = hamd.counters(), time.monotonic()
    time.sleep(seconds)
    after, end = hamd.counters(), time.monotonic()
    hamd.telemetry(f"/bench/updates,{SIGNALLING_DEVICE},0,0")
    by = {k: after[k] - before[k] for k in after}
    n = accepted(by)
    kind = by["bu_moved" if moves else "bu_refreshed"]
    return {"accepted": n / (end - start), "acknowledged": (by["ba_sent"] - by["bu_refused"]) / n,
            "authenticated": by["bu_authenticated"] / n, "kind": kind / n}


FLOOD = 2000000  # more than anybody takes: what is accepted is what control can do


KEEP_UP_S = 5


def kept_up(hamd, result):
    """Nothing failed, and soon after the flood nothing waits any more."""
    deadline = time.monotonic() + KEEP_UP_S
    while hamd.show("store")[0]["waiting"] > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    store = result["stored"] = hamd.show("store")[0]
    condition(result, f"records written {KEEP_UP_S} s after the last turn",
              store["waiting"] == 0 and store["failures"] == 0, True)


def updates(moves, signed, stored=False):
    def run(options, directory, row, result):
        scenario = Scenario(options, directory, bindings=row.bindings, kind="quiet",
                            signed=signed, stored=stored)
        with running(scenario.hamd()) as hamd:
            result["fill-s"] = fill(hamd, row.bindings)
            taken = [updates_for(hamd, FLOOD, moves, options.seconds)
                     for _ in range(options.turns)]
            result["rate"] = summary([t["accepted"] for t in taken])
            result["value"] = result["rate"]["median"]
            condition(result, "acknowledgements sent, of what was accepted",
                      min(t["acknowledged"] for t in taken), SENT)
            condition(result, "authenticated, of what was accepted" if signed
                      else "moved, of what was accepted" if moves else "refreshed",
                      min(t["authenticated" if signed else "kind"] for t in taken), SENT)
            _, result["longest-turn-us"] = hamd.stages()
            result["counters"] = {k: v for k, v in hamd.counters().items() if v}
            if stored:
                kept_up(hamd, result)
        result["store"] = "on, one lcore" if stored else "off"
    return run


def bindings_there(hamd):
    """0 while hamctl is not answered yet."""
    try:
        return hamd.show("version")[0]["bindings"]
    except BenchError:
        return 0


def starts(options, directory, row, result):
    """From the command to all bindings back from the store, EAL's start included."""
    hamd = Scenario(options, directory, bindings=row.bindings, kind="quiet", stored=True).hamd()
    with running(hamd):
        result["fill-s"] = fill(hamd, row.bindings)
    seconds = []
    for _ in range(options.turns):
        begin = time.monotonic()
        with running(hamd):
            while bindings_there(hamd) < row.bindings:
                if time.monotonic() > begin + FILL_TIMEOUT_S:
                    raise BenchError("not all bindings came back from the store")
                time.sleep(0.02)
            seconds.append(time.monotonic() - begin)
    result["start-s"] = summary(seconds)
    result["value"] = result["start-s"]["median"]


BUSY_RATE = 100000
REFRESH, MOVE, WASTE = 0, 1, 2  # kinds of Binding Updates (rnd.c)
BUSY = {"calm": (0, MOVE), "source": (BUSY_RATE, WASTE), "hamd": (BUSY_RATE, MOVE)}
PHASE_S, PHASE_SETTLE_S = 0.03, 0.004
MADE = 0.98  # of what was asked for


def phases(hamd, seconds):
    """[{phase: Turn}] of so many seconds: the three phases of BUSY one after the other, over and
    over. They are short, for the machine drifts. And the least rate of a phase with Binding Updates,
    and the share that was accepted of those that hamd was to take."""
    done, made, lasted = [], dict.fromkeys(BUSY, 0), dict.fromkeys(BUSY, 0)

    def stir(rate, kind):
        """Binding Updates made until then, and when that was."""
        sent = hamd.telemetry(f"/bench/updates,{SIGNALLING_DEVICE},{rate},{kind}")["sent"]
        return sent, time.monotonic()

    before, begin = accepted(hamd.counters()), time.monotonic()
    while not done or time.monotonic() < begin + seconds:
        done.append({})
        for phase, (rate, kind) in BUSY.items():
            sent, start = stir(rate, kind)
            time.sleep(PHASE_SETTLE_S)
            first = hamd.telemetry.stats()
            time.sleep(PHASE_S)
            done[-1][phase] = Turn(first, hamd.telemetry.stats())
            until, end = stir(0, MOVE)
            made[phase] += until - sent
            lasted[phase] += end - start
    time.sleep(PHASE_SETTLE_S)  # the last ones are through
    return (done, min(made[p] / lasted[p] for p, (rate, _) in BUSY.items() if rate),
            (accepted(hamd.counters()) - before) / max(made["hamd"], 1))


def data_sent(turn, rate):
    """The share of the data that left: so many acknowledgements a second leave beside it."""
    return turn.sent - rate * turn.ns / 1e9


def median_ratio(taken, of, by):
    return statistics.median(t[of].ns / t[by].ns for t in taken)


def busy(options, directory, row, result):
    """The data path beside Binding Updates against itself while the source makes them for nobody,
    for what these cost is not hamd's; gross: against itself at rest."""
    with running(Scenario(options, directory, bindings=row.bindings).hamd()) as hamd:
        result["fill-s"] = fill(hamd, row.bindings)
        turns = [phases(hamd, options.seconds) for _ in range(options.turns)]
        made = [t for t in turns if t[1] >= MADE * BUSY_RATE]
        touched(result, hamd, row.bindings, "to")
        _, result["longest-turn-us"] = hamd.stages()
        result["counters"] = {k: v for k, v in hamd.counters().items() if v}
    condition(result, f"turns with {BUSY_RATE} Binding Updates made a second",
              len(made) / len(turns), 0.5)
    turns = made or turns
    every = [t for taken, _, _ in turns for t in taken]
    for phase in BUSY:
        result[phase] = {"ns": summary([t[phase].ns for t in every]),
                         "mpps": summary([t[phase].pps / 1e6 for t in every])}
    result["ratio"] = summary([median_ratio(taken, "source", "hamd") for taken, _, _ in turns])
    result["gross"] = summary([median_ratio(taken, "calm", "hamd") for taken, _, _ in turns])
    result["value"] = result["ratio"]["median"]
    result["store"] = "off"
    condition(result, "Binding Updates accepted", min(share for _, _, share in turns), MADE)
    # of one phase some are under way when it is looked at
    condition(result, "packets sent on",
              min(statistics.fmean(data_sent(t[phase], rate * share if phase == "hamd" else 0)
                                   for taken, rate, share in turns for t in taken)
                  for phase in BUSY), SENT)


ABSENT = "2001:db8:ffff::1"  # nobody's address


def traced(options, directory, row, result):
    """One hamd that never traced beside one that has and does not any more, and that one while it
    traces packets that do not come: what all others pay for it."""
    scenario = Scenario(options, directory, bindings=row.bindings)
    never, ended, during = [], [], []
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(running(scenario.hamd(name)))
                      for name in ("never", "ended"))
        for hamd in (one, other):
            result["fill-s"] = fill(hamd, row.bindings)
        one.pause()
        for _ in range(options.turns):
            other.resume()
            with other.tracing("--prefix", f"{ABSENT}/128"):
                during.append(take_turn(other, options.seconds))
                other.resume()  # to hear that it is over
            time.sleep(0.1)
            ended.append(take_turn(other, options.seconds))
            never.append(take_turn(one, options.seconds))
        other.resume()
        result["counters"] = {k: v for k, v in other.counters().items() if v}
    result["calm"] = {"ns": summary([t.ns for t in never])}
    result["hamd"] = {"ns": summary([t.ns for t in ended]),
                      "mpps": summary([t.pps / 1e6 for t in ended])}
    result["tracing"] = {"ns": summary([t.ns for t in during])}
    result["ratio"] = summary([n.ns / e.ns for n, e in zip(never, ended)])
    result["value"] = result["ratio"]["median"]
    condition(result, "packets sent on", min(t.sent for t in never + ended + during), SENT)


def mesh(kind, figure, scale=1):
    """Two sites' engines, see scripts/bench/mesh/mesh.c."""
    def run(options, directory, row, result):
        program = options.build / "scripts" / "bench" / "mesh" / "bench-mesh"
        done = []
        for _ in range(options.turns):
            said = subprocess.run([program, kind, str(row.bindings), "3"], capture_output=True,
                                  text=True)
            if said.returncode != 0:
                raise BenchError(said.stderr.strip())
            done.append(json.loads(said.stdout))
        result["mesh"] = {key: summary([d[key] for d in done]) for key in done[0]}
        result["value"] = result["mesh"][figure]["median"] * scale
    return run


def memory(options, directory, row, result):
    """What records and tables say, and how much memory the machine has less."""
    with running(Scenario(options, directory, bindings=row.bindings, kind="quiet").hamd()) as hamd:
        result["fill-s"] = fill(hamd, row.bindings)
        version = hamd.show("version")[0]
    result["value"] = version["bindings-bytes"] / version["bindings-max"]
    condition(result, "bindings", version["bindings"], row.bindings)


def turns_of_control(options, directory, row, result):
    """All mobile nodes register; then all bindings are dumped, summed up, and the configuration is
    loaded again, while they move. Processor time: hamctl and the kernel's threads have no other core
    to run on than control's. What each figure says is the most until then."""
    with running(Scenario(options, directory, bindings=row.bindings, kind="quiet").hamd()) as hamd:
        result["fill-s"] = fill(hamd, row.bindings)
        took = result["longest"] = {"fill": hamd.control_longest()}
        hamd.telemetry(f"/bench/updates,{SIGNALLING_DEVICE},{BUSY_RATE},1")
        result["dumped"] = len(hamd.show("bindings"))
        took["dump"] = hamd.control_longest()
        hamd.show("summary")
        took["summary"] = hamd.control_longest()
        hamd.reload()
        took["reload"] = hamd.control_longest()
        _, result["longest-turn-us"] = hamd.stages()
        result["value"] = took["reload"]["cpu-us"] / 1000
    condition(result, "bindings dumped", result["dumped"], row.bindings)


def tunnel(opens, size):
    def run(options, directory, row, result):
        scenario = MeshScenario(options, directory, bindings=row.bindings, opens=opens, size=size)
        result["size"] = size
        with contextlib.ExitStack() as stack:
            programs = []
            for program in (scenario.floor(), *scenario.peers(), scenario.hamd()):
                programs.append(stack.enter_context(running(program)))
                program.pause()
            taken = rounds(programs, options.turns, options.seconds)
        peer = best_of(taken, [p.name for p in programs[1:-1]])
        result |= compare(taken, peer=peer)
        for name in filter(None, ("hamd", peer)):
            condition(result, f"packets sent on by {name}", min(t.sent for t in taken[name]), SENT)
        if peer:
            result |= {"peer": peer, "value": result["ratio"]["median"]}
    return run


TEN_K, HUNDRED_K, MILLION = 10000, 100000, 1000000

ROWS = [
    Row("intercept-10k", "intercept + encapsulate, 10 k bindings", data("intercept"),
        bindings=TEN_K, must=0.55, aim=0.8, smoke=True),
    Row("intercept-100k", "intercept + encapsulate, 100 k bindings", data("intercept"),
        bindings=HUNDRED_K),
    Row("intercept-1m", "intercept + encapsulate, 1 M bindings", data("intercept"),
        bindings=MILLION, must=0.40, aim=0.6),
    Row("intercept-10m", "intercept + encapsulate, 10 M bindings", data("intercept"),
        bindings=10 * MILLION, must=0.30, aim=0.5),
    Row("decapsulate-10k", "decapsulate + check, 10 k bindings", data("decap"),
        bindings=TEN_K, smoke=True),
    Row("decapsulate-1m", "decapsulate + check, 1 M bindings", data("decap"),
        bindings=MILLION, must=0.40, aim=0.6),
    Row("misses-1m", "destinations without a binding, 1 M others have one", misses,
        bindings=MILLION, must=0.40, aim=0.5),
    Row("intercept-imix", "intercept + encapsulate, 10 k bindings, IMIX",
        data("intercept", "imix"), bindings=TEN_K),
    Row("intercept-570", "intercept + encapsulate, 10 k bindings, 570 octets",
        data("intercept", 570), bindings=TEN_K),
    Row("intercept-1514", "intercept + encapsulate, 10 k bindings, 1514 octets",
        data("intercept", 1514), bindings=TEN_K),
    Row("mesh-seal-78", "to a mobile node of another site: into the mesh tunnel, 78 octets",
        tunnel(False, 78), bindings=TEN_K, must=1.0, aim=1.4),
    Row("mesh-seal-1414", "the same, 1414 octets", tunnel(False, 1414), bindings=TEN_K, must=1.0,
        aim=1.4),
    Row("mesh-open-78", "from another site, to a mobile node of this one: out of the mesh tunnel,"
        " into its own, 78 octets", tunnel(True, 78), bindings=TEN_K, must=1.0, aim=1.4),
    Row("mesh-open-1414", "the same, 1414 octets", tunnel(True, 1414), bindings=TEN_K, must=1.0,
        aim=1.4),
    Row("busy-1m", "intercept + encapsulate, 1 M bindings, while 100 k mobile nodes a second"
        " move; against itself without them", busy, bindings=MILLION, must=0.9, aim=0.98),
    Row("deltas-1m", "changes of 1 M bindings told to another site and held there",
        mesh("deltas", "deltas-per-s"), bindings=MILLION, must=100000, aim=300000,
        unit="a second"),
    Row("deltas-10k", "the same, of 10 k bindings", mesh("deltas", "deltas-per-s"),
        bindings=TEN_K, unit="a second", smoke=True),
    Row("snapshot-1m", "1 M bindings told to a site that joins", mesh("snapshot", "snapshot-s"),
        bindings=MILLION, must=3, aim=1, unit="s", less_is_more=True),
    Row("takeover-1m", "a site dies: 1 M bindings, half of them its own, until all carry their"
        " new owner", mesh("takeover", "walk-ms", 0.001), bindings=MILLION, must=2, aim=1,
        unit="s", less_is_more=True),
    Row("drain-return", "real sites: one of two is drained and returns, 100 k bindings, 10 kpps"
        " each way over 1,000; packets lost in the worst trial", site_rows.drain_return,
        bindings=HUNDRED_K, must=0, aim=0, unit="packets", less_is_more=True),
    Row("planned-move-direct", "three real sites, 50 ms apart one way: the 1,000 move from one"
        " to another, all packets are the third's, delivery direct; packets to them lost in the worst"
        " trial", site_rows.planned_move("direct"), bindings=HUNDRED_K,
        must=0, aim=0, unit="packets", less_is_more=True),
    Row("planned-move-primary", "the same, delivery primary", site_rows.planned_move("primary"),
        bindings=HUNDRED_K, must=0, aim=0, unit="packets", less_is_more=True),
    *[Row(f"commit-latency-{rtt}", f"real sites, {rtt} ms there and back between them: what waiting"
          " for the other one (ack-peers 1) adds to the median Binding Acknowledgement",
          site_rows.commit_latency(rtt), bindings=2 * TALK, unit="ms", less_is_more=True)
      for rtt in (0, 20, 100)],
    Row("takeover-10", "real sites, hello-ms 10, delivery primary, 1 M bindings: one that owns half"
        " of them is killed; from the last packet through it to the first without, worst trial",
        takeover.takeover(10), bindings=MILLION, must=60, aim=45, unit="ms", less_is_more=True),
    Row("takeover-100", "the same, hello-ms 100", takeover.takeover(100), bindings=MILLION,
        unit="ms", less_is_more=True),
    Row("snapshot-sites", "real sites: 1 M bindings told to one that joins with none; worst trial",
        joins.snapshot, bindings=MILLION, must=3, aim=1, unit="s", less_is_more=True),
    Row("survivors", "three real sites on two cores, 1 M bindings: one is killed, and what it told only"
        " one of the others is at both; since its death was noticed, worst trial", joins.survivors,
        bindings=MILLION, must=1, aim=1, unit="s", less_is_more=True),
    Row("trace-10k", "intercept + encapsulate, 10 k bindings, after a trace; against a hamd that"
        " never traced", traced, bindings=TEN_K, must=0.98, aim=1.0),
    Row("refresh-1m", "Binding Updates accepted and acknowledged: refreshes of 1 M bindings",
        updates(0, False), bindings=MILLION, must=100000, aim=300000, unit="a second"),
    Row("move-1m", "the same, moves", updates(1, False), bindings=MILLION, must=100000,
        aim=300000, unit="a second"),
    Row("move-10k", "the same, moves of 10 k bindings", updates(1, False), bindings=TEN_K,
        unit="a second", smoke=True),
    Row("move-signed-1m", "the same, moves, with RFC 4285 authentication", updates(1, True),
        bindings=MILLION, must=100000, aim=300000, unit="a second"),
    Row("move-stored-1m", "the same, moves, with the store on and one lcore",
        updates(1, False, stored=True), bindings=MILLION, must=100000, aim=300000,
        unit="a second"),
    Row("start-1m", "start until 1 M bindings are back from the store", starts,
        bindings=MILLION, must=5, aim=2, unit="s", less_is_more=True),
    Row("memory-1m", "memory of a binding: tables and records", memory, bindings=MILLION,
        must=400, aim=256, unit="octets", less_is_more=True),
    Row("turn-1m", "the control core's longest turn, processor time, dumps and 100 k moves a second",
        turns_of_control, bindings=MILLION, must=5, aim=1, unit="ms", less_is_more=True),
]
