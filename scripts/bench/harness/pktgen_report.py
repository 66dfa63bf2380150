# SPDX-License-Identifier: BSD-3-Clause
"""How the report shows what was measured with Pktgen."""

NOTE = """\
Rates are of frames offered, Ethernet checksum counted in their size; where both directions carry
data, they are added up. NDR: the highest rate without loss. PDR: with at most 0.5 % of it. MRR: what
is delivered of the most that is offered. Blocked time: packets lost / offered rate; of one move, the
same for the packets of one mobile node. "functional": on virtual ports, cores shared with the
generator: it works, and nothing is said about how fast."""


def value(row):
    """None: no row of Pktgen's."""
    if "mrr" in row:
        pps = [row[k] and row[k]["offered"] for k in ("ndr", "pdr")] + [row["mrr"]["delivered"]]
        text = ", ".join(f"{name} {'none' if not v else f'{v / 1e6:.4g}'}"
                         for name, v in zip(("NDR", "PDR", "MRR"), pps)) + " Mpps"
        if row["directions"] == 2:
            text += ", both directions"
        return text + (f", {row['cycles']:.0f} cycles a packet" if "cycles" in row else "")
    if row.get("latency-us"):
        return ", ".join(f"{k} {row['latency-us'][k]:.3g}" for k in
                         ("p50", "p99", "p999", "max")) + " us"
    if "blocked-per-move-s" in row:
        return (f"{row['value']:.3g} ms a move, {row['blocked-s'] * 1000:.3g} ms in all"
                f" ({row['moves']} moves, {row['moves-per-s']:.0f} a second,"
                f" {row['moving']['offered']:.0f} packets a second)")
    return None


def note(rows):
    """Below the table, where a row is Pktgen's."""
    if not any("mrr" in r or "moving" in r or "samples" in r for r in rows):
        return ""
    sizes = sorted({f"{r['largest']} octets" for r in rows if "largest" in r})
    largest = f" The largest frames have {', '.join(sizes)}." if sizes else ""
    return NOTE.replace("\n", " ") + largest


def _save(plt, figure, path):
    for kind in ("png", "svg"):
        figure.savefig(f"{path}.{kind}", bbox_inches="tight")
    plt.close(figure)


def _plot_rates(plt, path, rows):
    figure, axes = plt.subplots()
    width = 0.27
    for i, (name, key) in enumerate((("ndr", "offered"), ("pdr", "offered"), ("mrr", "delivered"))):
        axes.bar([n + (i - 1) * width for n in range(len(rows))],
                 [(r[name] or {}).get(key, 0.0) / 1e6 for r in rows], width, label=name.upper())
    axes.set_xticks(range(len(rows)), [r["row"].removeprefix("pktgen-") for r in rows],
                    rotation=45, ha="right")
    axes.set_ylabel("million packets a second")
    axes.legend()
    axes.grid(alpha=0.3, axis="y")
    _save(plt, figure, path)


def _plot_loss(plt, path, rows):
    figure, axes = plt.subplots()
    for r in rows:
        trials = sorted((t["offered"] / 1e6, t["loss"] * 100) for t in r["trials"])
        axes.plot(*zip(*trials), marker="o", label=r["row"].removeprefix("pktgen-"))
    axes.axhline(0.5, linestyle=":", color="grey")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.set_xlabel("offered, million packets a second")
    axes.set_ylabel("lost, per cent")
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    _save(plt, figure, path)


def _plot_latency(plt, path, rows):
    figure, axes = plt.subplots()
    names = ("min", "p50", "p90", "p99", "p999", "max")
    for r in rows:
        axes.plot(names, [r["latency-us"][n] for n in names], marker="o",
                  label=r["row"].removeprefix("pktgen-"))
    axes.set_yscale("log")
    axes.set_ylabel("microseconds")
    axes.legend()
    axes.grid(alpha=0.3)
    _save(plt, figure, path)


def plots(plt, directory, rows):
    """rows: those that count."""
    rated = [r for r in rows if "mrr" in r]
    if rated:
        _plot_rates(plt, directory / "pktgen-rates", rated)
        _plot_loss(plt, directory / "pktgen-loss", rated)
    timed = [r for r in rows if r.get("latency-us")]
    if timed:
        _plot_latency(plt, directory / "pktgen-latency", timed)
