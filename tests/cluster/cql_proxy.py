"""A proxy between a driver and a real Cassandra that counts requests, forges replies, swallows them and cuts connections."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from types import TracebackType
from typing import Self

from tests.cluster import cql_frames
from tests.cluster.cql_frames import Message, MessageReader, Opcode, encode

_FIRST_FRAMED_VERSION = 5
_VERSION_MASK = 0x7F


class Answer(Enum):
    """What the driver gets instead of the server's reply."""

    FORGED = "an error that the proxy made"
    NOTHING = "nothing, the connection stays open"
    CUT = "the end of the connection"
    HALF = "half of the server's reply, then the end of the connection"


@dataclass(frozen=True)
class Fault:
    """What happens to a request."""

    name: str
    reaches_server: bool
    """The request is forwarded, so the server executes it."""
    answer: Answer
    forge: Callable[[Message], bytes] | None = None
    """The body of the forged error."""
    times: int = 1_000_000
    """How many requests it happens to."""


class CqlProxy:
    """Listens on `host` at a free port. Use as `async with`."""

    def __init__(
        self, host: str, upstream: tuple[str, int], *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
    ) -> None:
        """With `tls` drivers must speak it; with `login` they must show that name and password. The server needs neither."""
        self.host = host
        self.login = login
        self._tls = tls
        self.port = 0
        self.fault: Fault | None = None
        """What happens to requests of the kinds in `opcodes`; None for nothing."""
        self.opcodes: frozenset[int] = frozenset({Opcode.BATCH})
        self.seen = 0
        """Requests of those kinds that a driver sent."""
        self.executed = 0
        """Those of them that the server got."""
        self.refusing = False
        """New connections are closed at once."""
        self.frozen = False
        """Nothing passes in either direction, as with a stopped process: connections open, and nobody answers."""
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._thawed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        self.thaw()
        while self._connections:
            self.cut()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def tamper(self, fault: Fault | None) -> None:
        """What happens to requests from now on; counts begin at zero."""
        self.fault, self.seen, self.executed = fault, 0, 0

    def cut(self) -> None:
        """Ends all connections."""
        for connection in self._connections:
            connection.cancel()

    def freeze(self) -> None:
        """Stops passing anything on."""
        self.frozen = True
        self._thawed.clear()

    def thaw(self) -> None:
        """Passes everything on again, also what came meanwhile."""
        self.frozen = False
        self._thawed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if not self.refusing:
                await self._bridge(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _bridge(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
        connection = _Connection(self, MessageReader(reader), writer, MessageReader(upstream_reader), upstream_writer)
        directions = [asyncio.create_task(connection.requests()), asyncio.create_task(connection.replies())]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            upstream_writer.transport.abort()
            for direction in directions:
                direction.cancel()
            for outcome in await asyncio.gather(*directions, return_exceptions=True):
                if isinstance(outcome, ValueError):
                    raise outcome

    async def passing(self) -> None:
        """Returns at once, or when the proxy is thawed."""
        if self.frozen:
            await self._thawed.wait()


class _Connection:
    def __init__(
        self,
        proxy: CqlProxy,
        requests: MessageReader,
        to_driver: asyncio.StreamWriter,
        replies: MessageReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        self.proxy = proxy
        self._requests, self._replies = requests, replies
        self._to_driver, self._to_server = to_driver, to_server
        self._tampered: dict[int, Fault] = {}

    async def requests(self) -> None:
        """Driver to server."""
        while True:
            message = await self._requests.read()
            await self.proxy.passing()
            if message.opcode == Opcode.AUTH_RESPONSE:
                self._check_login(message)
                continue
            fault = self._choose(message)
            if fault is not None and not fault.reaches_server:
                if fault.answer is Answer.CUT:
                    return
                if fault.answer is Answer.FORGED:
                    self._forge(fault, message)
                continue
            if fault is not None:
                self._tampered[message.stream] = fault
            self._to_server.write(encode(message, framed=self._requests.framed))
            if message.opcode == Opcode.STARTUP and message.version & _VERSION_MASK >= _FIRST_FRAMED_VERSION:
                self._requests.framed = True

    async def replies(self) -> None:
        """Server to driver."""
        while True:
            message = await self._replies.read()
            await self.proxy.passing()
            fault = self._tampered.pop(message.stream, None)
            if message.opcode == Opcode.READY and self.proxy.login:
                message = replace(message, opcode=Opcode.AUTHENTICATE, body=cql_frames.authenticate())
            if fault is None:
                self._to_driver.write(encode(message, framed=self._replies.framed))
            elif fault.answer is Answer.FORGED:
                self._forge(fault, message)
            elif fault.answer is Answer.CUT:
                return
            elif fault.answer is Answer.HALF:
                await self._send_half(message)
                return
            if message.opcode in (Opcode.READY, Opcode.AUTHENTICATE) and message.version & _VERSION_MASK >= _FIRST_FRAMED_VERSION:
                self._replies.framed = True

    def _choose(self, message: Message) -> Fault | None:
        proxy = self.proxy
        if message.opcode not in proxy.opcodes:
            return None
        proxy.seen += 1
        fault = proxy.fault if proxy.fault is not None and proxy.seen <= proxy.fault.times else None
        proxy.executed += fault is None or fault.reaches_server
        return fault

    def _check_login(self, message: Message) -> None:
        assert self.proxy.login is not None
        token = "\0{}\0{}".format(*self.proxy.login).encode()
        if message.body == struct.pack(">i", len(token)) + token:
            answer = message.reply(Opcode.AUTH_SUCCESS, struct.pack(">i", -1))
        else:
            answer = message.reply(Opcode.ERROR, cql_frames.bad_credentials())
        self._to_driver.write(encode(answer, framed=self._replies.framed))

    def _forge(self, fault: Fault, message: Message) -> None:
        assert fault.forge is not None
        forged = message.reply(Opcode.ERROR, fault.forge(message))
        self._to_driver.write(encode(forged, framed=self._replies.framed))

    async def _send_half(self, message: Message) -> None:
        raw = encode(message, framed=self._replies.framed)
        self._to_driver.write(raw[: len(raw) // 2])
        with suppress(OSError):
            await self._to_driver.drain()
