# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces and the links between them.

A Lab has an id of its own; its namespaces are called hamd-ID-NAME and it holds a lock on
/run/hamd-lab/ID for as long as it lives. Whatever ends the process frees the lock, so that the
next Lab can tell leftovers of a killed run from a run beside it, and removes them.
"""

import contextlib
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from .shell import LabError, sh

RUN_DIR = Path("/run/hamd-lab")
NETNS_DIR = Path("/run/netns")
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


class Netns:
    """A namespace. Commands, sockets and sysctls in it."""

    def __init__(self, name):
        self.name = name
        sh("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *args, check=True):
        return sh("ip", "-n", self.name, *args, check=check)

    def run(self, *args, check=True, stdin=None, timeout=30):
        return sh("ip", "netns", "exec", self.name, *args, check=check, stdin=stdin,
                  timeout=timeout)

    def popen(self, *args, **kwargs):
        """A child in the namespace; `ip netns exec` replaces itself, so the pid is the command's."""
        return subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, args)], **kwargs)

    def sysctl(self, **values):
        """sysctl(net__ipv6__conf__all__forwarding=1): two underscores stand for a dot."""
        for key, value in values.items():
            self.run("sysctl", "-qw", f"{key.replace('__', '.')}={value}")

    def nft(self, rules):
        self.run("nft", "-f", "-", stdin=rules)

    def nft_packets(self, table, counter):
        """Packets that a named counter of table ip6 `table` has seen."""
        words = self.run("nft", "list", "counter", "ip6", table, counter).split()
        return int(words[words.index("packets") + 1])

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is in the namespace; sockets made here stay in it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(NETNS_DIR / self.name, os.O_RDONLY)
        try:
            _setns(there)
            try:
                yield
            finally:
                _setns(home)
        finally:
            os.close(home)
            os.close(there)

    def socket(self, *args):
        with self.inside():
            return socket.socket(*args)

    def mac(self, dev):
        return self.run("cat", f"/sys/class/net/{dev}/address").strip()

    def ping(self, dst, *args, count=3, interval=None, wait=2):
        """How many of `count` echo requests were answered, and what ping wrote. ping(8) waits for
        the last answer no longer than its interval once it has seen another: a few requests leave
        at once, and each answer has `wait` seconds."""
        if interval is None and count <= AT_ONCE:
            args = ("-l", count, "-i", wait, *args)
        else:
            args = ("-i", interval or 0.05, *args)
        out = self.run("ping", "-6", "-n", "-c", count, "-W", wait, *args, dst, check=False,
                       timeout=60)
        for part in out.split(","):
            if part.strip().endswith("received"):
                return int(part.split()[0]), out
        raise LabError(f"ping {dst} in {self.name}: {out}")

    def ping_all(self, dst, *args, tries=3, **how):
        """All of them answered, in one attempt of so many: a machine that stands still for a moment
        loses frames in front of hamd. Not for who says that nothing is lost."""
        count = how.setdefault("count", 3)
        for attempt in range(tries):
            got, said = self.ping(dst, *args, **how)
            if got == count:
                return
            print(f"{dst}: {got} of {count} answered, attempt {attempt + 1}")
        raise AssertionError(f"{dst}: {got} of {count} answered: {said}")


AT_ONCE = 3  # as many as hamd keeps for a neighbour that it does not know yet

