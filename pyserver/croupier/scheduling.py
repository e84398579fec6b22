"""How the threads of the process share a core: the event loop, gRPC's own threads, and the owner thread. Figures in docs/performance.md."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from contextlib import suppress
from pathlib import Path

if sys.platform == "win32":
    new_event_loop = asyncio.new_event_loop
else:
    from uvloop import new_event_loop

THROUGHPUT_SWITCH_INTERVAL_S = 0.002
"""How long a Python thread may keep another one waiting for the GIL: long enough to answer several calls, shorter than the default of 5 ms, which a lone
caller would wait for beside a busy event loop.
"""
LATENCY_SWITCH_INTERVAL_S = 0.0005
"""Behind the front door the owner thread takes the GIL once a batch, so a busy event loop costs each batch one such wait."""
_YOUNG_OBJECTS = 10_000

__all__ = ["new_event_loop", "pin_to_first", "prefer_latency", "prefer_throughput", "spare_the_collector"]


def prefer_latency(*, has_own_cpu: bool) -> None:
    """For the front door, whose threads wake each other once a batch. On a CPU that others use too a wake-up may preempt, so that a batch goes on as soon as
    its commit is durable; on one of its own, what runs may end first, so that batches are larger.
    """
    sys.setswitchinterval(LATENCY_SWITCH_INTERVAL_S)
    if has_own_cpu:
        _let_threads_finish()


def prefer_throughput() -> None:
    """For grpcio's door: lets a running thread finish what it does.

    gRPC wakes a thread of its own for each event of a call. Under the usual policy each wake-up preempts the event loop's thread on a busy core, six
    times a call; under SCHED_BATCH they wait until it blocks. Needs no privilege; where the system has no such policy, nothing changes.
    """
    sys.setswitchinterval(THROUGHPUT_SWITCH_INTERVAL_S)
    _let_threads_finish()


def _let_threads_finish() -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def pin_to_first() -> list[int]:
    """Binds every thread of this process to the first of the CPUs that it may use; all of those, or nothing where the system cannot do it."""
    if sys.platform != "linux":
        return []
    cpus = sorted(os.sched_getaffinity(0))
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cpus[:1])
    return cpus


def spare_the_collector() -> None:
    """Takes everything that exists now out of the garbage collector's view: it stays for the life of the process. Calls leave few cycles behind, so
    young objects are looked at less often too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)
