# SPDX-License-Identifier: BSD-3-Clause
"""What is measured with Pktgen: rates without loss and with a little, latency, the cost of moves.

On memif ports the harness starts hamd on their other ends, and all that is said about it is that
it works ("functional"). On network cards hamd runs already, with the addresses of pktgen_plan.py.
"""

import contextlib
import math
import subprocess
import tempfile
from pathlib import Path

import packets
from machine import free_hugepages_mb
from pktgen import RING, VERSION, Pktgen, Ports
from pktgen_plan import CHURN, CN_MAC, LARGE, MN_MAC, SMALL, TUNNEL, Plan
from programs import BenchError, Hamctl, Hamd
from rows import SENT, TOUCHED, condition

LIMITS = {"ndr": 0.0, "pdr": 0.005}
LINK_S, PRIME_S = 20, 30
KEEP_S = 5  # hamd forgets a neighbour that said nothing for 15 s (RFC 4861, 6.3.2)
TRIAL_MORE_S = 30  # counters that settle before and after it, at worst
ACK_SIZES = ["_65_127"]  # Pktgen's names for sizes, checksum included
CHURN_SIZES = ["_128_255"]
MEMIF_LARGEST = LARGE - TUNNEL  # a memif port takes 1518 octets, and no more
SAMPLES = 50000  # Pktgen's own bound is 50,108
STAMP_US = 1000
HAMD_MB = 256
GUESS_PPS = 2000000  # of latency and churn, where no row said better and nobody asked for less
REST_S = 15  # at most: at rest, nothing keeps hamd's next hop on the mobile nodes' side reachable


class MemifHamd(Hamd):
    """hamd at the other ends of Pktgen's memif ports, without anything of the benchmark's in it."""

    def is_ready(self):
        done = subprocess.run([*self.hamctl, "show", "version"], capture_output=True, timeout=60)
        return done.returncode == 0


class Session:
    """A run of all rows. hamd's mobile nodes are registered once, when the first row needs
    them."""

    def __init__(self, options):
        self.options = options
        self.ports = Ports(options.tx_port, options.rx_port)
        self.is_functional = self.ports.is_virtual
        macs = (CN_MAC, MN_MAC) if self.is_functional else (options.tx_mac, options.rx_mac)
        self.plan = Plan(options.bindings, macs, MEMIF_LARGEST if self.is_functional else LARGE)
        self.rounds = 0  # of Binding Updates, up to now
        self.ndr_pps = None  # of one port, at the smallest size
        self.directory = self.pktgen = self._hamctl = self._stack = None

    def __enter__(self):
        o = self.options
        if not self.is_functional and free_hugepages_mb() < o.pktgen_memory_mb:
            raise BenchError(f"Pktgen wants {o.pktgen_memory_mb} MB of huge pages, and"
                             f" {free_hugepages_mb()} MB are free")
        with contextlib.ExitStack() as stack:
            self.directory = Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="hamd-pktgen-")))
            self.pktgen = Pktgen(o.pktgen, self.directory, cores=o.pktgen_lcores,
                                 memory_mb=o.pktgen_memory_mb, is_virtual=self.is_functional)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def environment(self):
        o = self.options
        return {"source": f"Pktgen {VERSION}, captures of {self.plan.bindings} mobile nodes",
                "pktgen": str(o.pktgen), "ports": " ".join(self.ports.devices),
                "pktgen-cores": ",".join(map(str, o.pktgen_lcores[0])),
                "label": "functional: virtual ports, cores shared; no claim about rates"
                if self.is_functional else "network cards", "hugepages-mb": None,
                "buildtype": None, "worker-core": None}

    # Devices

    def _memif(self, socket, role, number, more=""):
        return (f"role={role},id={number},socket={self.directory / socket},socket-abstract=no,"
                f"rsize={RING}{more}")

    def _hamd(self):
        devices = [f"net_memif{n},{self._memif('hamd', 'server', n, f',mac={mac}')}"
                   for n, mac in enumerate((CN_MAC, MN_MAC))]
        runtime = {"lcores": str(self.options.control_core), "hugepages": False,
                   "memory-mb": HAMD_MB, "mbufs": 1 << 15, "idle-sleep-us": 50}
        return MemifHamd(self.directory, self.options.build,
                         self.plan.config(*devices, runtime, 1500), plugin=None, source=[])

    def _eal(self, loop):
        if not self.is_functional:
            return self.ports.eal()
        if loop:
            (self.directory / "loop").unlink(missing_ok=True)
            ends = iter((("loop", "server", 0), ("loop", "client", 0)))
        else:
            ends = iter((("hamd", "client", 0), ("hamd", "client", 1)))
        return self.ports.eal(lambda device: f"{device},{self._memif(*next(ends))}")

    # Runs

    def run(self, script, seconds, captures, loop=False, **params):
        """captures: {port: (frames, every so many of them is an aside)}"""
        paths, ports = {}, []
        for port, (frames, asides) in sorted(captures.items()):
            paths[port] = packets.write_capture(self.directory / f"{port}.pcap",
                                                frames.__getitem__, len(frames))
            ports.append({"port": port, "octets": sum(map(len, frames)) / len(frames),
                          "asides": asides})
        # All of a capture within a second: asides, and a round of Binding Updates, in time.
        most = max(len(frames) for frames, _ in captures.values())
        return self.pktgen.run(script, self._eal(loop), paths, {
            "link_s": LINK_S, "prime_s": PRIME_S, "prime_pps": max(1000, most), "ports": ports,
            **params}, LINK_S + 2 * PRIME_S + seconds)

    def flow(self, way, **more):
        ends = (self.ports.tx, self.ports.rx)
        return {**dict(zip(("from", "to"), ends[::-1] if way == "from" else ends)), **more}

    def prepare(self):
        """hamd is there, and every mobile node has a binding: that of the last round."""
        o = self.options
        if self._hamctl is None and self.is_functional:
            hamd = self._hamd()
            self._stack.callback(hamd.stop)
            self._hamctl = hamd.start()
        elif self._hamctl is None and o.hamd_socket:
            self._hamctl = Hamctl(o.build, o.hamd_socket)
        if self.rounds:
            return
        # Three rounds may be refused because of an earlier run's sequence numbers.
        least, most = (1, 6) if self.is_functional else (4, 8)
        frames = self.plan.round_frames()
        result = self.run("register", most * (3 * frames / o.moves_per_s + TRIAL_MORE_S), {
            self.ports.tx: ([self.plan.cn_aside()], 0),
            self.ports.rx: (self.plan.updates(0), 0)},
            flows=[], register={
                "from": self.ports.rx, "frames": frames, "nodes": self.plan.bindings,
                "pps": o.moves_per_s, "sizes": ACK_SIZES, "rounds_min": least,
                "rounds_max": most})
        self.rounds = result["rounds"]

    def inside(self):
        """hamd's own words, where it can be asked: counters, stages; else None."""
        return (self._hamctl.counters(), self._hamctl.stages()[0]) if self._hamctl else None

    def show(self, what):
        return self._hamctl.show(what)[0] if self._hamctl else None


