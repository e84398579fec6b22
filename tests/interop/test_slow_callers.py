"""Callers that stop halfway, against a door with short patience: each is answered or cut off when it is due, and the door serves on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.integration.raw_http2 import END_HEADERS, HEADERS, INITIAL_WINDOW_SIZE, PREFACE, SETTINGS, Raw, frame, prefixed
from tests.integration.serving import eventually
from tests.interop.messages import SERVICE, message
from tests.interop.python_cases import CASES, Stub
from tests.interop.serving import HOT, Door

PATIENCE_S = 0.3
LATE_S = 5.0
"""What a busy machine may add."""
UNARY, DUPLEX = f"/{SERVICE}/UnaryCall", f"/{SERVICE}/FullDuplexCall"
UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED = 2, 4, 8
FRAME_BYTES_MAX = 16_384
REFUSED_STREAM = 7
STREAMS_MAX = 64


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door that waits 0.3 s for anything, with 64 calls a connection and 16 connections."""
    limits: dict[str, Any] = {f"{name}_s": PATIENCE_S for name in ("handshake", "body", "keepalive", "keepalive_timeout")}
    with Door(tmp_path_factory.mktemp("impatient"), HOT, streams_max=STREAMS_MAX, connections_max=16, **limits) as standing:
        yield standing


@pytest.fixture(autouse=True)
def _serves_on(impatient: Door) -> Iterator[None]:
    yield
    with grpc.insecure_channel(impatient.address) as channel:
        CASES["large_unary"](Stub(channel))


def request(size: int = 5) -> bytes:
    return bytes(message("SimpleRequest")(response_size=size).SerializeToString())


@pytest.mark.parametrize(
    "sent",
    [b"", PREFACE[:10], PREFACE, PREFACE + frame(SETTINGS)[:5], PREFACE + frame(SETTINGS) + frame(HEADERS, length=100)],
    ids=["nothing", "half a preface", "no settings", "half a frame", "headers without their block"],
)
def test_half_open(impatient: Door, sent: bytes) -> None:
    """A connection on which nothing more comes, and that answers no ping, is closed: not before it is due, and not long after."""
    with Raw(impatient.address) as raw:
        raw.answers_pings = False
        begun = time.monotonic()
        raw.send(sent)
        assert raw.is_closed(LATE_S)
        assert time.monotonic() - begun > PATIENCE_S * 0.9


def drip(raw: Raw, sent: bytes, pause_s: float) -> None:
    """Sends it a byte at a time."""
    for byte in sent:
        raw.send(bytes([byte]))
        time.sleep(pause_s)


def test_headers_drip_by_drip(impatient: Door) -> None:
    """Slow loris: a caller that sends its headers a byte at a time cannot answer the ping in between, so it is cut off."""
    with Raw(impatient.address) as raw:
        raw.greet()
        raw.answers_pings = False
        block = raw.block(UNARY)
        raw.send(frame(HEADERS, length=len(block), flags=END_HEADERS, stream=1))
        with pytest.raises(ConnectionError):
            drip(raw, block[:-1], LATE_S / len(block))


def test_a_message_drip_by_drip(impatient: Door) -> None:
    """Slow loris: a unary call whose message comes a byte at a time, or never ends, is answered when its patience is over."""
    with Raw(impatient.address) as raw:
        raw.greet()
        stream = raw.open(raw.block(UNARY))
        begun = time.monotonic()
        for byte in prefixed(request(), length=1_000):
            raw.data(stream, bytes([byte]), is_last=False)
            time.sleep(0.02)
        answer = raw.answer(stream, LATE_S)
        assert answer.status == DEADLINE_EXCEEDED
        assert time.monotonic() - begun > PATIENCE_S * 0.9


