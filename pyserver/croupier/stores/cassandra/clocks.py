"""Looks now and then how far the servers' clocks and the node's own are apart: what a node refuses to start on may come about while it runs."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from croupier.stores.cassandra import checks
from croupier.stores.cassandra.checks import Clock

EVERY_S = 10.0


class ClockWatch:
    """See the module. A node stays in service whatever it finds: the conditional write keeps money right, and clocks only decide who waits for whom."""

    def __init__(
        self, ask: Callable[[], Awaitable[Sequence[Clock]]], accept: Sequence[str], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`ask` gives the clock of each server that answers; `accept` is `cassandra.accept`."""
        self.apart_s: float | None = None
        """How far the clocks are apart, at least; None before the first look."""
        self._ask = ask
        self._accept = accept
        self._monotonic_s = monotonic_s
        self._next_s = 0.0
        self._problem = ""

    async def problem(self) -> str:
        """What is wrong, in a sentence; empty where nothing is, or the operator has accepted it. Where no server answers, what was found last stands."""
        if self._monotonic_s() >= self._next_s:
            clocks = await self._ask()
            self._next_s = self._monotonic_s() + EVERY_S
            if clocks:
                self.apart_s = checks.apart_ms(clocks) / 1000
                found = [finding.sentence for finding in checks.of_clocks(clocks) if finding.accepted_by not in self._accept]
                self._problem = "; ".join(found)
        return self._problem
