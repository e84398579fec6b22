"""What no gRPC client would send, over raw sockets to a real server process: a defined status or a closed connection, bounded memory, and service goes on."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec import Struct

from tests.integration.calling import Caller, dice, new_id, new_wallet, request
from tests.integration.raw_http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    Answer,
    Fields,
    Raw,
    frame,
    prefixed,
)
from tests.integration.serving import Spawned

HOT = "/croupier.v1.RoundService/Play"
FORWARDED = "/croupier.v1.WalletService/Deposit"
PATHS = pytest.mark.parametrize("path", [HOT, FORWARDED], ids=["hot", "forwarded"])
MESSAGE_BYTES_MAX = 16_384
"""Small enough for more than it to be sent before the server has widened the window of the connection."""
GROWTH_KIB_MAX = 64 << 10
"""How much more memory a server may keep after a flood; an allocator returns not everything at once."""
INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNAUTHENTICATED = 3, 4, 8, 12, 13, 16
CANCEL = (8).to_bytes(4, "big")


class Node(Struct):
    """A server under attack, and a session that is played in between."""

    process: Spawned
    caller: Caller
    session: str
    wallet: str

    @property
    def memory_kib(self) -> int:
        """What it holds of the machine's memory."""
        status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1])

    def message(self, path: str) -> bytes:
        """A request that would succeed."""
        if path == HOT:
            asked = request("RoundService.Play")(session=self.session, round_id=new_id(), bet=dice())
        else:
            asked = request("WalletService.Deposit")(wallet=self.wallet, transfer_id=new_id(), amount_micros=1_000_000)
        return bytes(asked.SerializeToString())

    def greeted(self) -> Raw:
        """A connection that has begun well."""
        return Raw(self.process.address).greet()

    def call(self, path: str, body: bytes, *, fields: Fields = (), method: str = "POST", kind: str = "application/grpc") -> Answer:
        """A call on a connection of its own, with good credentials."""
        with self.greeted() as raw:
            return raw.call(path, body, fields=(*self.credentials, *fields), method=method, kind=kind)

    @property
    def credentials(self) -> tuple[tuple[str, str], ...]:
        """The header that lets a call in."""
        return tuple((name, str(value)) for name, value in self.caller.metadata)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server process with the front door."""
    folder = tmp_path_factory.mktemp("attacked")
    with Spawned(folder, settings=f'door = "front"\nmax_message_bytes = {MESSAGE_BYTES_MAX}\nmax_queue_calls = 500') as process:
        acme, wallet = process.caller(), new_wallet()
        acme.deposit(wallet, 10**12)
        yield Node(process, acme, acme.open(wallet).session.name, wallet)


@pytest.fixture
def node(standing: Node) -> Iterator[Node]:
    """The server, which must answer a usual call afterwards, must hold no more memory than before, and may have logged no error of its own."""
    before = standing.memory_kib
    yield standing
    assert standing.caller.play(standing.session).number
    assert standing.process.process.poll() is None
    assert standing.memory_kib - before < GROWTH_KIB_MAX
    assert '"ERROR"' not in standing.process.log.read_text() and '"CRITICAL"' not in standing.process.log.read_text()


@PATHS
def test_the_call_itself(node: Node, path: str) -> None:
    """What the other tests break succeeds while it is whole: plain, and compressed by gzip."""
    assert node.call(path, prefixed(node.message(path))).status == 0
    packed = prefixed(gzip.compress(node.message(path)), compressed=1)
    assert node.call(path, packed, fields=(("grpc-encoding", "gzip"),)).status == 0


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00" * 64,
        os.urandom(512),
        b"GET / HTTP/1.1\r\nHost: croupier\r\n\r\n",
        b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(189),
        PREFACE[:-1] + b"X",
        PREFACE + b"\xff" * 64,
        PREFACE + frame(SETTINGS, bytes(5)),
        PREFACE + frame(SETTINGS) + frame(DATA, b"x", stream=1),
        PREFACE + frame(SETTINGS) + frame(HEADERS, b"\xff" * 40, flags=END_HEADERS, stream=1),
        PREFACE + frame(SETTINGS) + frame(DATA, length=1 << 20, stream=1),
    ],
    ids=["zeros", "chance", "http1", "tls", "preface", "frames", "settings", "data on no stream", "hpack", "a frame of 1 MiB"],
)
def test_garbage(node: Node, sent: bytes) -> None:
    """Before the preface, in its place, and after it: the connection is closed."""
    with Raw(node.process.address) as raw:
        with suppress(ConnectionError):
            raw.send(sent)
        assert raw.is_closed()


@PATHS
@pytest.mark.parametrize("kept", [3, 9, 20, -1])
def test_a_connection_cut_within_a_frame(node: Node, path: str, kept: int) -> None:
    """A caller that goes away within its headers, or within its message: nothing comes of it, and nothing stays of it."""
    with node.greeted() as raw:
        headers = frame(HEADERS, raw.block(path, fields=node.credentials), flags=END_HEADERS, stream=1)
        raw.send((headers + frame(DATA, prefixed(node.message(path)), stream=1))[:kept])


@pytest.mark.parametrize("path", ["/croupier.v1.RoundService/Fold", "/croupier.v2.RoundService/Play", "/", "*", "/%00", "/" + "a" * 4_000])
def test_an_unknown_method(node: Node, path: str) -> None:
    """UNIMPLEMENTED, whatever is in the message."""
    assert node.call(path, prefixed(b"x")).status == UNIMPLEMENTED


@PATHS
def test_what_is_no_grpc(node: Node, path: str) -> None:
    """Another HTTP method is 405, another content type 415, as HTTP says; a caller without credentials is UNAUTHENTICATED."""
    body = prefixed(node.message(path))
    assert [node.call(path, body, method=method).http for method in ("GET", "PUT", "OPTIONS")] == [405] * 3
    kinds = ("application/json", "application/grpc-web", "application/grpcx", "text/plain", "")
    assert [node.call(path, body, kind=kind).http for kind in kinds] == [415] * len(kinds)
    assert node.call(path, body, kind="application/grpc+proto").status == 0
    with node.greeted() as raw:
        assert raw.call(path, body).status == UNAUTHENTICATED


@pytest.mark.parametrize("sent", [b"", b"\0\0", prefixed(b"x", length=100), prefixed(b"") * 2, prefixed(b"x", compressed=7)])
def test_a_body_that_is_not_one_message(node: Node, sent: bytes) -> None:
    """No message, half of one, two of them, an unknown flag: refused, and nothing is played."""
    before = node.caller.head(node.wallet).revision
    assert node.call(HOT, sent).status == INTERNAL
    assert node.caller.head(node.wallet).revision == before


@pytest.mark.parametrize("sent", [b"", b"\0\0", prefixed(b"x", length=100)])
def test_a_forwarded_body_that_is_no_message(node: Node, sent: bytes) -> None:
    """GRPC's own server waits for the message until the caller's deadline, with which the call ends, and no money has moved."""
    before = node.caller.head(node.wallet).revision
    answer = node.call(FORWARDED, sent, fields=(("grpc-timeout", "300m"),))
    assert answer.status == DEADLINE_EXCEEDED or answer.reset == int.from_bytes(CANCEL, "big")
    assert node.caller.head(node.wallet).revision == before


@PATHS
def test_bytes_that_are_no_message(node: Node, path: str) -> None:
    """INVALID_ARGUMENT."""
    assert node.call(path, prefixed(b"\xff" * 20)).status == INVALID_ARGUMENT


@PATHS
def test_a_message_that_is_too_large(node: Node, path: str) -> None:
    """RESOURCE_EXHAUSTED: where only its prefix says so, where all of it comes, and where it is large only once it is unpacked."""
    assert node.call(path, prefixed(b"", length=1 << 31)).status == RESOURCE_EXHAUSTED
    assert node.call(path, prefixed(b"x" * 10, length=MESSAGE_BYTES_MAX + 1)).status == RESOURCE_EXHAUSTED
    bomb = prefixed(gzip.compress(bytes(8 << 20)), compressed=1)
    assert len(bomb) < MESSAGE_BYTES_MAX
    assert node.call(path, bomb, fields=(("grpc-encoding", "gzip"),)).status == RESOURCE_EXHAUSTED
    with node.greeted() as raw:
        stream = raw.open(raw.block(path, fields=node.credentials))
        for part in (prefixed(bytes(2 * MESSAGE_BYTES_MAX - 5)), bytes(MESSAGE_BYTES_MAX)):
            for start in range(0, len(part), MESSAGE_BYTES_MAX):
                raw.data(stream, part[start : start + MESSAGE_BYTES_MAX], is_last=False)
        assert raw.answer(stream).status == RESOURCE_EXHAUSTED


@PATHS
def test_compression_that_is_not_what_it_says(node: Node, path: str) -> None:
    """A message marked as compressed without an encoding, or that doesn't unpack, is refused; an unknown encoding names those that are known."""
    message = node.message(path)
    assert node.call(path, prefixed(message, compressed=1)).status in (INTERNAL, INVALID_ARGUMENT)
    assert node.call(path, prefixed(message, compressed=1), fields=(("grpc-encoding", "gzip"),)).status in (INTERNAL, INVALID_ARGUMENT)
    cut = prefixed(gzip.compress(message)[:-9], compressed=1)
    assert node.call(path, cut, fields=(("grpc-encoding", "gzip"),)).status in (INTERNAL, INVALID_ARGUMENT)
    if path == HOT:
        answer = node.call(path, prefixed(message, compressed=1), fields=(("grpc-encoding", "snappy"),))
        assert (answer.status, answer.headers["grpc-accept-encoding"]) == (UNIMPLEMENTED, "identity,gzip")


