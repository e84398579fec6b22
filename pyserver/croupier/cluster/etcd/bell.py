"""Wakes those who wait for a condition when something may have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


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
        for callback in self._callbacks:
            callback()
        rung.set()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Returns as soon as `is_so()`; it is asked now, and again at each ring."""
        while not is_so():
            await self._rung.wait()