@pytest.mark.parametrize("is_last", [False, True], ids=["and no more", "and the end"])
@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\0\x09half"], ids=["nothing", "half a prefix", "half a message"])
def test_a_forwarded_body_that_holds_no_message(impatient: Door, sent: bytes, is_last: bool) -> None:  # noqa: FBT001
    """A call behind the door whose body does not come, or not whole, gives up its seat when its patience is over, though its caller answers pings."""
    with Raw(impatient.address) as raw:
        raw.greet()
        stream = raw.open(raw.block(f"/{SERVICE}/StreamingOutputCall"), is_all=is_last and not sent)
        if sent:
            raw.data(stream, sent, is_last=is_last)
        assert raw.answer(stream, LATE_S).status == DEADLINE_EXCEEDED
    eventually(lambda: impatient.front.counts()["forwarded"] == 0)


def test_many_half_open_connections(impatient: Door) -> None:
    """More connections than may be open: those beyond are closed as they come, the others when they are due."""
    raws = [Raw(impatient.address) for _ in range(48)]
    try:
        for raw in raws:
            raw.answers_pings = False
        assert all(raw.is_closed(LATE_S) for raw in raws)
    finally:
        for raw in raws:
            raw.socket.close()
    counts = impatient.front.counts()
    assert counts["connections_refused"] >= 48 - 16


def test_answers_that_nobody_reads(impatient: Door) -> None:
    """A caller that takes no answers: what the door keeps for it is bounded by the calls that one connection may have."""
    with Raw(impatient.address) as raw:
        raw.greet({INITIAL_WINDOW_SIZE: 0})
        block = raw.block(UNARY)
        taken = len(impatient.owner.taken)
        streams = [raw.open(block) for _ in range(STREAMS_MAX)]
        for stream in streams:
            raw.data(stream, prefixed(request(1_000)))
        beyond = raw.open(block)
        raw.data(beyond, prefixed(request(1_000)))
        assert raw.answer(beyond).reset == REFUSED_STREAM
        assert len(impatient.owner.taken) - taken <= STREAMS_MAX


def test_unfinished_messages(tmp_path: Path) -> None:
    """Messages of which the last byte never comes: what all of them together may hold is bounded, calls beyond that are told to wait, at once."""
    held, part, count = 1 << 20, 32 << 10, 128
    with Door(tmp_path, HOT, held_bytes_max=held) as standing, Raw(standing.address) as raw:
        raw.greet()
        block = raw.block(UNARY)
        for number in range(count):
            stream = raw.open(block)
            body = prefixed(bytes(part), length=part + 1)
            for start in range(0, len(body), FRAME_BYTES_MAX):
                raw.data(stream, body[start : start + FRAME_BYTES_MAX], is_last=False)
            if number % 8 == 0:
                raw.settle()
        raw.settle()
        refused = [answer for answer in raw.ended.values() if answer.status == RESOURCE_EXHAUSTED]
        assert len(refused) == len(raw.ended) >= count - 2 * held // part
        assert not standing.owner.taken
        with grpc.insecure_channel(standing.address) as channel:
            CASES["empty_unary"](Stub(channel))


def test_a_stream_that_reads_nothing(tmp_path: Path) -> None:
    """A stream whose caller asks and never reads: no more of it is read once so many answers wait, so the owner decides no more."""
    waiting = 8
    with Door(tmp_path, HOT, stream_waiting_max=waiting) as standing, Raw(standing.address) as raw:
        raw.greet({INITIAL_WINDOW_SIZE: 0})
        asked = message("StreamingOutputCallRequest")(response_parameters=[message("ResponseParameters")(size=1_000)])
        refusal = message("SimpleRequest")(response_status=message("EchoStatus")(code=UNKNOWN)).SerializeToString()
        stream = raw.open(raw.block(DUPLEX))
        for _ in range(100):
            raw.data(stream, prefixed(asked.SerializeToString()), is_last=False)
        eventually(lambda: len(decided(standing)) >= waiting)
        for _ in range(3):
            assert raw.call(UNARY, prefixed(refusal)).status == UNKNOWN
        assert len(decided(standing)) <= 2 * waiting


def decided(standing: Door) -> list[Any]:
    """The messages of streams that the owner got."""
    return [call for call in standing.owner.taken if call[1] == list(HOT).index("FullDuplexCall")]
