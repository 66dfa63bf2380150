# SPDX-License-Identifier: BSD-3-Clause
"""What a measurement ran on, and what it needs of the machine."""

import contextlib
import ctypes
import errno
import os
import platform
import socket
import struct
import subprocess
from pathlib import Path

from programs import BenchError

PAGES = Path("/proc/sys/vm/nr_hugepages")
PAGE_MB = 2
SOFTNET = Path("/proc/net/softnet_stat")
RT_RUNTIME = Path("/proc/sys/kernel/sched_rt_runtime_us")


def _cpu():
    fields = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if ":" in line)
    return {k.strip(): v.strip() for k, v in fields.items()}


def _read(path):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return "unknown"


def _say(*command, cwd=None):
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def environment(options):
    cpu = _cpu()
    return {
        "processor": cpu.get("model name"), "family": cpu.get("cpu family"),
        "model": cpu.get("model"), "virtual": "hypervisor" in cpu.get("flags", ""),
        "cores": len(os.sched_getaffinity(0)),
        "worker-core": options.core, "control-core": options.control_core,
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "l3": _read("/sys/devices/system/cpu/cpu0/cache/index3/size"),
        "kernel": platform.release(),
        "dpdk": _say("pkg-config", "--modversion", "libdpdk"),
        "compiler": _say("gcc", "--version").split("\n")[0],
        "commit": _say("git", "-c", "safe.directory=*", "describe", "--always", "--dirty",
                       cwd=options.root),
        "hugepages-mb": int(PAGES.read_text()) * PAGE_MB,
        "source": "net_pcap infinite_rx, 4096 packets, addresses by scripts/bench/rnd",
        "buildtype": "release",
    }


@contextlib.contextmanager
def hugepages(megabytes):
    """At least so many MB in pages of 2 MB while the block runs; as before after it."""
    before = PAGES.read_text()
    want = max(int(before), -(-megabytes // PAGE_MB))
    try:
        PAGES.write_text(str(want))
    except PermissionError:
        raise BenchError("needs root: it sets up huge pages") from None
    try:
        got = int(PAGES.read_text())
        if got < want:
            raise BenchError(f"the kernel gives {got * PAGE_MB} MB in huge pages, not"
                             f" {want * PAGE_MB}: free memory, or start anew")
        yield
    finally:
        PAGES.write_text(before)


@contextlib.contextmanager
def unthrottled():
    """Realtime threads may run for longer than 950 ms a second while the block runs: the kernel
    does not stop a busy site's lcore for 50 ms."""
    before = RT_RUNTIME.read_text()
    try:
        RT_RUNTIME.write_text("-1")
    except OSError as e:
        raise BenchError(f"{RT_RUNTIME}: {e.strerror}") from None
    try:
        yield
    finally:
        RT_RUNTIME.write_text(before)


def backlog_drops():
    """Of each core: packets between namespaces that found its queue full (second column)."""
    return [int(line.split()[1], 16) for line in SOFTNET.read_text().splitlines()]


SO_DOMAIN, SOL_PACKET, PACKET_STATISTICS = 39, 263, 6
SYS_PIDFD_GETFD = 438


def _ring_drops_of(fd):
    with socket.socket(fileno=fd) as s:
        if s.getsockopt(socket.SOL_SOCKET, SO_DOMAIN) != socket.AF_PACKET:
            return 0
        return struct.unpack("II", s.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]


def ring_drops(pid):
    """Packets for which the rings of a process's packet sockets had no room, since this was asked
    last: net_af_packet does not ask."""
    libc, drops = ctypes.CDLL(None, use_errno=True), 0
    process = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                if os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                    fd = libc.syscall(SYS_PIDFD_GETFD, process, int(name), 0)
                    if fd < 0 and ctypes.get_errno() != errno.EBADF:  # closed meanwhile
                        raise BenchError("pidfd_getfd: " + os.strerror(ctypes.get_errno()))
                    drops += _ring_drops_of(fd) if fd >= 0 else 0
    finally:
        os.close(process)
    return drops


def _meminfo():
    """{name: value}; sizes in KiB."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines}


def free_hugepages_mb():
    """Of the size that is the machine's default."""
    info = _meminfo()
    return info.get("HugePages_Free", 0) * info.get("Hugepagesize", 0) // 1024


def free_mb():
    return _meminfo().get("MemAvailable", 0) // 1024
