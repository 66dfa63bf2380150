# SPDX-License-Identifier: BSD-3-Clause
"""The report of a run: JSON with all figures, a table, plots."""

import json
from pathlib import Path

import pktgen_report

FORMAT = 1


def _ns(row, who):
    figures = row.get(who, {}).get("ns")
    return f"{figures['median']:.1f}" if figures else "-"


def _span(figures, digits=2):
    if not figures:
        return "-"
    return f"{figures['median']:.{digits}f} ({figures['min']:.{digits}f}-{figures['max']:.{digits}f})"


def _limits(row):
    def text(value):
        return "-" if value is None else f"{value:g}"
    return f"{text(row.get('must'))} / {text(row.get('aim'))}"


def _value(row):
    if row["status"] == "not shown":
        return "-"
    text = pktgen_report.value(row)
    if text:
        return text
    if row["unit"] == "ratio":
        return _span(row.get("ratio")) + " x"
    if "rate" in row:
        return " ".join(f"{row['rate'][k]:,.0f}" for k in ("median",)) + " a second"
    return f"{row['value']:.3g} {row['unit']}"


def _remark(row):
    missed = [f"{c['condition']}: {c['value']:.3g}, not {c['least']:g}"
              for c in row["conditions"] if not c["met"]]
    missed += [f"{a['what']}: {a['value']:.3g} {a['unit']}, must {a['must']:g}, aim {a['aim']:g}"
               for a in row.get("also", ())]
    if "gross" in row:
        missed.append(f"{_span(row['gross'])} x with what its own source costs")
    if row.get("void-trials"):
        missed.append(f"{len(row['void-trials'])} more trials void: a site's turn took up to"
                      f" {max(t['longest-turn-us'] for t in row['void-trials']) / 1000:.0f} ms")
    return "; ".join(missed) or row.get("why", "")


COMPARED = ("Median (least - most) of turns; ns a packet on one worker core, taken in turn with the"
            " peer (l3fwd with its FIB, 64 routes; of mesh rows ipsec-secgw -l) and the floor (testpmd that only receives). Net"
            " cost: (hamd - floor) / (peer - floor).")
HEAD = ("row", "floor ns", "peer ns", "hamd ns", "value", "net cost", "must / aim", "status")


def cells(row):
    return (row["row"], _ns(row, "floor"), _ns(row, row.get("peer", "l3fwd")),
            _ns(row, "hamd"), _value(row), _span(row.get("net"), 1), _limits(row),
            row["status"] + (f" ({_remark(row)})" if _remark(row) else ""))


def table(rows):
    lines = [HEAD, *map(cells, rows)]
    width = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    return "\n".join("  ".join(text.ljust(w) for text, w in zip(line, width)).rstrip()
                     for line in lines)


def markdown(report):
    out = ["# Performance report", ""]
    out += [f"- {key}: {value}" for key, value in report["environment"].items()]
    out += ["", "| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    out += ["| " + " | ".join(cells(row)) + " |" for row in report["rows"]]
    out += ["", pktgen_report.note(report["rows"]) or COMPARED, ""]
    for row in report["rows"]:
        if "tracing" in row:
            out.append(f"- {row['row']}, ns a packet that nobody traces: never traced"
                       f" {row['calm']['ns']['median']:.1f}, while others are traced"
                       f" {row['tracing']['ns']['median']:.1f}, afterwards"
                       f" {row['hamd']['ns']['median']:.1f}")
        if "stages" in row:
            out.append(f"- {row['row']}, cycles a packet: " +
                       ", ".join(f"{s} {c:.0f}" for s, c in row["stages"].items()))
    return "\n".join(out) + "\n"


def _plot_lines(plt, path, rows, x, label, log):
    figure, axes = plt.subplots()
    for who, name in (("hamd", "hamd"), ("l3fwd", "l3fwd, FIB"), ("floor", "floor")):
        points = [(x(r), r[who]["mpps"]) for r in rows if who in r]
        if not points:
            continue
        axes.errorbar([p[0] for p in points], [p[1]["median"] for p in points],
                      [[p[1]["median"] - p[1]["min"] for p in points],
                       [p[1]["max"] - p[1]["median"] for p in points]],
                      marker="o", capsize=3, label=name)
    if log:
        axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("million packets a second, one core")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(alpha=0.3)
    for kind in ("png", "svg"):
        figure.savefig(f"{path}.{kind}", bbox_inches="tight")
    plt.close(figure)


def _plot_stages(plt, path, rows):
    figure, axes = plt.subplots()
    names = [r["row"] for r in rows]
    base = [0.0] * len(rows)
    for stage in dict.fromkeys(s for r in rows for s in r["stages"]):
        height = [r["stages"].get(stage, 0.0) for r in rows]
        axes.bar(names, height, bottom=base, label=stage)
        base = [b + h for b, h in zip(base, height)]
    axes.set_ylabel("TSC cycles a packet")
    axes.tick_params(axis="x", rotation=45)
    axes.legend()
    for kind in ("png", "svg"):
        figure.savefig(f"{path}.{kind}", bbox_inches="tight")
    plt.close(figure)


def plots(report, directory):
    """False: matplotlib is missing."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    rows = [r for r in report["rows"] if r["status"] in ("ok", "short", "functional")]
    pktgen_report.plots(plt, directory, rows)
    by_bindings = sorted((r for r in rows if r["row"].startswith("intercept") and
                          r.get("size") == 78), key=lambda r: r["bindings"])
    by_size = sorted((r for r in rows if r["row"].startswith("intercept") and
                      r["bindings"] == 10000 and isinstance(r.get("size"), int)),
                     key=lambda r: r["size"])
    if len(by_bindings) > 1:
        _plot_lines(plt, directory / "rate-over-bindings", by_bindings,
                    lambda r: r["bindings"], "bindings, destinations at random", True)
    if len(by_size) > 1:
        _plot_lines(plt, directory / "rate-over-size", by_size, lambda r: r["size"],
                    "octets of a frame before it is tunnelled", False)
    staged = [r for r in rows if r.get("stages")]
    if staged:
        _plot_stages(plt, directory / "cycles-per-stage", staged)
    return True


def write(report, directory):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (directory / "report.md").write_text(markdown(report))
    return plots(report, directory)
