# SPDX-License-Identifier: BSD-3-Clause
"""The programs that are measured: started once, then stopped and continued in turn."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from telemetry import Telemetry


class BenchError(Exception):
    pass


class Program:
    """One DPDK process on the cores given; `command` begins with the program, EAL's part of the
    arguments is added behind it, the rest follows a "--"."""

    def __init__(self, name, command, directory, *, lcores, vdevs, plugin, source, memory_mb=256,
                 rest=()):
        self.name = name
        self.prefix = f"bench-{os.getpid()}-{name}"
        self.directory = Path(directory)
        self.log = self.directory / f"{name}.log"
        self.telemetry = Telemetry(self.prefix)
        self._source = self.directory / f"{name}.source"
        self._is_quiet = not any(" flows " in line for line in source)
        self._source.write_text("".join(line + "\n" for line in source))
        eal = ["-l", lcores, "--in-memory", "-m", str(memory_mb), "--no-pci", "-d", plugin,
               f"--file-prefix={self.prefix}", "--log-level=*:warning",
               *(f"--vdev={v}" for v in vdevs)]
        self._command = self.arguments(command, eal, rest)
        self._process = None

    def arguments(self, command, eal, rest):
        return [*command, *eal, "--", *rest]

    @property
    def pid(self):
        return self._process.pid

    def start(self, timeout=60):
        with open(self.log, "w") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=log, stderr=log,
                env={**os.environ, "HAMD_BENCH_SOURCE": str(self._source)})
        deadline = time.monotonic() + timeout
        if not self.telemetry.connect(deadline):
            self.fail("does not start")
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self.fail("ended")
            if self.is_ready():
                return self
            time.sleep(0.05)
        self.fail("forwards nothing")
        return None

    def is_ready(self):
        """The source of traffic is in its place, and packets move if there are any."""
        try:
            return "/bench/flows" in self.telemetry("/") and \
                (self._is_quiet or self.telemetry.stats()[1] > 0)
        except OSError:  # not that far yet
            return False

    def fail(self, what):
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
        self.stop()
        raise BenchError(f"{self.name} {what}; the end of its log:\n{tail}\n"
                         f"command: {' '.join(map(str, self._command))}")

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        if self._process.poll() is not None:
            self.fail("ended")
        self._process.send_signal(signal.SIGCONT)

    def stop(self):
        if self._process is None:
            return
        self.telemetry.close()
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class Testpmd(Program):
    """The floor: takes packets and frees them."""

    def __init__(self, directory, *, lcore, **kind):
        super().__init__("floor", ["dpdk-testpmd"], directory, lcores=f"0,{lcore}",
                         rest=["--forward-mode=rxonly", "--auto-start", "--burst=64"], **kind)


class L3fwd(Program):
    """The peer: DPDK's example router with its FIB, one route a subnet."""

    def __init__(self, directory, binary, *, lcore, routes, **kind):
        rules = Path(directory) / "l3fwd6.cfg", Path(directory) / "l3fwd4.cfg"
        rules[0].write_text("".join(f"R{r} 0\n" for r in routes))
        rules[1].write_text("R192.0.2.0/24 0\n")
        super().__init__("l3fwd", [binary], directory, lcores=str(lcore),
                         rest=["-p", "1", "-P", "--parse-ptype", "--lookup=fib",
                               f"--config=(0,0,{lcore})", f"--rule_ipv6={rules[0]}",
                               f"--rule_ipv4={rules[1]}"], **kind)


class Secgw(Program):
    """The peer in a mesh: DPDK's example of an IPsec gateway, its librte_ipsec path. It wants a
    port on each side: the other one is quiet."""

    def __init__(self, directory, binary, config, *, pmd, lcore, opens, vdevs, **kind):
        super().__init__(f"secgw-{pmd}", [binary], directory, lcores=str(lcore),
                         vdevs=[*vdevs, "net_null1,no-rx=1", f"crypto_{pmd}0"],
                         rest=["-p", "0x3", "-P", "-u", "0x1" if opens else "0x2", "-l",
                               f"--config=(0,0,{lcore}),(1,0,{lcore})", "-f", str(config)],
                         **kind)


class Site(Program):
    """A worker of hamd's with the tables of a site (scripts/bench/site)."""

    def __init__(self, directory, binary, *, lcore, opens, bindings, **kind):
        super().__init__("hamd", [binary], directory, lcores=str(lcore),
                         rest=["open" if opens else "seal", str(bindings)], **kind)


class Hamctl:
    """What a hamd says about itself."""

    def __init__(self, build, socket):
        self.hamctl = [str(Path(build) / "src" / "cli" / "hamctl"), "-s", str(socket)]

    def show(self, what, *options):
        done = subprocess.run([*self.hamctl, "show", what, *options, "--json"],
                              capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise BenchError(f"hamctl show {what}: {done.stderr.strip()}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    @contextlib.contextmanager
    def tracing(self, *options):
        """While `hamctl trace` runs; what it is told is thrown away."""
        process = subprocess.Popen([*self.hamctl, "trace", "--count", "0", "--seconds", "0",
                                    *options], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        try:
            time.sleep(0.3)
            if process.poll() is not None:
                raise BenchError(f"hamctl trace: {process.stderr.read().strip()}")
            yield
        finally:
            process.terminate()
            process.communicate()

    def counters(self):
        """Counters and drops: {name: value}."""
        return {r["counter"]: r["value"] for r in self.show("counters")} | \
            {r["drop"]: r["count"] for r in self.show("drops", "--all")}

    def stages(self):
        """Of all lcores: {stage: (packets, cycles)}, and the control core's longest turn."""
        sums = {}
        longest = 0
        for lcore in self.show("lcores"):
            if lcore["role"] != "worker":
                longest = max(longest, lcore["longest-turn-us"])
            if lcore["role"] == "control":
                continue
            for s in lcore["stages"]:
                packets, cycles = sums.get(s["stage"], (0, 0))
                sums[s["stage"]] = packets + s["packets"], cycles + s["cycles"]
        return sums, longest

    def control_longest(self):
        """The control core's longest turn, by processor time: what it takes where nothing else runs
        on that core, and what took most of it."""
        lcore, = (lc for lc in self.show("lcores") if lc["role"] != "worker")
        return {"cpu-us": lcore["longest-turn-cpu-us"], "mostly": lcore["longest-turn-cpu-part"]}

    def reload(self):
        done = subprocess.run([*self.hamctl, "reload"], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise BenchError(f"hamctl reload: {done.stderr.strip()}")


class Hamd(Program, Hamctl):
    """hamd of a build. Its configuration names what EAL's arguments say for others. plugin: None:
    it gets none."""

    def __init__(self, directory, build, config, *, name="hamd", plugin, source):
        self._socket = socket = Path(directory) / f"{name}.sock"
        Hamctl.__init__(self, build, socket)
        self._path = Path(directory) / f"{name}.json"
        Program.__init__(self, name, [str(Path(build) / "src" / "hamd")], directory, lcores="",
                         vdevs=(), plugin=plugin, source=source)
        config["node"] = {"name": self.prefix}
        config["runtime"] |= {"socket": str(socket)}
        if plugin:
            config["runtime"] |= {"dpdk-drivers": str(plugin)}
        self.telemetry = Telemetry(f"hamd-{self.prefix}")
        self._path.write_text(json.dumps(config, separators=(",", ":")))

    def is_ready(self):
        """Tables come behind the ports, and hamctl is answered last."""
        return self._socket.exists() and super().is_ready()

    def arguments(self, command, eal, rest):
        return [*command, "-c", str(self._path)]
