"""A way to one member of etcd that can be shut: what goes through is passed on, connections included that are open when it shuts."""

from __future__ import annotations

import asyncio
import contextlib


class Gate:
    """Listens at 127.0.0.1 and passes on to one address."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._inside: set[asyncio.StreamWriter] = set()
        self._listens_at = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listens_at}"

    async def open(self) -> Gate:
        """Lets connections through, at the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._listens_at)
        self._listens_at = self._server.sockets[0].getsockname()[1]
        return self

    async def shut(self) -> None:
        """Refuses connections, and cuts those that are open."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._inside):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(self._host, self._port)
        pair = {writer, there[1]}
        self._inside |= pair
        with contextlib.suppress(OSError):
            await asyncio.wait(
                [asyncio.create_task(_pass(reader, there[1])), asyncio.create_task(_pass(there[0], writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        self._inside -= pair
        for end in pair:
            end.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
