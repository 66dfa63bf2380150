# SPDX-License-Identifier: BSD-3-Clause
"""One thread of a daemon stands still, as if it were wedged; the others run."""

import contextlib
import ctypes
import os
from pathlib import Path

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


@contextlib.contextmanager
def stopped_thread(tid):
    """One thread of a process stands still, the others run."""
    libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(request):
        if libc.ptrace(request, tid, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

    ptrace(SEIZE)
    ptrace(INTERRUPT)
    os.waitpid(tid, WALL)
    try:
        yield
    finally:
        try:
            ptrace(DETACH)
        except ProcessLookupError:   # it has ended: nobody else may take it from the process list
            os.waitpid(tid, WALL)


def lcore_threads(pid):
    """Threads of hamd that are lcores: {"control": tid, "worker": [tid, ...]}. The main thread
    runs control."""
    workers = [int(p.parent.name) for p in sorted(Path(f"/proc/{pid}/task").glob("*/comm"))
               if "worker" in p.read_text()]
    return {"control": pid, "worker": workers}
