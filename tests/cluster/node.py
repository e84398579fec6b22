"""An engine node of a cluster under test: started with a kill at a point, a guard switched off or a clock of its own; killed, frozen, drained."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from croupier.config import Config, load
from tests.cluster.tools import faketime
from tests.faults.broken import CONTROL
from tests.faults.points import ANY_MOMENT, Point
from tests.faults.process import START_S_MAX, Server, ServerDied

_LAUNCHER = "tests.cluster.launcher"
_STARTS = 3
"""A start may meet a store that is just losing or finding a node."""


class Node:
    """One engine node; it keeps its name, address and folder over its lives."""

    def __init__(self, name: str, region: str, listen: str, folder: Path, settings: str, inside: Sequence[str] = ()) -> None:
        """`settings` is its TOML file; `inside` the words before its command line that put it into its network."""
        self.name = name
        self.region = region
        self.address = listen
        self.folder = folder
        self.settings = settings
        self._inside = inside
        self._server: Server | None = None
        self._clock = folder / "clock"

    @property
    def key(self) -> str:
        """The demo operator's key."""
        return self.serving.key

    @property
    def serving(self) -> Server:
        """Its present life."""
        assert self._server is not None, f"{self.name} does not run"
        return self._server

    @property
    def is_alive(self) -> bool:
        """Its process has not ended."""
        return self._server is not None and self._server.process.returncode is None

    def config(self) -> Config:
        """What its settings come to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "settings.toml"
        file.write_text(self.settings)
        return load(file)

    async def start(
        self, point: Point = ANY_MOMENT, passing: int = 0, *, control: str = "", clock: bool = False, env: Mapping[str, str] = {}
    ) -> None:
        """Starts it and waits until it serves. With `clock`, `step_clock` can set its clock. Raises ServerDied, also where the kill came first."""
        environment = {CONTROL: control, **point.at(passing), **env}
        if clock:
            environment |= self._fake_clock()
        for attempt in range(_STARTS):
            launched = await Server.launch(
                self.folder, environment, settings=self.settings, listen=self.address, launcher=_LAUNCHER, inside=self._inside
            )
            try:
                self._server = await Server.serving(self.folder, launched)
            except ServerDied as error:
                if error.code == -signal.SIGKILL or attempt == _STARTS - 1:
                    raise
                await asyncio.sleep(1.0)
            else:
                return

    def becomes(self, server: Server) -> None:
        """A process that was started elsewhere is its present life."""
        self._server = server

    def kill(self) -> None:
        """Kill -9."""
        self.serving.kill()

    def send(self, number: signal.Signals) -> None:
        """Freezes it (SIGSTOP), or lets it go on (SIGCONT)."""
        with contextlib.suppress(ProcessLookupError):
            self.serving.process.send_signal(number)

    async def drain(self) -> int:
        """SIGTERM; its exit code."""
        return await self.serving.drain()

    async def ended(self, seconds: float = START_S_MAX) -> int | None:
        """Its exit code, if it ends by then."""
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self.serving.ended(), seconds)
        return None

    def step_clock(self, seconds: float) -> None:
        """Its clock jumps: ahead of the machine's by so much, or behind it. The monotonic clock does not."""
        part = self._clock.with_suffix(".part")
        part.write_text(f"{seconds:+.3f}\n")
        part.replace(self._clock)

    def _fake_clock(self) -> dict[str, str]:
        library = faketime()
        assert library is not None, "libfaketime is not to be had here"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.step_clock(0)
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }
