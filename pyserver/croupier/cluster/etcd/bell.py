"""Wakes those who wait for a condition when something may have changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

_log = logging.getLogger("croupier.cluster")


class Bell:
    """One for a whole cluster session: few wait, and what they wait for is cheap to look at."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []

    def subscribe(self, callback: Callable[[], None]) -> None:
        """Calls `callback` whenever the bell rings, before those who wait go on."""
        self._callbacks.append(callback)

    def ring(self) -> None:
        """Something has changed."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()
        for callback in self._callbacks:
            try:
                callback()
            except Exception:  # One that fails must not keep the others from hearing it.
                _log.exception("what looks at the cluster failed")

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns as soon as `is_so()`; it is asked now, and again at each ring."""
        while not is_so():
            await self._rung.wait()
