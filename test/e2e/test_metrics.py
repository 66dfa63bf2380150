# SPDX-License-Identifier: BSD-3-Clause
"""hamctl metrics of a running hamd, read by Prometheus' own parsers, and DPDK's telemetry socket:
the same figures as hamctl show, and none about a single mobile node."""

import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

from lab import mesh
from lab.daemon import ROOT
from lab.world import HAMD

MOBILE_NODES = 2
CONFIG = {"accounting": {"file": f"/tmp/hamd-e2e-metrics-{os.getpid()}.jsonl"}}


@pytest.fixture(scope="module", autouse=True)
def no_file_left(home):
    yield
    Path(CONFIG["accounting"]["file"]).unlink(missing_ok=True)


def families(text):
    return {f.name: f for f in openmetrics.text_string_to_metric_families(text)}


def values(text):
    """{(sample, labels): value}."""
    return {(s.name, frozenset(s.labels.items())): float(s.value)
            for f in families(text).values() for s in f.samples}


def value(text, name, **labels):
    return values(text)[name, frozenset(labels.items())]


def test_figures(home):
    home.mn.register("link1")
    got, said = home.cn.ping(home.mn.hoa, count=5)
    assert got == 5, said
    home.cn.ping("2001:db8:a::dead", count=2, wait=0.1)
    before = home.ctl.counters(), home.ctl.drops()
    text = home.ctl("metrics")
    after = home.ctl.counters(), home.ctl.drops()
    got = values(text)
    none = frozenset()
    for name, least in before[0].items():
        assert least <= got[f"hamd_{name}_total", none] <= after[0][name], name
    for reason, least in before[1].items():
        sample = "hamd_dropped_packets_total", frozenset({("reason", reason)})
        assert least <= got[sample] <= after[1][reason], reason
    assert value(text, "hamd_encapsulated_total") >= 5
    assert value(text, "hamd_dropped_packets_total", reason="intercept_no_binding") >= 2
    assert value(text, "hamd_bindings", domain="home") == 1
    assert value(text, "hamd_bindings_max") == 1000
    assert value(text, "hamd_ready") == 1
    assert value(text, "hamd_port_up", port="wan") == 1
    assert value(text, "hamd_packet_buffers") == home.ctl.pool()[1]
    assert value(text, "hamd_accounting_sessions") == 1
    assert value(text, "hamd_accounting_lines_total") >= 2
    assert value(text, "hamd_stage_packets_total", lcore="0", stage="encap") >= 5
    alarms = {dict(labels)["alarm"] for name, labels in got if name == "hamd_alarm_raised"}
    assert alarms == {r["alarm"] for r in home.ctl.show("alarms", "--all")}


def test_format(home):
    """Types and units; the older text format, which node_exporter reads, says the same."""
    text = home.ctl("metrics")
    assert text.endswith("# EOF\n")
    found = families(text)
    assert found["hamd_rx_packets"].type == "counter"
    assert found["hamd_rx_bytes"].unit == "bytes"
    assert found["hamd_lcore_longest_turn_seconds"].type == "gauge"
    assert found["hamd_lcore_slow_turns"].type == "counter"
    assert all(f.documentation and f.type in ("counter", "gauge") for f in found.values())
    old = {(s.name, frozenset(s.labels.items())): float(s.value)
           for f in prometheus.text_string_to_metric_families(text) for s in f.samples}
    assert old == values(text)
    if shutil.which("promtool"):
        run = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                             capture_output=True, check=False)
        assert "error while linting" not in run.stderr, run.stderr


def test_nothing_per_mobile_node(home):
    """As many series with two mobile nodes as with one, and no address in any."""
    home.mn.register("link1")
    one = set(values(home.ctl("metrics")))
    home.mns[1].register("link1")
    text = home.ctl("metrics")
    assert set(values(text)) == one
    assert "2001:db8" not in text and HAMD not in text


def test_documented(home):
    """docs/counters.md names exactly these, and those of a mesh (test_mesh_operator.py)."""
    doc = (ROOT / "docs" / "counters.md").read_text()
    plain, metrics = doc.split("\n## Metrics\n")
    counters = plain.split("\n## Drops\n")[0]
    named = {f"hamd_{n}" for n in re.findall(r"^\| `([a-z0-9_]+)` \|", counters, re.M)}
    named |= set(re.findall(r"^\| `(hamd_[a-z0-9_]+?)(?:_total)?` \|", metrics, re.M))
    assert mesh.METRICS < named
    assert set(families(home.ctl("metrics"))) == named - mesh.METRICS


def test_failure_prints_nothing(home):
    """A script that moves the output into place must see that there is none."""
    gone = type(home.ctl)(home.ctl.binary, home.lab.dir / "gone.sock")
    done = gone.run("metrics")
    assert done.returncode == 1 and done.stdout == ""


def test_telemetry(home):
    """The data plane's figures on DPDK's socket."""
    node = home.ctl.show("version")[0]["node"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.settimeout(5)
        sock.connect(f"/run/dpdk/hamd-{node}/dpdk_telemetry.v2")
        limit = json.loads(sock.recv(1024))["max_output_len"]

        def ask(command):
            sock.send(command.encode())
            got = sock.recv(2 * limit)
            assert len(got) <= limit
            return json.loads(got)[command]

        before = home.ctl.counters(), home.ctl.drops()
        counters, drops, lcores = map(ask, ("/hamd/counters", "/hamd/drops", "/hamd/lcores"))
        after = home.ctl.counters()
        assert set(counters) < set(before[0]) and set(drops) == set(before[1])
        assert all(before[0][n] <= v <= after[n] for n, v in counters.items())
        assert lcores["lcore_ids"] == [0]
        assert 0 < lcores["busy_cycles"][0] < lcores["total_cycles"][0]
        assert ask("/hamd/buffers")["buffers"] == home.ctl.pool()[1]
        assert ask("/hamd/nothing") is None
        assert "/hamd/drops" in ask("/")
