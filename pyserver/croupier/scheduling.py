"""How the threads of the process share a core: the event loop, gRPC's own threads, and the owner thread. Figures in docs/performance.md."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress

if sys.platform == "win32":
    new_event_loop = asyncio.new_event_loop
else:
    from uvloop import new_event_loop

SWITCH_INTERVAL_S = 0.0005
"""How long a Python thread may keep another one waiting; the default of 5 ms would be the latency of a commit."""

__all__ = ["new_event_loop", "prefer_throughput"]


def prefer_throughput() -> None:
    """Lets a running thread finish what it does.

    gRPC wakes a thread of its own for each event of a call. Under the usual policy each wake-up preempts the event loop's thread on a busy core, six
    times a call; under SCHED_BATCH they wait until it blocks. Needs no privilege; where the system has no such policy, nothing changes.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
