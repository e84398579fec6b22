"""The way back from a driver's own thread: results of requests, brought to the futures of an event loop.

Waking an event loop from another thread costs more than deciding a round, so what completes while a wake-up is on its way shares it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any


class Completions:
    """Completes futures of one event loop from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.wake_ups = 0
        """How often the loop was woken."""
        self._loop = loop
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._woken = False

    def complete(self, future: asyncio.Future[Any], result: object = None, error: BaseException | None = None) -> None:
        """Gives `future` its result, or its error, soon. From any thread; what this loop's tasks no longer wait for is dropped."""
        self._done.append((future, result, error))
        # Whoever drains clears the mark before it looks, so what was added before that is seen, and what is added after wakes anew.
        if not self._woken:
            self._woken = True
            self.wake_ups += 1
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._woken = False
        while self._done:
            future, result, error = self._done.popleft()
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
