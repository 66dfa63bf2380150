# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench/run's options for measuring with Pktgen."""

import os
from pathlib import Path

from pktgen import MAC, is_memif, is_pci, lcores
from pktgen_plan import MAX_BINDINGS

# What is left out gets the first on memif ports, where cores are shared, the second on cards.
DEFAULTS = {"bindings": (256, MAX_BINDINGS), "max_pps": (20000, None), "trial_seconds": (2.0, 10.0),
            "precision": (0.1, 0.01), "moves_per_s": (200, 1000)}
LIMITS = {"bindings": (1, MAX_BINDINGS), "max_pps": (100, 1e9), "trial_seconds": (1, 3600),
          "precision": (0.001, 0.5), "moves_per_s": (1, 1e6), "churn_pps": (100, 1e9),
          "pktgen_memory_mb": (1024, 1 << 20)}


def _default(name):
    memif, card = DEFAULTS[name]
    return f"{memif:g} on memif, {'line rate' if card is None else f'{card:g}'} on cards"


def add(parser):
    g = parser.add_argument_group(
        "with Pktgen-DPDK", "Rates without loss, latency and the cost of moves, over two ports of"
        " Pktgen's: \"tx\" is the correspondents' side, \"rx\" that of the mobile nodes. On memif"
        " ports hamd is started on the other ends, and nothing is claimed but that it works."
        " docs/performance.md goes through it.")
    g.add_argument("--pktgen", type=Path, metavar="PATH",
                   help="the program; scripts/bench/get-pktgen builds it")
    g.add_argument("--tx-port", metavar="DEV", help="a PCI address, or net_memif0")
    g.add_argument("--rx-port", metavar="DEV", help="a PCI address, or net_memif1")
    g.add_argument("--tx-mac", metavar="MAC", help="hamd's port opposite of tx (cards)")
    g.add_argument("--rx-mac", metavar="MAC", help="hamd's port opposite of rx (cards)")
    g.add_argument("--loop", action="store_true",
                   help="the ports are cabled to each other: only what the generator does itself")
    g.add_argument("--pktgen-lcores", metavar="LIST", type=lcores,
                   help="main,work or main,receive,send (--control-core,--core)")
    g.add_argument("--pktgen-memory-mb", type=int, default=4096, help="(4096)")
    g.add_argument("--bindings", type=int, help=f"mobile nodes ({_default('bindings')})")
    g.add_argument("--max-pps", type=float,
                   help=f"of each port, at most ({_default('max_pps')})")
    g.add_argument("--trial-seconds", type=float, help=f"({_default('trial_seconds')})")
    g.add_argument("--precision", type=float,
                   help=f"of a rate, as a part of the highest ({_default('precision')})")
    g.add_argument("--moves-per-s", type=float,
                   help=f"Binding Updates a second ({_default('moves_per_s')})")
    g.add_argument("--churn-pps", type=float, help="data meanwhile (half the rate without loss)")
    g.add_argument("--hamd-socket", type=Path, metavar="PATH",
                   help="of a hamd on cards of this machine: its counters and cycles as well")
    g.add_argument("--hamd-config", action="store_true",
                   help="print the configuration that hamd has to run with on cards, and end")


def check(p, o):
    """Fills defaults in; what does not fit together is a usage error of parser p."""
    if o.pktgen is None and not o.hamd_config:
        given = [n for n in ("tx_port", "rx_port", "tx_mac", "rx_mac", "pktgen_lcores", "bindings",
                             "max_pps", "trial_seconds", "precision", "moves_per_s", "churn_pps",
                             "hamd_socket") if getattr(o, n) is not None] + o.loop * ["loop"]
        if given:
            p.error(f"--{given[0].replace('_', '-')} goes with --pktgen")
        return
    on_memif = not o.hamd_config and _ports(p, o)
    for name, values in DEFAULTS.items():
        if getattr(o, name) is None:
            setattr(o, name, values[0 if on_memif else 1])
    for name, (least, most) in LIMITS.items():
        value = getattr(o, name)
        if value is not None and not least <= value <= most:
            p.error(f"--{name.replace('_', '-')}: {least:g} to {most:g}")
    if o.pktgen_lcores is None:
        o.pktgen_lcores = lcores(f"{o.control_core},{o.core}")


def needs_hamd(o):
    """A build of it: to run it, or to ask one that runs already."""
    on_memif = is_memif(o.tx_port)
    return any(not row.loop for row in o.selected) and (on_memif or o.hamd_socket is not None)


def _ports(p, o):
    """True: memif."""
    if not o.tx_port or not o.rx_port:
        p.error("--pktgen needs --tx-port and --rx-port")
    if not os.access(o.pktgen, os.X_OK):
        p.error(f"--pktgen: {o.pktgen} cannot be run; scripts/bench/get-pktgen builds it")
    if o.tx_port == o.rx_port:
        p.error("--tx-port and --rx-port are the same")
    if is_memif(o.tx_port) and is_memif(o.rx_port):
        return True
    for name in ("tx_port", "rx_port"):
        if not is_pci(getattr(o, name)):
            p.error(f"--{name.replace('_', '-')}: two PCI addresses, or net_memif0 and net_memif1")
    for name in ("tx_mac", "rx_mac"):
        if not o.loop and not MAC.fullmatch(getattr(o, name) or ""):
            p.error(f"--{name.replace('_', '-')}: the Ethernet address of hamd's port, as"
                    " `hamctl show ports` has it")
    return False
