"""A process that stands for one singleton: `python -m tests.cluster.contender NODE PREFIX TTL STORE ENDPOINT…`. Each line that it prints is one Said.

Between looking at its term and writing it lingers without giving up the processor: stopped there and continued later, its write is in flight.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from croupier import scheduling
from croupier.cluster.etcd import join
from croupier.cluster.membership import Member, Term
from croupier.cluster.singletons import Singletons
from croupier.config import Etcd
from tests.cluster.fenced_store import FencedClient
from tests.repo.sources import ROOT

SINGLETON = "meter"
_LINGER_S = 0.05


class Said(Struct):
    """What a holder did, and when on the clock that all processes of the machine share."""

    what: str
    """joined, looked, APPLIED, REFUSED."""
    fence: int
    at: float


class Contender:
    """The process as a test sees it."""

    def __init__(self, node: str, prefix: str, ttl_s: int, store: Path, endpoints: Sequence[str]) -> None:
        self.node = node
        self.said: list[Said] = []
        self._argv = [sys.executable, "-m", "tests.cluster.contender", node, prefix, str(ttl_s), str(store), *endpoints]
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def start(self) -> Contender:
        self._process = await asyncio.create_subprocess_exec(*self._argv, stdout=subprocess.PIPE, cwd=ROOT)
        self._reading = asyncio.create_task(self._read())
        await self.until("joined")
        return self

    async def until(self, what: str, after: int = 0) -> Said:
        """The first line of that kind at or after the line number `after`."""
        while True:
            for said in self.said[after:]:
                if said.what == what:
                    return said
            self._news.clear()
            await self._news.wait()

    def send(self, number: signal.Signals) -> float:
        """Signals it; when that was."""
        assert self._process is not None
        self._process.send_signal(number)
        return time.monotonic()

    async def stop(self) -> None:
        """Ends it, in whatever condition it is."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        while line := await self._process.stdout.readline():
            self.said.append(msgspec.json.decode(line, type=Said))
            self._news.set()


class _Job:
    every_s = 0.02

    def __init__(self, store: FencedClient) -> None:
        self._store = store

    async def step(self, term: Term) -> None:
        term.check()
        _say("looked", term.fence)
        time.sleep(_LINGER_S)  # noqa: ASYNC251 - a process that is stopped here holds the processor too
        result = await self._store.write(SINGLETON, term.fence)
        _say(result.name, term.fence)


def _say(what: str, fence: int) -> None:
    print(msgspec.json.encode(Said(what, fence, time.monotonic())).decode(), flush=True)


async def main() -> None:
    """Runs until it is told to end; then leaves in an orderly way."""
    node, prefix, ttl_s, store, *endpoints = sys.argv[1:]
    fences = FencedClient(Path(store), node)
    settings = Etcd(endpoints=tuple(endpoints), prefix=prefix, ttl_s=int(ttl_s))
    me = Member(node, "eu", f"{node}:7400", "test", state="serving", start_ms=os.getpid())
    membership, elections = join(settings, me, fences, lambda: time.time_ns() // 1_000_000)
    await membership.start()
    Singletons(elections).run(SINGLETON, _Job(fences))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    _say("joined", 0)
    await ended.wait()
    await elections.stop()
    await membership.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=scheduling.new_event_loop) as runner:
        runner.run(main())
