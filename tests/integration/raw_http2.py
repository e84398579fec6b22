"""HTTP/2 frame by frame over a real socket, for callers that keep no rules. RFC 9113 names the frames, RFC 7541 the compression of headers."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

from hpack import Decoder, Encoder
from msgspec import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
PATIENCE_S = 10.0

Fields = Iterable[tuple[str, str]]


class Frame(NamedTuple):
    """What came in one frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes


class Answer(Struct):
    """How one stream ended."""

    headers: dict[str, str] = {}
    """Headers and trailers."""
    body: bytes = b""
    reset: int | None = None
    """The error code of RST_STREAM."""
    goaway: int | None = None
    """The error code of GOAWAY, if the connection ended first."""
    is_cut: bool = False
    """The connection was closed first."""

    @property
    def status(self) -> int | None:
        """The gRPC status; None where none was given."""
        return int(self.headers["grpc-status"]) if "grpc-status" in self.headers else None

    @property
    def http(self) -> int:
        """The HTTP status; 0 where none was given."""
        return int(self.headers.get(":status", "0"))


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0, length: int | None = None) -> bytes:
    """A frame; `length` where it lies about it."""
    return (len(payload) if length is None else length).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def prefixed(message: bytes, *, compressed: int = 0, length: int | None = None) -> bytes:
    """A gRPC message with its prefix; `length` where it lies about it."""
    return struct.pack(">BI", compressed, len(message) if length is None else length) + message


class Raw:
    """A connection on which anything can be sent."""

    answers_pings = True
    """As any HTTP/2 must. A caller that does not is one that has gone."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._encoder, self._decoder = Encoder(), Decoder()
        self._stream = -1
        self._answers: dict[int, Answer] = {}
        self._ended: set[int] = set()
        self._goaway: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.socket.sendall(data)

    def greet(self, settings: dict[int, int] | None = None) -> Self:
        """The preface, own settings, and an acknowledgement of the server's."""
        wanted = b"".join(struct.pack(">HI", *one) for one in (settings or {}).items())
        self.send(PREFACE + frame(SETTINGS, wanted) + frame(SETTINGS, flags=ACK))
        return self

    def block(self, path: str, *, fields: Fields = (), method: str = "POST", kind: str = "application/grpc") -> bytes:
        """The compressed headers of a call. Nothing enters the table, so that a block may be left unsent."""
        named = [
            (":method", method),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", kind),
            ("te", "trailers"),
            *fields,
        ]
        return self._encoder.encode([(name, value, True) for name, value in named], huffman=False)

    def open(self, block: bytes, *, is_all: bool = False) -> int:
        """Headers on a new stream, `is_all` where no body follows; the stream."""
        self._stream += 2
        self.send(frame(HEADERS, block, flags=END_HEADERS | (END_STREAM if is_all else 0), stream=self._stream))
        return self._stream

    def data(self, stream: int, body: bytes, *, is_last: bool = True) -> None:
        """A DATA frame."""
        self.send(frame(DATA, body, flags=END_STREAM if is_last else 0, stream=stream))

    def call(self, path: str, body: bytes, *, fields: Fields = (), method: str = "POST", kind: str = "application/grpc") -> Answer:
        """A whole call, and how it ended."""
        stream = self.open(self.block(path, fields=fields, method=method, kind=kind))
        self.data(stream, body)
        return self.answer(stream)

    def frames(self, patience_s: float = PATIENCE_S) -> Iterator[Frame]:
        """What the server sends, until it closes the connection; TimeoutError if it does not within that time."""
        end = time.monotonic() + patience_s
        while True:
            while len(self._received) < 9 or len(self._received) < 9 + int.from_bytes(self._received[:3], "big"):
                self.socket.settimeout(max(end - time.monotonic(), 0.001))
                try:
                    more = self.socket.recv(1 << 16)
                except ConnectionError:
                    return
                if not more:
                    return
                self._received += more
            length = int.from_bytes(self._received[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", self._received[3:9])
            payload, self._received = self._received[9 : 9 + length], self._received[9 + length :]
            if kind == PING and not flags & ACK and self.answers_pings:
                self.send(frame(PING, payload, flags=ACK))
            yield Frame(kind, flags, stream, payload)

    def answer(self, stream: int, patience_s: float = PATIENCE_S) -> Answer:
        """How a stream ends; what comes on others is kept for whoever asks."""
        if stream not in self._ended:
            for one in self.frames(patience_s):
                self._keep(one)
                if stream in self._ended:
                    break
            else:
                self._answers.setdefault(stream, Answer()).is_cut = True
        found = self._answers.setdefault(stream, Answer())
        found.goaway = self._goaway
        return found

    def settle(self) -> None:
        """Waits until the server has seen all that was sent, and has said so."""
        self.send(frame(PING, b"settling"))
        for one in self.frames():
            self._keep(one)
            if one.kind == PING and one.flags & ACK:
                return
        raise ConnectionError("it was closed")

    @property
    def ended(self) -> dict[int, Answer]:
        """How streams ended so far."""
        return {stream: self._answers[stream] for stream in self._ended}

    def _keep(self, one: Frame) -> None:
        if one.kind == GOAWAY:
            self._goaway = int.from_bytes(one.payload[4:8], "big")
        found = self._answers.setdefault(one.stream, Answer())
        if one.kind in (HEADERS, CONTINUATION):
            found.headers |= {str(name): str(value) for name, value in self._decoder.decode(one.payload)}
        elif one.kind == DATA:
            found.body += one.payload
        elif one.kind == RST_STREAM and one.stream not in self._ended:
            found.reset = int.from_bytes(one.payload, "big")
        if one.kind == RST_STREAM or (one.flags & END_STREAM and one.kind in (DATA, HEADERS)):
            self._ended.add(one.stream)

    def is_closed(self, patience_s: float = PATIENCE_S) -> bool:
        """Whether the server closes the connection in that time; whatever it still sends is passed over."""
        try:
            for _ in self.frames(patience_s):
                pass
        except TimeoutError:
            return False
        return True
