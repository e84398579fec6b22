"""A process that holds a singleton whenever it can and writes under its fence: python -m tests.cluster.holder SETTINGS NAME FREEZE_FILE.

One line of JSON for each write. Where the freeze file is there it stops itself (SIGSTOP) between looking at its term and writing, once.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

from croupier.cluster.etcd import join
from croupier.cluster.membership import Member, Term
from croupier.cluster.singletons import Singletons
from croupier.config import load
from croupier.server import clock_ms
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult, FencedRecord, Fences
from tests.cluster import broken
from tests.faults.launcher import die_with_parent

SINGLETON = "probe"
_ATTEMPTS = 100


class Counter:
    """A job that writes its term's fence and a number."""

    every_s = 0.1

    def __init__(self, fences: Fences, freeze: Path) -> None:
        self._fences = fences
        self._freeze = freeze
        self._count = 0

    async def step(self, term: Term) -> None:
        """One write."""
        self._count += 1
        record = FencedRecord(SINGLETON, "count", f"{term.fence}:{self._count}".encode())
        is_frozen = self._freeze.exists()
        if is_frozen:
            self._freeze.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
        result = await self._written(record, term.fence)
        print(json.dumps({"at_ns": time.monotonic_ns(), "fence": term.fence, "result": result.value, "was_frozen": is_frozen}), flush=True)
        term.check()

    async def _written(self, record: FencedRecord, fence: int) -> CommitResult:
        """What became of a write, as soon as that is definite: connections of a frozen process are gone when it goes on."""
        result = CommitResult.UNKNOWN
        for _ in range(_ATTEMPTS):
            result = await self._fences.put_fenced(record, fence)
            if result in (CommitResult.APPLIED, CommitResult.REFUSED):
                break
            await asyncio.sleep(0.1)
        return result


async def main(settings: Path, name: str, freeze: Path) -> None:
    """Runs until it is killed."""
    config = load(settings)
    store = CassandraStore(config)
    await store.open()
    membership, elections = join(config.etcd, Member(name, config.region, f"{name}:1", "0"), store, clock_ms)
    await membership.start()
    Singletons(elections).run(SINGLETON, Counter(store, freeze))
    await asyncio.Event().wait()


if __name__ == "__main__":
    die_with_parent()
    broken.switch_off()
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