@PATHS
@pytest.mark.parametrize("timeout", ["", "S", "5", "-1S", "1.5S", "123456789S", "1s", "soon"])
def test_a_timeout_that_is_none(node: Node, path: str, timeout: str) -> None:
    """Refused, instead of waiting for ever."""
    answer = node.call(path, prefixed(node.message(path)), fields=(("grpc-timeout", timeout),))
    assert answer.status in (INTERNAL, INVALID_ARGUMENT)


def continued(raw: Raw, block: bytes) -> int:
    """Opens a stream by headers in many frames."""
    raw.send(frame(HEADERS, block[:16_000], stream=1))
    for start in range(16_000, len(block), 16_000):
        part = block[start : start + 16_000]
        raw.send(frame(CONTINUATION, part, flags=END_HEADERS if start + 16_000 >= len(block) else 0, stream=1))
    return 1


@PATHS
def test_headers_that_are_too_large(node: Node, path: str) -> None:
    """One long value, and many short ones, in frames that follow each other: 431, as HTTP says, or the end of the connection."""
    for fields in ([("x-long", "a" * 60_000)], [(f"x-{number}", "a") for number in range(3_000)]):
        with node.greeted() as raw:
            with suppress(ConnectionError):
                raw.data(continued(raw, raw.block(path, fields=fields)), prefixed(node.message(path)))
            answer = raw.answer(1)
            assert answer.http == 431 or answer.goaway or answer.is_cut


def flood(node: Node, send: Callable[[Raw, int], None], count: int) -> bool:
    """Sends so much of something, or until the server closes the connection, which must then be what it did. Whether it did."""
    with node.greeted() as raw:
        try:
            for number in range(count):
                send(raw, number)
        except ConnectionError:
            return True
        return raw.is_closed(0.2)


def reset(raw: Raw, _: int) -> None:
    stream = raw.open(raw.block(HOT))
    raw.send(frame(RST_STREAM, CANCEL, stream=stream))


def reset_within(raw: Raw, _: int) -> None:
    stream = raw.open(raw.block(HOT))
    raw.data(stream, b"\0\0", is_last=False)
    raw.send(frame(RST_STREAM, CANCEL, stream=stream))


def empty_data(raw: Raw, number: int) -> None:
    raw.data(1 if number else raw.open(raw.block(HOT)), b"", is_last=False)


def continuation(raw: Raw, number: int) -> None:
    raw.send(frame(CONTINUATION if number else HEADERS, stream=1))


FLOODS: dict[str, tuple[Callable[[Raw, int], None], int]] = {
    "resets": (reset, 20_000),
    "resets of half a message": (
        lambda raw, number: (reset if number % 2 else lambda raw, _: raw.data(raw.open(raw.block(HOT)), b"\0\0", is_last=False))(
            raw, number
        ),
        10_000,
    ),
    "continuations": (continuation, 20_000),
    "settings": (lambda raw, _: raw.send(frame(SETTINGS)), 50_000),
    "pings": (lambda raw, _: raw.send(frame(PING, bytes(8))), 50_000),
    "unknown frames": (lambda raw, _: raw.send(frame(200, bytes(1_000))), 20_000),
    "empty data": (empty_data, 50_000),
    "streams without end": (lambda raw, _: raw.data(raw.open(raw.block(HOT)), b"\0", is_last=False), 20_000),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood(node: Node, kind: str) -> None:
    """Of cheap frames: the connection is closed, or the server bears it; either way memory stays where it was and others are served."""
    flood(node, *FLOODS[kind])


def test_resets_end_the_connection(node: Node) -> None:
    """A flood of resets ("rapid reset", CVE-2023-44487) ends the connection long before the flood does."""
    assert flood(node, reset, 20_000)


def test_many_connections_that_say_nothing(node: Node) -> None:
    """Half-open connections by the hundred keep nobody out."""
    raws = [Raw(node.process.address) for _ in range(300)]
    assert node.caller.play(node.session).number
    for number, raw in enumerate(raws):
        raw.send(PREFACE[: number % len(PREFACE)])
    assert node.caller.play(node.session).number
    for raw in raws:
        raw.socket.close()