class PktgenRow:
    """status: "functional" or "ok", "void", "not shown"."""

    must = aim = None

    def __init__(self, name, title, run, *, unit="Mpps", loop=False):
        self.name, self.title, self._run, self.unit, self.loop = name, title, run, unit, loop
        self.bindings = 0

    def measure(self, options):
        session = options.session
        result = {"row": self.name, "title": self.title, "unit": self.unit, "must": None,
                  "aim": None, "bindings": 0, "conditions": []}
        before = None
        if not self.loop:
            session.prepare()
            result["bindings"] = session.plan.bindings
            before = session.inside()
        why_not = self._run(session, result)
        if before:
            add_inside(result, *before, *session.inside())
        if any(not c["met"] for c in result["conditions"]):
            result["status"] = "void"
        elif why_not:
            result |= {"status": "not shown", "why": why_not}
        else:
            result["status"] = "functional" if session.is_functional else "ok"
        return result


def add_inside(result, counters, stages, counters_then, stages_then):
    """What hamd counted meanwhile, and its cycles a packet."""
    result["counters"] = {k: v - counters.get(k, 0) for k, v in counters_then.items()
                          if v != counters.get(k, 0)}
    moved = {stage: (count - stages[stage][0], cycles - stages[stage][1])
             for stage, (count, cycles) in stages_then.items()}
    result["stages"] = {stage: cycles / count for stage, (count, cycles) in moved.items() if count}
    if moved.get("rx", (0,))[0]:
        result["cycles"] = sum(cycles for _, cycles in moved.values()) / moved["rx"][0]


def _captures(session, way, size):
    """Captures by port, flows, and who keeps the neighbour behind a silent port reachable."""
    plan, ports = session.plan, session.ports
    out, back = plan.to_mobile(size), plan.from_mobile(size, session.rounds - 1)
    if way == "both":
        tx, rx = plan.data(out, plan.cn_aside()), plan.data(back, plan.mn_aside())
        return ({ports.tx: (tx, len(tx)), ports.rx: (rx, len(rx))},
                [session.flow("to"), session.flow("from")], None)
    sender, silent, make, aside = (ports.rx, ports.tx, back, plan.cn_aside()) \
        if way == "from" else (ports.tx, ports.rx, out, plan.mn_aside())
    return ({sender: (plan.data(make), 0), silent: ([aside], 0)}, [session.flow(way)],
            None if way == "loop" else {"port": silent, "frames": 1, "every_s": KEEP_S})


