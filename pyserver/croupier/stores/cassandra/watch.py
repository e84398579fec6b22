"""Looks now and then at what may come about while a node runs: how far the servers' clocks and its own are apart, and how large their Paxos state has grown."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from croupier.stores.cassandra import checks
from croupier.stores.cassandra.checks import Look

EVERY_S = 10.0


class ServerWatch:
    """See the module. A node stays in service whatever it finds: the conditional write keeps money right, and clocks only decide who waits for whom."""

    def __init__(
        self, ask: Callable[[], Awaitable[Sequence[Look]]], accept: Sequence[str], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        """`ask` gives what each server tells that answers; `accept` is `cassandra.accept`."""
        self.apart_s: float | None = None
        """How far the clocks are apart, at least; None before the first look."""
        self.paxos_mib: dict[str, int] = {}
        """By the server's address, as far as it was told last: see checks.Node."""
        self._ask = ask
        self._accept = accept
        self._monotonic_s = monotonic_s
        self._next_s = 0.0
        self._problem = ""

    async def problem(self) -> str:
        """What is wrong, in a sentence; empty where nothing is, or the operator has accepted it. Where no server answers, what was found last stands."""
        if self._monotonic_s() >= self._next_s:
            looks = await self._ask()
            self._next_s = self._monotonic_s() + EVERY_S
            self.paxos_mib |= {look.address: look.paxos_mib for look in looks if look.paxos_mib is not None}
            if looks:
                self.apart_s = checks.apart_ms(looks) / 1000
                found = [finding.sentence for finding in checks.of_clocks(looks) if finding.accepted_by not in self._accept]
                self._problem = "; ".join(found)
        return self._problem
