# SPDX-License-Identifier: BSD-3-Clause
"""Distinct mutants of packets of every kind, each through a running hamd exactly once: its port is
a capture that DPDK's net_pcap reads to its end. HAMD_MUTANTS says how many (scripts/soak: a
million), HAMD_ASAN_BUILD whose hamd (scripts/test: the one with sanitizers), HAMD_SEED which."""

import os
import struct
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6

from lab import daemon as lab_daemon
from lab import mip6
from lab.daemon import home_agent_config, runtime
from lab.kinds import COA, KINDS, Mutator
from lab.shell import until
from lab.world import HA, HAMD, HAMD_ROUTER, hoa_of

COUNT = int(os.environ.get("HAMD_MUTANTS", "50000"))
SEED = os.environ.get("HAMD_SEED", "20261126")
HAMD_MAC = "02:70:63:61:70:00"  # net_pcap's first
ROUTER_MAC = "02:00:00:00:00:01"
BOUND = 4


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def before():
    """What makes the mutants matter: the router is known, mobile nodes are bound."""
    yield bytes(IPv6(src=HAMD_ROUTER, dst=HAMD, hlim=255) / ICMPv6ND_NS(tgt=HAMD)
                / ICMPv6NDOptSrcLLAddr(lladdr=ROUTER_MAC))
    for n in range(1, BOUND + 1):
        yield bytes(mip6.binding_update(hoa_of(n), COA, HA, 1, lifetime_s=3600))


def write_capture(path, count):
    """A pcap of `count` mutants and what comes before them; how many packets it has."""
    head = mac(HAMD_MAC) + mac(ROUTER_MAC) + b"\x86\xdd"
    n = 0
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for packets in (before(), Mutator(KINDS.values(), SEED).take(count)):
            for pkt in packets:
                out.write(struct.pack("<IIII", 0, 0, 14 + len(pkt), 14 + len(pkt)))
                out.write(head + pkt)
                n += 1
    return n


@pytest.fixture
def sanitized(monkeypatch):
    """lab.daemon's hamd is the one with sanitizers, if there is one."""
    build = os.environ.get("HAMD_ASAN_BUILD")
    if build:
        monkeypatch.setattr(lab_daemon, "HAMD", Path(build) / "src" / "hamd")
        monkeypatch.setenv("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=0")
        monkeypatch.setenv("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")


@pytest.mark.timeout(60 + COUNT / 1000)
def test_mutants(lab, daemon, sanitized):
    total = write_capture(lab.dir / "mutants.pcap", COUNT)
    plenty = 1000000
    config = home_agent_config(
        BOUND, port={"device": f"net_pcap0,rx_pcap={lab.dir}/mutants.pcap"},
        domain={"limits": {"bu-per-s-per-source": plenty, "bu-burst-per-source": plenty,
                           "bu-per-s-per-mobile-node": plenty,
                           "bu-burst-per-mobile-node": plenty, "bu-per-s": plenty,
                           "max-bindings-per-care-of": 1000}},
        runtime=runtime(**{"memory-mb": 256}),
        icmp={"errors-per-s": 100000, "burst": 100000}, reassembly={"timeout-ms": 1000})
    hamd = daemon(lab.ns("h"), config, "mutants").start()

    def taken():
        assert hamd.is_running(), "hamd ended: " + "\n".join(hamd.lines[-40:])
        return hamd.ctl.counters()["rx_packets"] >= total

    until("the whole capture", taken, 60 + COUNT / 2000, 0.2)
    counters, drops = hamd.ctl.counters(), hamd.ctl.drops()
    assert counters["rx_packets"] == total
    assert counters["bu_registered"] >= BOUND
    # They got everywhere, not only to the first check.
    assert counters["encapsulated"] > 0 and counters["decapsulated"] > 0
    hit = [name for name, count in drops.items() if count]
    assert len(hit) >= 40, hit
    until("all packet buffers back", lambda: all_back(hamd), 10)
    print(f"{COUNT} distinct mutants, {len(hit)} of {len(drops)} drop reasons")
    assert hamd.stop() == 0


def all_back(hamd):
    free, every = hamd.ctl.pool()
    return free == every
