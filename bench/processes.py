"""Processes under measurement: pinned to a core, watched through /proc, ended with the bench."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

SERVER_CORE, LOAD_CORE = 0, min(1, (os.cpu_count() or 1) - 1)
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_START_S_MAX = 60.0


class Used(NamedTuple):
    """CPU time of a thread, in seconds: all of it as the scheduler counts it, and what was spent in the kernel, by the coarser count of ticks."""

    thread: str
    cpu_s: float
    kernel_s: float


class Process:
    """A process on the server's core."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("w") as output:
            self._process = subprocess.Popen(
                on_core(SERVER_CORE, command), stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> int:
        """Asks it to stop and waits; the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                return self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def wait_for_port(self, address: str) -> None:
        """Returns once something listens at `address`. Raises RuntimeError with the log if the process ended before."""
        host, _, port = address.rpartition(":")
        end = time.monotonic() + _START_S_MAX
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self._log.read_text()}")
            try:
                socket.create_connection((host, int(port)), 0.2).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"{self.name} did not listen on {address} within {_START_S_MAX} s:\n{self._log.read_text()}")

    def cpu_s(self) -> float:
        """User and system time of all its threads so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def threads(self) -> dict[int, Used]:
        """What each thread used so far, by its number."""
        used: dict[int, Used] = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # A thread that ends meanwhile.
                name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
                run_ns = int((task / "schedstat").read_text().split()[0])
                used[int(task.name)] = Used(name, run_ns / 1e9, int(rest.split()[12]) / _TICKS_PER_S)
        return used

    def say(self, line: str) -> None:
        """Writes a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def resident_bytes(self) -> int:
        """Memory in use."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run_pinned(core: int | str, command: Sequence[str], text: str = "") -> str:
    """Runs a command on one core to its end; what it printed. Raises RuntimeError with what it complained of."""
    done = subprocess.run(on_core(core, command), input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def on_core(core: int | str, command: Sequence[str]) -> list[str]:
    """The command line that keeps a command and its threads on one core."""
    return ["taskset", "-c", str(core), *command]


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python(script: Path, *arguments: str) -> list[str]:
    """The command line of a script of this folder."""
    return [sys.executable, str(script), *arguments]
