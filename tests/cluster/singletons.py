"""A singleton's holder that freezes with a write in flight, and one that is killed: who writes next, how soon, and what becomes of the stale write."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from tests.cluster.holder import SINGLETON
from tests.cluster.stage import Stage
from tests.faults.broken import CONTROL
from tests.faults.process import ROOT

TAKE_OVER_S_MAX = 30.0


class Holder:
    """One process that stands for the singleton."""

    def __init__(self, process: asyncio.subprocess.Process, freeze: str) -> None:
        self.process = process
        self.freeze_file = freeze
        self._lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, stage: Stage, name: str, control: str = "") -> Holder:
        """Starts it; it holds the singleton as soon as nobody else does."""
        folder = stage.nodes[0].folder
        freeze = str(folder / f"freeze-{name}")
        log = await asyncio.to_thread((folder / f"{name}.log").open, "a")
        with log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.cluster.holder", str(folder / "settings.toml"), name, freeze),
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), CONTROL: control},
            )
        return cls(process, freeze)

    async def write(self, *, above_fence: int = 0, was_frozen: bool | None = None) -> dict[str, Any]:
        """The next write of a later term than that, or the one that it froze in."""
        async with asyncio.timeout(TAKE_OVER_S_MAX):
            while True:
                line = await self._lines.get()
                if line["fence"] > above_fence and was_frozen in (None, line["was_frozen"]):
                    return line

    async def end(self) -> None:
        """Kill -9."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self._lines.put_nowait(json.loads(line))


class Stale(Struct):
    """What became of a stale holder's write."""

    result: str
    old_fence: int
    new_fence: int
    kept_fence: int
    """That of the record that the store keeps."""

    @property
    def is_accepted(self) -> bool:
        """The store took a write of an old term."""
        return self.result == "applied" or self.kept_fence < self.new_fence


async def stale_holder(stage: Stage, control: str = "") -> Stale:
    """A holder freezes between looking at its term and writing, for longer than its lease; another takes over; then the first goes on."""
    async with _two(stage, control) as (first, second, held):
        await asyncio.to_thread(_touch, first.freeze_file)
        taken = await second.write(above_fence=held["fence"])
        stage.notes("the frozen holder of the singleton goes on")
        await second.end()  # So that nothing is written over what the stale write leaves.
        first.process.send_signal(signal.SIGCONT)
        late = await first.write(was_frozen=True)
        async with stage.reads() as reads:
            _, records = await reads.fenced(SINGLETON)
        kept = int(records[0].body.split(b":")[0])
        return Stale(late["result"], held["fence"], taken["fence"], kept)


async def take_over_s(stage: Stage) -> float:
    """Seconds from the kill of a holder to the first write of the next."""
    async with _two(stage, "") as (first, second, held):
        killed = time.monotonic_ns()
        await first.end()
        taken = await second.write(above_fence=held["fence"])
        return (taken["at_ns"] - killed) / 1e9


@asynccontextmanager
async def _two(stage: Stage, control: str) -> AsyncIterator[tuple[Holder, Holder, dict[str, Any]]]:
    """A holder that writes, one that waits, and the first one's write."""
    first = await Holder.start(stage, "holder-1", control)
    held = await first.write()
    second = await Holder.start(stage, "holder-2", control)
    await asyncio.sleep(1.0)
    try:
        yield first, second, held
    finally:
        await first.end()
        await second.end()


def _touch(path: str) -> None:
    with open(path, "w"):  # noqa: PTH123
        pass
