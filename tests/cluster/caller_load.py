"""Callers that play through coordinators while a test harms them, and what they met."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from croupier.stores.cassandra.coordinators import Coordinators
from croupier.stores.cassandra.driver import NotSent, Unknown
from tests.cluster.purse import TIMEOUT_S, Purse


class Load:
    """Callers that each play on a partition of their own, as the cluster's runner does, and what they met."""

    def __init__(self, whole: Coordinators, *, callers: int = 12, timeout_s: float = TIMEOUT_S) -> None:
        self.unknown = Counter[int]()
        """Requests that nobody answered, by caller."""
        self.waited = Counter[int]()
        """Those of them that took the whole time limit."""
        self.unsent = 0
        self.done = 0
        self.wrong: list[str] = []
        self._whole = whole
        self._callers = callers
        self._timeout_s = timeout_s
        self._ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        callers = [asyncio.create_task(self._call(caller)) for caller in range(self._callers)]
        try:
            yield
        finally:
            self._ending = True
            await asyncio.gather(*callers)

    async def _call(self, caller: int) -> None:
        own, number, avoid = Purse(), 0, ""
        await own.open(self._whole, timeout_s=5.0)
        loop = asyncio.get_running_loop()
        while not self._ending:
            began = loop.time()
            try:
                answer = await own.move(self._whole, f"{number:06}", avoid=avoid, timeout_s=self._timeout_s)
            except Unknown as error:
                self.unknown[caller] += error.silent
                self.waited[caller] += error.silent and loop.time() - began >= self._timeout_s
                avoid = error.coordinator
                continue
            except NotSent:
                self.unsent += 1
                continue
            if not answer.applied and not (avoid and answer.row["id"] == f"{number:06}"):
                self.wrong.append(f"caller {caller}: {answer}")
            self.done += 1
            own.revision, number, avoid = own.revision + (not answer.applied), number + 1, ""


async def back(whole: Coordinators, within_s: float = 8.0) -> None:
    """Returns when every coordinator is connected and not ejected."""
    async with asyncio.timeout(within_s):
        while not all(one.connected and not one.ejected for one in whole.conditions):  # noqa: ASYNC110 - it tells nobody when it changes
            await asyncio.sleep(0.05)