def rates(way, size):
    """way: "to" mobile nodes, "from" them, "both", or "loop", without hamd."""

    def run(session, result):
        o = session.options
        captures, flows, keeper = _captures(session, way, size)
        trials = 3 + len(LIMITS) * math.ceil(math.log2(1 / o.precision))
        got = session.run("rfc2544", trials * (2 * o.trial_seconds + TRIAL_MORE_S), captures,
                          loop=way == "loop", flows=flows, keeper=keeper, search={
                              "max_pps": o.max_pps, "precision": o.precision,
                              "seconds": o.trial_seconds, "limits": LIMITS})
        why = add_rates(result, got, size if size == "imix" else min(size, session.plan.largest))
        result |= {"way": way, "directions": len(flows), "largest": session.plan.largest}
        if size == SMALL and way == "to" and result["ndr"]:
            session.ndr_pps = result["ndr"]["pps"]
        if why:
            result["why"] = why
        for direction in {"both": ("to", "from"), "loop": ()}.get(way, (way,)):
            summary = session.show("summary")
            if summary:
                condition(result, f"bindings that carried packets {direction} mobile nodes, of all",
                          summary[f"used-{direction}"] / session.plan.bindings, TOUCHED)
    return run


def add_rates(result, got, size):
    """ndr, pdr: the trial, None: no rate is low enough; mrr: what comes of the most. Returns why
    there is no figure."""
    result |= {"size": size, "mrr": got["mrr"], "trials": got["trials"],
               "most-pps": got["max_pps"]}
    for name, limit in got["limits"].items():
        result[name] = limit["trial"] or None
        result[f"{name}-limited-by"] = limit["limited_by"]
    result["value"] = result["ndr"]["offered"] / 1e6 if result["ndr"] else 0.0
    kept = [t for t in (result["ndr"], result["pdr"]) if t]
    condition(result, "packets that Pktgen itself did not miss, of those received", 1.0 - (
        sum(t["missed"] for t in kept) / max(1, sum(t["received"] for t in kept))), 1.0)
    return None if result["ndr"] else "packets are lost at the lowest rate tried"


def latency(way):
    """At half the rate without loss, where that was measured."""

    def run(session, result):
        o = session.options
        captures, flows, keeper = _captures(session, way, SMALL)
        got = session.run("latency", 2 * o.trial_seconds + 3 * TRIAL_MORE_S, captures,
                          loop=way == "loop", flows=flows, keeper=keeper, latency={
                              "pps": (session.ndr_pps or o.max_pps or GUESS_PPS) / 2,
                              "seconds": o.trial_seconds, "every_us": STAMP_US,
                              "samples": SAMPLES, "file": str(session.directory / "samples")})
        result |= {"way": way, "size": SMALL, "trial": got["trial"], "samples": got["samples"],
                   "latency-us": got.get("us")}
        if not got["samples"]:
            return (f"Pktgen {VERSION} stamps IPv4 packets of its own and looks for the stamp where"
                    " it put it: behind a home agent there is none")
        result["value"] = got["us"]["p50"]
        return None
    return run


def churn(session, result):
    """Moves while data flow."""
    o, plan, ports = session.options, session.plan, session.ports
    frames = plan.round_frames()
    rounds = max(1, round(o.moves_per_s * o.trial_seconds / frames))
    rest_s = min(o.trial_seconds, REST_S)
    got = session.run(
        "churn", 3 * frames * rounds / o.moves_per_s + 2 * rest_s + 4 * TRIAL_MORE_S,
        {ports.tx: (plan.data(plan.to_mobile(CHURN)), 0),
         ports.rx: (plan.updates(session.rounds), 0)},
        flows=[session.flow("to", sizes=CHURN_SIZES)],
        # In whole rounds: the capture stays where it is believed to be.
        keeper={"port": ports.rx, "frames": frames},
        churn={"pps": o.churn_pps or (session.ndr_pps or o.max_pps or GUESS_PPS) / 2,
               "seconds": rest_s, "from": ports.rx, "frames": frames, "nodes": plan.bindings,
               "rounds": rounds, "moves_pps": o.moves_per_s, "ack_sizes": ACK_SIZES})
    session.rounds += got["rounds"]
    result |= {"way": "to", "size": CHURN, **{k.replace("_", "-"): v for k, v in got.items()}}
    result["value"] = got["blocked_per_move_s"] * 1000
    condition(result, "moves acknowledged, of all", got["acknowledged"] / got["moves"], SENT)


TO, FROM, BOTH = "intercept + encapsulate", "decapsulate + check", "both directions, added up"

PKTGEN_ROWS = [
    PktgenRow("pktgen-loop-78", "the generator and its ports without hamd, 78 octets",
              rates("loop", SMALL), loop=True),
    PktgenRow("pktgen-loop-latency", "latency of the generator and its ports without hamd",
              latency("loop"), unit="us", loop=True),
    *(PktgenRow(f"pktgen-{name}-{size}", f"{title}, {size if size == 'imix' else f'{size} octets'}",
                rates(way, size))
      for name, way, title in (("intercept", "to", TO), ("decapsulate", "from", FROM),
                               ("both", "both", BOTH))
      for size in (SMALL, "imix", LARGE)),
    PktgenRow("pktgen-latency", f"latency of {TO} at half the rate without loss",
              latency("to"), unit="us"),
    PktgenRow("pktgen-churn", "effective blocked time of a move, while data flow and nodes move",
              churn, unit="ms"),
]
