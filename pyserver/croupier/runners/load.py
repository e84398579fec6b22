"""How busy a node is, in thousandths of what it can do: what it publishes for the others, and for clients."""

from __future__ import annotations

import time
from collections.abc import Callable

from croupier.runners.awaiting import Awaiting
from croupier.runners.shedding import NEW, Shedding
from croupier.runners.taker import Taker

FULL = 1_000
_NEWEST = 0.5
"""Weight of the newest measurement: one second's burst is no trend."""


class LoadMeter:
    """Measures since it was last asked."""

    def __init__(
        self,
        owner: Taker,
        max_queue: int,
        clock_s: Callable[[], float] = time.monotonic,
        cpu_s: Callable[[], float] = time.thread_time,
    ) -> None:
        """`max_queue` is how many calls may wait; `cpu_s` the CPU time of the thread that asks, the event loop's."""
        self._owner = owner
        self._max_queue = max_queue
        self._clock_s = clock_s
        self._cpu_s = cpu_s
        self._asked_s, self._used_s = clock_s(), cpu_s()
        self._shed = 0
        self._smoothed = 0.0
        self.latest = 0
        """What `permille` last said."""

    def permille(self) -> int:
        """0 idle, 1000 where calls are turned away. The scarcest of: room for calls, room for writes, the time that the store's queue may take, the event
        loop's CPU.
        """
        owner = self._owner
        parts = [owner.queued / self._max_queue, self._cpu()]
        if isinstance(owner, Awaiting) and owner.shedding:
            parts += [self._writing(owner, owner.shedding), owner.shedding.limiter.queueing]
        self._smoothed += (min(1.0, max(parts)) - self._smoothed) * _NEWEST
        self.latest = round(self._smoothed * FULL)
        return self.latest

    def _cpu(self) -> float:
        now_s, used_s = self._clock_s(), self._cpu_s()
        passed_s, spent_s = now_s - self._asked_s, used_s - self._used_s
        self._asked_s, self._used_s = now_s, used_s
        return spent_s / passed_s if passed_s > 0 else 0.0

    def _writing(self, owner: Awaiting, shedding: Shedding) -> float:
        was_shedding, self._shed = shedding.counts[NEW] > self._shed, shedding.counts[NEW]
        return 1.0 if was_shedding else owner.writing / shedding.limiter.limit
