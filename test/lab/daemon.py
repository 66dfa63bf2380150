# SPDX-License-Identifier: BSD-3-Clause
"""hamd in a namespace."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from . import world
from .hamctl import Hamctl
from .shell import LabError

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("HAMD_BUILD", ROOT / "build"))
HAMD = BUILD / "src" / "hamd"
HAMCTL = BUILD / "src" / "cli" / "hamctl"


def runtime(**changes):
    """The runtime section for a laptop or a virtual machine of two cores."""
    return {"lcores": "0", "memory-mb": 128, "hugepages": False, "idle-sleep-us": 100,
            "max-bindings": 1000, "mbufs": 8192, **changes}


def home_agent_config(mobile_nodes=1, port=None, domain=None, domains=(), **sections):
    """hamd's place in world.World. port, domain: changes to those sections; domains: more of
    them; sections: "runtime", "icmp", "routes" as a whole. The lab gives no address twice: only a
    test of duplicate address detection asks for it, which takes up to two seconds of a start."""
    return {
        "node": {"id": 1, "name": "ha", "roles": ["ha"]},
        "runtime": runtime(),
        "ports": [{"name": "wan", "device": f"net_af_packet0,iface={world.HAMD_DEV}",
                   "addresses": [f"{world.HAMD}/64"], "dad": False, **(port or {})}],
        "routes": [{"prefix": "::/0", "via": world.HAMD_ROUTER}],
        "domains": [{
            "name": "home", "mobile-prefixes": [world.MOBILE_PREFIX],
            "home-agent-address": world.HA,
            "mobile-nodes": [{"home-address": world.hoa_of(n), "auth": {"type": "none"}}
                             for n in range(1, mobile_nodes + 1)],
            **(domain or {})}, *domains],
        **sections,
    }


class Hamd:
    """One run of the daemon after another with one configuration (a dictionary, or a path that
    is used as it is)."""

    READY = r"\bready\b"

    def __init__(self, ns, config, directory, name="hamd"):
        self.ns, self.name = ns, name
        self.dir = Path(directory)
        self.log_path = self.dir / f"{name}.log"
        if isinstance(config, dict):
            self.path = self.dir / f"{name}.json"
            config = json.loads(json.dumps(config))
            # DPDK's files are called after the node: no two runs beside each other share one.
            config.setdefault("node", {})["name"] = f"{ns.name.removeprefix('hamd-')}-{name}"
            config["runtime"].setdefault("socket", str(self.dir / f"{name}.sock"))
            self.path.write_text(json.dumps(config, indent=2) + "\n")
        else:
            self.path = Path(config)
            config = json.loads(self.path.read_text())
        self.socket = config.get("runtime", {}).get(
            "socket", f"/run/hamd/{config.get('node', {}).get('name', 'hamd')}.sock")
        self.has_mesh = "mesh" in config
        self.env = {}  # more than its parent's
        self.ctl = Hamctl(HAMCTL, self.socket)
        self.lines = []
        self._said = threading.Condition()
        self._proc = self._reader = None

    @property
    def pid(self):
        return self._proc.pid if self._proc else None

    def is_running(self):
        return self._proc is not None and self._proc.poll() is None

    def is_ready(self):
        """It runs and has said that it serves; what a mesh thinks of it is not meant."""
        return self.is_running() and any(re.search(self.READY, line) for line in self.lines)

    def start(self, timeout=30, ready=True, realtime=False):
        """realtime: nothing but the kernel takes the first lcore's processor away, so that how
        long its turns take says something about hamd alone."""
        if not HAMD.exists():
            raise LabError(f"{HAMD} is missing: build first")
        self.lines = []
        self._proc = self.ns.popen(HAMD, "-c", self.path, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   errors="replace", env={**os.environ, **self.env})
        if realtime:
            self.prefer()
        self._reader = threading.Thread(target=self._read, args=(self._proc,), daemon=True)
        self._reader.start()
        if ready:
            self.wait_log(self.READY, timeout)
        return self

    def prefer(self):
        """From now on it is realtime."""
        # Not inherited: hamd's other threads are as ever. `ip netns exec` becomes hamd.
        os.sched_setscheduler(self._proc.pid, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK,
                              os.sched_param(10))

    def _read(self, proc):
        with open(self.log_path, "a") as log:
            for line in proc.stderr:
                log.write(line)
                log.flush()
                with self._said:
                    self.lines.append(line.rstrip("\n"))
                    self._said.notify_all()
        with self._said:
            self._said.notify_all()

    def wait_log(self, pattern, timeout=5.0, since=0):
        """The first line that matches; hamd's end, or the time's, is a failure that shows the
        log."""
        rx = re.compile(pattern)

        def found():
            return next((line for line in self.lines[since:] if rx.search(line)), None)

        with self._said:
            self._said.wait_for(lambda: found() or not self._reader.is_alive(), timeout)
            if found():
                return found()
        raise LabError(f"hamd never logged /{pattern}/"
                       f" (exit status {self._proc.poll()}); its last lines:\n"
                       + "\n".join(self.lines[-15:]))

    @contextlib.contextmanager
    def watching(self, what, *args, timeout=20):
        """`hamctl trace` or `hamctl capture` around the block, which begins when the daemon says
        that it has begun. Yields the process; its answer is in .out and .err after the block."""
        seen = len(self.lines)
        proc = self.ctl.start(what, *args)
        try:
            self.wait_log(f"{what} begins", since=seen)
            yield proc
            proc.out, proc.err = proc.communicate(timeout=timeout)
        finally:
            if proc.poll() is None:
                proc.kill()
                proc.communicate()
        assert proc.returncode == 0, proc.err

    def send_signal(self, sig):
        """Without waiting for what becomes of it."""
        self._proc.send_signal(sig)

    def stop(self, sig=signal.SIGTERM, timeout=10):
        """Ask it to stop; its exit status (negative: ended by that signal)."""
        if self._proc is None:
            return None
        if self._proc.poll() is None:
            self._proc.send_signal(sig)
        try:
            rc = self._proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self._proc.kill()
            self._proc.wait()
            raise LabError(f"hamd did not stop within {timeout} s, killed; see {self.log_path}")
        finally:
            self._reader.join(5)
        return rc

    def kill9(self):
        return self.stop(signal.SIGKILL)
