# SPDX-License-Identifier: BSD-3-Clause
"""Commands and waiting."""

import subprocess
import time


class LabError(Exception):
    """Something of the lab itself failed; the text says what and shows its output."""


def sh(*args, check=True, stdin=None, timeout=30):
    """Run a command to its end. Returns what it wrote to standard output."""
    args = [str(a) for a in args]
    try:
        done = subprocess.run(args, input=stdin, capture_output=True, text=True, timeout=timeout)
    except FileNotFoundError as e:
        raise LabError(f"{args[0]}: not installed") from e
    except subprocess.TimeoutExpired as e:
        raise LabError(f"{' '.join(args)}: still running after {timeout} s") from e
    if check and done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(args)}: exit status {done.returncode}: {said}")
    return done.stdout


def until(what, fn, timeout=5.0, every=0.02):
    """Ask fn until it answers something true, and return that. `what` stands in the failure."""
    end = time.monotonic() + timeout
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() >= end:
            raise AssertionError(f"{what}: not within {timeout} s (last answer: {got!r})")
        time.sleep(every)
