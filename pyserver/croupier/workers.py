"""More processes of one node: doors that listen at the node's port and forward every call to the owner's door.

The owner is the process that holds the store; a wallet belongs to it alone. TLS and HTTP/2 with the callers are what the others take off it.

    caller -> door (TLS, HTTP/2) -> Unix socket -> the owner's door -> inbox or gRPC's own server

A door is told everything over its standard input, which the owner holds open: at its end the door ends too, so that none outlives its owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence

import msgspec
from msgspec import Struct, structs

from croupier.door import Front

READY = b"ready\n"
_RESTART_S = 0.5
"""How long nothing is started again after a door has ended by itself."""
_START_S = 20.0
_LOOK_S = 1.0

_log = logging.getLogger("croupier.workers")


class CannotStart(Exception):
    """Why a door did not start: one sentence."""


class Told(Struct, frozen=True):
    """What a door is told; see Front for each."""

    listen: str
    backend: str
    tls: tuple[bytes, bytes, bytes | None] | None
    refusals: dict[str, tuple[int, str, bytes]]
    connections_max: int
    calls_max: int
    message_bytes_max: int
    age_s: float
    grace_s: float
    """How long its calls may take to finish once it is to end."""
    cpu: int | None = None
    """The only one that it runs on; None for any."""


class Workers:
    """The doors of a node besides the owner's own: started together, started again when one ends, ended together."""

    def __init__(self, count: int, told: Told, cpus: Sequence[int] = ()) -> None:
        """`cpus` are dealt out in turn; none: any."""
        self._told = [structs.replace(told, cpu=cpus[number % len(cpus)] if cpus else None) for number in range(count)]
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._keeping: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> list[int]:
        """Process ids of the doors that run."""
        return [process.pid for process in self._running.values()]

    async def start(self) -> None:
        """Returns once all of them serve. Raises CannotStart."""
        for number, told in enumerate(self._told):
            self._running[number] = await _spawn(told)
        self._keeping = [asyncio.create_task(self._keep(number)) for number in self._running]

    async def stop(self) -> None:
        """Drains them, and returns once all have ended."""
        for task in self._keeping:
            task.cancel()
        running, self._running = self._running, {}
        for process in running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await asyncio.gather(*(_ended(process, self._told[number].grace_s + _START_S) for number, process in running.items()))

    async def _keep(self, number: int) -> None:
        while True:
            code = await self._running[number].wait()
            _log.warning("door %d ended with code %d and is started again", number + 1, code)
            await asyncio.sleep(_RESTART_S)
            try:
                self._running[number] = await _spawn(self._told[number])
            except CannotStart as error:
                _log.error("door %d cannot be started: %s", number + 1, error)


async def _spawn(told: Told) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, stdin=pipe, stdout=pipe)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(msgspec.json.encode(told) + b"\n")
    try:
        said = await asyncio.wait_for(process.stdout.readline(), _START_S)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        raise
    if said != READY:
        await process.wait()
        raise CannotStart(said.decode(errors="replace").strip() or f"it ended with code {process.returncode}")
    return process


async def _ended(process: asyncio.subprocess.Process, patience_s: float) -> None:
    try:
        await asyncio.wait_for(process.wait(), patience_s)
    except TimeoutError:
        process.kill()
        await process.wait()


def is_taken(listen: str) -> bool:
    """Whether somebody listens there already, even one who would share the port: doors of two nodes must not."""
    host, _, port = listen.rpartition(":")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError:
        return True
    return False


def main() -> int:
    """One door, from its first line of standard input to its end."""
    ending, orphaned = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ending.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to every process of the terminal; the owner decides.
    told = msgspec.json.decode(sys.stdin.buffer.readline(), type=Told)
    if told.cpu is not None:
        os.sched_setaffinity(0, {told.cpu})
    try:
        front = _front(told)
    except (OSError, ValueError) as error:
        print(error, flush=True)
        return 1
    front.start()

    def watch() -> None:
        sys.stdin.buffer.read()
        orphaned.set()
        ending.set()

    threading.Thread(target=watch, name="owner-watch", daemon=True).start()
    print(READY.decode(), end="", flush=True)
    while not ending.wait(_LOOK_S):
        if not front.running:
            return 1
    front.stop(0.0 if orphaned.is_set() else told.grace_s)
    return 0


def _front(told: Told) -> Front:
    return Front(
        told.listen,
        told.backend,
        [],
        shares_port=True,
        tls=told.tls,
        refusals=told.refusals,
        connections_max=told.connections_max,
        calls_max=told.calls_max,
        message_bytes_max=told.message_bytes_max,
        age_s=told.age_s,
    )


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # The thread that watches the owner still holds standard input, which an ordinary exit would wait for.
