"""Cassandra's native protocol as far as a proxy must read it: messages of versions 4 and 5, the segments of version 5, and forged error replies.

Source: native_protocol_v4.spec and native_protocol_v5.spec of Apache Cassandra, sections 2 (framing) and 9 (error codes).
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct(">BBhBI")
"""Version and direction, flags, stream, opcode, length of the body."""
_MAX_PAYLOAD = (1 << 17) - 1
_SELF_CONTAINED = 1 << 17
_REPLY = 0x80
_CRC32_SEED = zlib.crc32(b"\xfa\x2d\x55\xca")


class Opcode(IntEnum):
    """What a message is."""

    ERROR = 0x00
    STARTUP = 0x01
    READY = 0x02
    AUTHENTICATE = 0x03
    OPTIONS = 0x05
    QUERY = 0x07
    RESULT = 0x08
    PREPARE = 0x09
    EXECUTE = 0x0A
    BATCH = 0x0D
    AUTH_RESPONSE = 0x0F
    AUTH_SUCCESS = 0x10


@dataclass(frozen=True)
class Message:
    """One request or reply."""

    version: int
    flags: int
    stream: int
    opcode: int
    body: bytes

    def encode(self) -> bytes:
        return HEADER.pack(self.version, self.flags, self.stream, self.opcode, len(self.body)) + self.body

    def reply(self, opcode: Opcode, body: bytes) -> Message:
        """A reply to this request, which the server never made."""
        return Message(self.version | _REPLY, 0, self.stream, opcode, body)


class MessageReader:
    """Messages of one direction of a connection."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.framed = False
        """Whether messages come in segments: from version 5 on, after the server answered STARTUP."""
        self._reader = reader
        self._buffer = bytearray()

    async def read(self) -> Message:
        """The next message. Raises IncompleteReadError at the end."""
        head = await self._take(HEADER.size)
        version, flags, stream, opcode, length = HEADER.unpack(head)
        return Message(version, flags, stream, opcode, await self._take(length))

    async def _take(self, count: int) -> bytes:
        if not self.framed:
            return await self._reader.readexactly(count)
        while len(self._buffer) < count:
            self._buffer += await self._segment()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def _segment(self) -> bytes:
        head = await self._reader.readexactly(6)
        word = int.from_bytes(head[:3], "little")
        if int.from_bytes(head[3:], "little") != crc24(word):
            raise ValueError("a segment's header is corrupt")
        payload = await self._reader.readexactly(word & _MAX_PAYLOAD)
        if int.from_bytes(await self._reader.readexactly(4), "little") != zlib.crc32(payload, _CRC32_SEED):
            raise ValueError("a segment's payload is corrupt")
        return payload


def encode(message: Message, *, framed: bool) -> bytes:
    """The bytes of a message on the wire, in segments where the connection has them."""
    raw = message.encode()
    if not framed:
        return raw
    if len(raw) <= _MAX_PAYLOAD:
        return _encode_segment(raw, _SELF_CONTAINED)
    return b"".join(_encode_segment(raw[at : at + _MAX_PAYLOAD], 0) for at in range(0, len(raw), _MAX_PAYLOAD))


def _encode_segment(payload: bytes, self_contained: int) -> bytes:
    word = len(payload) | self_contained
    return word.to_bytes(3, "little") + crc24(word).to_bytes(3, "little") + payload + zlib.crc32(payload, _CRC32_SEED).to_bytes(4, "little")


def crc24(word: int) -> int:
    """The checksum of a segment's first three bytes."""
    crc = 0x875060
    for _ in range(3):
        crc ^= (word & 0xFF) << 16
        word >>= 8
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1974F0B
    return crc


_QUORUM, _SERIAL = 0x0004, 0x0008


def text(value: str) -> bytes:
    """A [string] of the protocol."""
    return struct.pack(">H", len(value.encode())) + value.encode()


def write_timeout(kind: str) -> bytes:
    """Body of an error: the write timed out; `kind` is the protocol's write type."""
    return _error(0x1100, struct.pack(">Hii", _SERIAL, 1, 2) + text(kind) + (struct.pack(">H", 1) if kind == "CAS" else b""))


def write_failure(kind: str, version: int) -> bytes:
    """Body of an error: a replica failed; versions 4 and 5 count the failures differently."""
    failures = struct.pack(">i", 1) if version < 5 else struct.pack(">iB4sH", 1, 4, bytes([127, 0, 8, 1]), 0)
    return _error(0x1500, struct.pack(">Hii", _SERIAL, 1, 2) + failures + text(kind))


def cas_unknown() -> bytes:
    """Body of an error of version 5: whether the conditional write was applied is unknown."""
    return _error(0x1700, struct.pack(">Hii", _SERIAL, 1, 2))


def unavailable() -> bytes:
    """Body of an error: too few live replicas to begin."""
    return _error(0x1000, struct.pack(">Hii", _QUORUM, 2, 1))


def read_timeout() -> bytes:
    """Body of an error: replicas answered in time, but the one with the data did not."""
    return _error(0x1200, struct.pack(">HiiB", _SERIAL, 2, 2, 0))


def plain_error(code: int) -> bytes:
    """Body of an error that says no more than its code: server error 0x0000, overloaded 0x1001, bootstrapping 0x1002, truncation 0x1003."""
    return _error(code, b"")


def unprepared(query_id: bytes) -> bytes:
    """Body of an error: the server does not know the prepared statement."""
    return _error(0x2500, struct.pack(">H", len(query_id)) + query_id)


def authenticate() -> bytes:
    """Body of AUTHENTICATE: a name and a password are wanted."""
    return text("org.apache.cassandra.auth.PasswordAuthenticator")


def bad_credentials() -> bytes:
    """Body of an error: the name or the password is wrong."""
    return plain_error(0x0100)


def _error(code: int, rest: bytes) -> bytes:
    return struct.pack(">i", code) + text("forged by the proxy") + rest