CALM = """
table ip6 calm {{
	chain out {{
		type filter hook output priority 0
		oifname "{dev}" icmpv6 type {{ 131, 132, 133, 143 }} drop
	}}
}}
"""


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Lab:
    """Owner of everything that must be gone afterwards. Use it with `with`."""

    def __init__(self, keep_dir=None):
        if os.geteuid() != 0:
            raise LabError("network namespaces need root")
        sweep()
        self.id = secrets.token_hex(2)
        self.prefix = f"hamd-{self.id}-"
        self.namespaces = {}
        self.closers = []
        RUN_DIR.mkdir(exist_ok=True)
        self._lock = _lock(self.id)
        # Logs and captures: kept by whoever asked for a directory, gone with the lab otherwise.
        self.dir = Path(keep_dir) if keep_dir else RUN_DIR / f"{self.id}.d"
        self._own_dir = keep_dir is None
        self.dir.mkdir(parents=True, exist_ok=True)

    def __enter__(self):
        # A terminated run unwinds like an interrupted one.
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
            signal.signal(signal.SIGHUP, _interrupt)
        return self

    def __exit__(self, *_):
        # Whoever presses Ctrl-C twice wants the same: an end, and nothing left.
        if threading.current_thread() is threading.main_thread():
            for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(sig, signal.SIG_IGN)
        try:
            self.close()
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, signal.default_int_handler)

    def ns(self, name):
        if name not in self.namespaces:
            self.namespaces[name] = Netns(self.prefix + name)
        return self.namespaces[name]

    def link(self, a, dev_a, b, dev_b, mtu=1500):
        """A veth pair between two namespaces, up at both ends, without addresses of its own."""
        sh("ip", "link", "add", "name", dev_a, "netns", a.name, "type", "veth",
           "peer", "name", dev_b, "netns", b.name)
        for ns, dev in ((a, dev_a), (b, dev_b)):
            # What is not computed is not verified by anyone: no offloads on a wire under test.
            ns.run("ethtool", "-K", dev, "tx", "off", "gso", "off", "tso", "off", "gro", "off")
            ns.ip("link", "set", dev, "mtu", mtu, "up")

    def silence(self, ns, dev):
        """The kernel keeps off this interface: it belongs to hamd or to a test."""
        ns.ip("link", "set", dev, "addrgenmode", "none")
        ns.sysctl(**{f"net__ipv6__conf__{dev}__disable_ipv6": 1})

    def calm(self, ns, dev):
        """The kernel at the other end of hamd's link speaks when it has a packet to send, and else
        when asked: what it would tell at times of its own (the groups that it listens to, that its
        address is taken, whether there is a router) would be in hamd's counters. To be said before
        there is the link."""
        ns.sysctl(net__ipv6__conf__default__dad_transmits=0)
        ns.nft(CALM.format(dev=dev))

    def on_close(self, fn):
        self.closers.append(fn)

    def close(self):
        """Idempotent; goes on whatever fails on the way."""
        while self.closers:
            with contextlib.suppress(Exception):
                self.closers.pop()()
        while self.namespaces:
            _, ns = self.namespaces.popitem()
            _remove_namespace(ns.name)
        if self._lock is not None:
            if self._own_dir:
                shutil.rmtree(self.dir, ignore_errors=True)
            (RUN_DIR / self.id).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


def _interrupt(signum, _frame):
    raise KeyboardInterrupt(signal.Signals(signum).name)


def _lock(lab_id):
    """The lock's descriptor, or None when a living run holds it."""
    fd = os.open(RUN_DIR / lab_id, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def sweep():
    """Remove what killed runs left behind. Returns the names of the namespaces removed."""
    gone = []
    if not RUN_DIR.is_dir():
        return gone
    for path in RUN_DIR.iterdir():
        if path.is_dir():
            continue
        fd = _lock(path.name)
        if fd is None:
            continue
        for ns in sorted(NETNS_DIR.glob(f"hamd-{path.name}-*")):
            _remove_namespace(ns.name)
            gone.append(ns.name)
        shutil.rmtree(RUN_DIR / f"{path.name}.d", ignore_errors=True)
        path.unlink(missing_ok=True)
        os.close(fd)
    return gone


def _remove_namespace(name):
    """Ends the processes in it first: a namespace lives as long as anyone is inside."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        pids = sh("ip", "netns", "pids", name, check=False).split()
        if not pids:
            break
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), sig)
        end = time.monotonic() + 2
        while time.monotonic() < end and sh("ip", "netns", "pids", name, check=False).split():
            time.sleep(0.02)
    sh("ip", "netns", "del", name, check=False)
