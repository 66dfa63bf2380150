#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The table of docs/scale.md is what the simulator prints.

usage: scale_test.py SIM PAGE
"""
import pathlib
import subprocess
import sys


def printed(sim):
    """{(sites, bindings): the other numbers}"""
    text = subprocess.run([sim, "--scale"], check=True, capture_output=True, text=True).stdout
    rows = [line.split(",") for line in text.splitlines() if not line.startswith(("#", "sites"))]
    return {(int(r[0]), int(r[1])): [float(cell) for cell in r[2:]] for r in rows}


def told(page):
    """The same, of what the page has."""
    rows = {}
    for line in pathlib.Path(page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 7 or not cells[0].isdigit():
            continue
        bindings = float(cells[1].removesuffix(" million")) * 1e6
        numbers = [cell.replace(",", "").removesuffix(" s").replace("-", "0") for cell in cells[2:]]
        rows[int(cells[0]), int(bindings)] = [float(n) for n in numbers]
    return rows


def main(sim, page):
    lines, bad = printed(sim), 0
    rows = told(page)
    for key, numbers in rows.items():
        if lines.get(key) != numbers:
            print(f"{key}: the page has {numbers}, the simulator {lines.get(key)}")
            bad += 1
    if len(rows) < 6:
        print(f"only {len(rows)} rows in {page}")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
