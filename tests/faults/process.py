"""A server process that can be started, killed and watched."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.broken import CONTROL
from tests.faults.points import ANY_MOMENT, Point

ROOT = Path(__file__).parents[2]
START_S_MAX = 60.0
LAUNCHER = "tests.faults.launcher"
SETTINGS = """metrics_listen = ""
drain_notice_s = 0.1
[limits]
seed_max_rounds = 40
epoch_max_entries = 300
"""
"""Seeds and epochs roll often, so that kills meet both."""


class Server:
    """One life of a server on a data folder."""

    def __init__(self, process: asyncio.subprocess.Process, address: str, data: Path) -> None:
        self.process = process
        self.address = address
        self.key = str(json.loads((data / "demo.json").read_text())["operator_key"])
        self._log = data / "server.log"

    @classmethod
    async def start(cls, data: Path, point: Point = ANY_MOMENT, passing: int = 0, *, control: str = "", eio: Path | None = None) -> Server:
        """Starts `croupier serve` and waits until it says where it listens. Raises ServerDied."""
        environment = {CONTROL: control, **point.at(passing)}
        if eio is not None:
            environment["FAULTS_FILE"] = str(eio)
        return await cls.serving(data, await cls.launch(data, environment))

    @classmethod
    async def serving(cls, data: Path, process: asyncio.subprocess.Process) -> Server:
        """Waits until a process that was launched says where it listens. Raises ServerDied."""
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), START_S_MAX)).decode()
        found = re.search(r"gRPC on ([^ ,]+)", line)
        if found is None:
            await process.wait()
            raise ServerDied(process.returncode, f"{line!r}; its log ends {(data / 'server.log').read_text()[-600:]}")
        return cls(process, found[1], data)

    @staticmethod
    async def launch(
        data: Path,
        environment: Mapping[str, str] = {},
        *,
        settings: str = SETTINGS,
        listen: str = "127.0.0.1:0",
        launcher: str = LAUNCHER,
        inside: Sequence[str] = (),
    ) -> asyncio.subprocess.Process:
        """Starts the process, and waits for nothing. `inside` are the words before its command line that put it into a network of its own."""
        _prepare(data, settings)
        preload = os.pathsep.join(filter(None, (str(shim()), environment.get("LD_PRELOAD", ""))))
        paths = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
        everything = {**os.environ, **environment, "PYTHONPATH": paths, "LD_PRELOAD": preload}
        arguments = ["serve", "--demo", "--listen", listen, "--data-dir", str(data), "--config", str(data / "settings.toml")]
        with (data / "server.log").open("a") as log:
            return await asyncio.create_subprocess_exec(
                *inside, sys.executable, "-m", launcher, *arguments, stdout=subprocess.PIPE, stderr=log, env=everything, cwd=ROOT
            )

    def kill(self) -> None:
        """Kill -9, if it still runs."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)

    async def ended(self) -> int:
        """The exit code; below 0 where a signal ended it."""
        assert self.process.stdout is not None
        await self.process.stdout.read()
        return await self.process.wait()

    async def drain(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.ended(), START_S_MAX)

    def log(self) -> str:
        """All that the folder's servers wrote to standard error."""
        return self._log.read_text()


def _prepare(data: Path, settings: str) -> None:
    data.mkdir(parents=True, exist_ok=True)
    (data / "settings.toml").write_text(settings)


class ServerDied(Exception):
    """A server ended before it served."""

    def __init__(self, code: int | None, said: str) -> None:
        super().__init__(f"the server ended with {code} and said {said}")
        self.code = code


def shim() -> Path:
    """The preloaded library, built from shim.c where it is missing or older."""
    source = Path(__file__).with_name("shim.c")
    built = ROOT / "target" / "faults-shim.so"
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        built.parent.mkdir(exist_ok=True)
        part = built.with_suffix(f".{os.getpid()}")
        subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(part), str(source), "-ldl"], check=True)
        part.replace(built)
    return built


def audit(data: Path) -> dict[str, object]:
    """What `croupier audit` says of a data folder, every round replayed."""
    command = [sys.executable, "-m", "croupier", "audit", str(data), "--replay", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, cwd=ROOT)
    report: dict[str, object] = json.loads(ran.stdout)
    return report
