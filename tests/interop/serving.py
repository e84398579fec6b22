"""The official test service behind a front door: some methods decided by an owner thread, the others on grpc.aio behind the door."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import grpc
from google.protobuf.message import DecodeError
from grpc import StatusCode

from croupier._engine import Front, Inbox
from tests.interop.messages import SERVICE
from tests.interop.service import Answer, decide_duplex, decide_empty, decide_unary, handlers

PATIENCE_S = 10.0
MESSAGE_BYTES_MAX = 4 << 20

Decide = Callable[[int, bytes], Answer | None]
HOT: Mapping[str, tuple[bool, Decide]] = {
    "EmptyCall": (False, decide_empty),
    "UnaryCall": (False, decide_unary),
    "FullDuplexCall": (True, decide_duplex),
}
"""By method: whether each message of a stream is a call of its own, and the decision."""


class Owner:
    """A thread that takes all that waits, decides, and answers it with one call."""

    def __init__(self, decisions: list[Decide], calls_max: int) -> None:
        self.inbox = Inbox(calls_max)
        self.taken: list[tuple[Any, ...]] = []
        """Every call that it got."""
        self._decisions = decisions
        self._ends = False
        self._thread = threading.Thread(target=self._run, name="owner", daemon=True)

    def start(self) -> None:
        """Begins to take calls."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._ends = True
        self.inbox.notify()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        while not self._ends:
            self.inbox.wait(1, None)
            calls = self.inbox.take()
            self.taken += calls
            answers = [self._decide(call[0], call[1], call[2]) for call in calls]
            self.inbox.answer([answer for answer in answers if answer is not None])

    def _decide(self, ticket: int, method: int, data: bytes) -> Answer | None:
        if method < 0:
            return ticket, b""  # The opening of a stream, before any of its messages: it may go on.
        try:
            return self._decisions[method](ticket, data)
        except DecodeError:
            return ticket, StatusCode.INVALID_ARGUMENT.value[0], "no such message", b""


class Backend:
    """A grpc.aio server on a Unix socket, on a loop of its own thread."""

    def __init__(self, path: Path, handler: grpc.GenericRpcHandler) -> None:
        self.path = path
        self._handler = handler
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="backend", daemon=True)

    def start(self) -> None:
        """Listens."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop).result(PATIENCE_S)

    def stop(self) -> None:
        """Cuts what is left of its calls."""
        asyncio.run_coroutine_threadsafe(self._server.stop(0), self._loop).result(PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _begin(self) -> None:
        options = (("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),)
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers((self._handler,))
        self._server.add_insecure_port(f"unix:{self.path}")
        await self._server.start()


class Door:
    """A front door before a backend and an owner; `limits` are more arguments of `Front`."""

    def __init__(self, folder: Path, hot: Mapping[str, tuple[bool, Decide]] = HOT, *, calls_max: int = 1_000, **limits: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.backend = Backend(folder / "backend.sock", handlers())
        self.owner = Owner([decide for _, decide in hot.values()], calls_max)
        methods = [(f"/{SERVICE}/{name}", streamed, self.owner.inbox) for name, (streamed, _) in hot.items()]
        self.front = Front("127.0.0.1:0", str(self.backend.path), methods, **{"message_bytes_max": MESSAGE_BYTES_MAX, **limits})

    def __enter__(self) -> Self:
        self.backend.start()
        self.owner.start()
        self.front.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.front.stop(0.0)
        self.owner.stop()
        self.backend.stop()

    @property
    def address(self) -> str:
        """ip:port."""
        return self.front.address

    @property
    def port(self) -> int:
        """The port alone."""
        return int(self.address.rpartition(":")[2])
