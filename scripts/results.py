#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Reads what meson, pytest or a benchmark left behind; scripts/test's eyes.

    results.py meson DIR/meson-logs/testlog.json
    results.py pytest JUNIT.xml
    results.py bench report.json

Prints the names of tests that failed with the tail of their output, names of tests that were
skipped with the reason, and a last line "PASSED FAILED SKIPPED".
"""
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

TAIL_LINES = 40


def tail(text):
    # pytest puts a headline over each stream, said something or not
    lines = [line.rstrip() for line in text.splitlines() if line.strip("- ")]
    lines = [line for line in lines if not re.fullmatch(r"-+ Captured \w+ -+", line)]
    return "\n".join("    " + line for line in lines[-TAIL_LINES:])


def meson(path):
    """One JSON object a line: (name, "passed" | "failed" | "skipped", detail)."""
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            name = test["name"]
            if test["result"] in ("OK", "EXPECTEDFAIL"):
                yield name, "passed", ""
            elif test["result"] == "SKIP":
                yield name, "skipped", test.get("stdout", "").strip()
            else:
                output = test.get("stdout", "") + "\n" + test.get("stderr", "")
                yield f"{name} ({test['result']})", "failed", tail(output)


def pytest(path):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = [e for kind in ("failure", "error") for e in case.findall(kind)]
        skipped = case.find("skipped")
        if bad:
            said = [e.text for kind in ("system-out", "system-err") for e in case.findall(kind)]
            told = said + [e.text or e.get("message", "") for e in bad]
            yield name, "failed", tail("\n".join(text for text in told if text))
        elif skipped is not None:
            yield name, "skipped", skipped.get("message", "")
        else:
            yield name, "passed", ""


def bench(path):
    """A row that was measured has passed, however slow the machine is."""
    with open(path, encoding="utf-8") as f:
        report = json.load(f)
    for row in report["rows"]:
        missed = [c["condition"] for c in row["conditions"] if not c["met"]]
        why = row.get("why", "; ".join(missed))
        if row["status"] in ("ok", "short", "functional"):
            yield row["row"], "passed", ""
        else:
            yield row["row"], "skipped" if row["status"] == "not shown" else "failed", why


def main():
    readers = {"meson": meson, "pytest": pytest, "bench": bench}
    if len(sys.argv) != 3 or sys.argv[1] not in readers:
        sys.exit(__doc__)
    count = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        for name, verdict, detail in readers[sys.argv[1]](sys.argv[2]):
            count[verdict] += 1
            if verdict == "failed":
                print(f"FAILED {name}\n{detail}")
            elif verdict == "skipped":
                print(f"skipped {name}: {detail}")
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as err:
        # The runner died before it wrote, or in the middle of it.
        print(f"FAILED {sys.argv[2]}: no results: {err}")
        count["failed"] += 1
    print(count["passed"], count["failed"], count["skipped"])


main()
