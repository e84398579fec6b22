"""The front door alone: hot calls through an inbox, everything else forwarded to a grpc.aio server, with grpcio as the caller."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from croupier._engine import Front, Inbox

HOT, LANE = "/test.Hot/Call", "/test.Hot/Lane"
Taken = tuple[int, int, bytes, int, str, str, str, int]
Answer = tuple[int, bytes] | tuple[int, int, str, bytes]
Context = grpc.aio.ServicerContext[Any, Any]


class Owner:
    """An owner thread that answers each batch by a function of its calls."""

    def __init__(self, answer: Callable[[list[Taken]], list[Answer]], max_calls: int = 100) -> None:
        self.inbox = Inbox(max_calls)
        self.batches: list[list[Taken]] = []
        self._answer = answer
        self._stopping = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self.inbox.notify()
        self._thread.join()

    def _run(self) -> None:
        while self.inbox.wait(1, None) and not self._stopping:
            batch = self.inbox.take()
            if batch:
                self.batches.append(batch)
                self.inbox.answer(self._answer(batch))


class Backend:
    """A grpc.aio server on a Unix socket, on a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.hanging = threading.Event()
        self.cancelled = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(0), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._server = grpc.aio.server()
        handlers = {
            "Echo": grpc.unary_unary_rpc_method_handler(self._echo),
            "Who": grpc.unary_unary_rpc_method_handler(self._who),
            "Hang": grpc.unary_unary_rpc_method_handler(self._hang),
            "Talk": grpc.stream_stream_rpc_method_handler(self._talk),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Cold", handlers),))
        self._server.add_insecure_port(f"unix:{self.path}")
        await self._server.start()

    async def _echo(self, data: bytes, context: Context) -> bytes:
        return data

    async def _who(self, data: bytes, context: Context) -> bytes:
        return "\n".join(f"{key}={value!s}" for key, value in context.invocation_metadata() or ()).encode()

    async def _hang(self, data: bytes, context: Context) -> bytes:
        self.hanging.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return data

    async def _talk(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        async for request in requests:
            if request == b"abort":
                await context.abort(StatusCode.OUT_OF_RANGE, "asked: 100 % ä", (("x-why", "asked"),))
            yield request
        context.set_trailing_metadata((("x-end", "yes"),))


def echo(batch: list[Taken]) -> list[Answer]:
    return [(ticket, message) for ticket, _, message, *_ in batch]


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    running = Backend(tmp_path / "b.sock")
    yield running
    running.stop()


@contextmanager
def door(backend: Backend, owner: Owner, **settings: Any) -> Iterator[tuple[Front, grpc.Channel]]:
    front = Front("127.0.0.1:0", backend.path, [(HOT, False, owner.inbox), (LANE, True, owner.inbox)], **settings)
    front.start()
    with grpc.insecure_channel(front.address) as channel:
        yield front, channel
    assert front.stop(5.0)
    owner.stop()


def failed(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def ended(front: Front) -> int:
    """How many calls the door has ended because their callers gave up, by their deadline or by a reset: whichever came first."""
    counts = front.method_counts()[0][3]
    return counts["cancelled"] + counts["deadline_exceeded"]


def silent(until: threading.Event) -> Iterator[bytes]:
    """A caller that opens a stream and asks nothing."""
    until.wait(10)
    yield from ()


def trailers(call: Any) -> dict[str, Any]:
    return dict(call.trailing_metadata())


def test_hot_calls_are_answered_in_batches(backend: Backend) -> None:
    """Many callers at once are all answered, each with its own answer, with fewer wake-ups than calls; identity and deadline come along."""
    owner = Owner(echo)
    with door(backend, owner) as (front, channel), ThreadPoolExecutor(32) as pool:
        call = channel.unary_unary(HOT)
        messages = [bytes([n % 256]) * n for n in range(500)]
        answers = list(pool.map(lambda m: call(m, timeout=10, metadata=(("authorization", "Bearer x"),)), messages))
        assert answers == messages
        taken = [one for batch in owner.batches for one in batch]
        assert len(taken) == 500
        assert {(one[1], one[4], one[5]) for one in taken} == {(0, "Bearer x", "")}
        assert all(one[6].startswith("127.0.0.1:") for one in taken)
        assert all(0 < one[3] - time.time() * 1000 < 11_000 for one in taken)
        (path, buckets, _, ended), _ = front.method_counts()
        assert (path, sum(buckets), set(ended.values())) == (HOT, 500, {0})


def test_a_refusal_carries_code_message_and_details(backend: Backend) -> None:
    """A 4-tuple is a status, its message and details intact."""
    with door(backend, Owner(lambda batch: [(one[0], 9, "zu wenig: 5 € < 10 %\n", b"\x00\x01\xff") for one in batch])) as (_, channel):
        error = failed(lambda: channel.unary_unary(HOT)(b"", timeout=5))
        assert (error.code(), error.details()) == (StatusCode.FAILED_PRECONDITION, "zu wenig: 5 € < 10 %\n")
        assert trailers(error)["grpc-status-details-bin"] == b"\x00\x01\xff"


def test_everything_else_is_forwarded(backend: Backend) -> None:
    """Unary, large and streamed calls, trailers, aborts and unknown methods arrive as if the door were not there."""
    with door(backend, Owner(echo)) as (_, channel):
        assert channel.unary_unary("/test.Cold/Echo")(b"x" * 3_000_000, timeout=10) == b"x" * 3_000_000
        talk = channel.stream_stream("/test.Cold/Talk")
        said = talk(iter([b"a", b"b" * 300_000, b""]), timeout=10)
        assert list(said) == [b"a", b"b" * 300_000, b""]
        assert trailers(said)["x-end"] == "yes"
        error = failed(lambda: list(talk(iter([b"a", b"abort"]), timeout=10)))
        assert (error.code(), error.details()) == (StatusCode.OUT_OF_RANGE, "asked: 100 % ä")
        assert trailers(error)["x-why"] == "asked"
        assert failed(lambda: channel.unary_unary("/test.Cold/None")(b"", timeout=10)).code() is StatusCode.UNIMPLEMENTED


def test_only_the_door_says_who_calls(backend: Backend) -> None:
    """Headers of the door's own name from a caller are replaced."""
    with door(backend, Owner(echo)) as (_, channel):
        forged = (("croupier-peer", "forged"), ("croupier-certificate", "admin"), ("croupier-x", "y"), ("other", "kept"))
        seen = channel.unary_unary("/test.Cold/Who")(b"", timeout=5, metadata=forged).decode().splitlines()
        assert [line.partition("=")[0] for line in seen if line.startswith("croupier-")] == ["croupier-peer"]
        assert "croupier-peer=127.0.0.1:" in "\n".join(seen)
        assert "other=kept" in seen


def test_cancellation_reaches_the_server_behind(backend: Backend) -> None:
    """A caller that goes away cancels the call behind the door, and so does a deadline."""
    with door(backend, Owner(echo)) as (_, channel):
        hang = channel.unary_unary("/test.Cold/Hang")
        assert failed(lambda: hang(b"", timeout=0.2)).code() is StatusCode.DEADLINE_EXCEEDED
        assert backend.cancelled.wait(5)
        backend.cancelled.clear()
        backend.hanging.clear()
        call = hang.future(b"")
        assert backend.hanging.wait(5)
        call.cancel()
        assert backend.cancelled.wait(5)


def test_expired_and_cancelled_calls_are_never_decided(backend: Backend) -> None:
    """While the owner is busy, callers give up; what they asked is not seen by the owner, and later callers are served."""
    busy, free = threading.Event(), threading.Event()

    def answer(batch: list[Taken]) -> list[Answer]:
        if batch[0][2] == b"busy":
            busy.set()
            assert free.wait(10)
        return echo(batch)

    owner = Owner(answer)
    with door(backend, owner) as (front, channel):
        call = channel.unary_unary(HOT)
        first = call.future(b"busy")
        assert busy.wait(5)
        assert failed(lambda: call(b"late", timeout=0.2)).code() is StatusCode.DEADLINE_EXCEEDED
        while not ended(front):
            time.sleep(0.005)
        before = ended(front)
        gone = call.future(b"gone")
        while front.counts()["waiting"] < 2:  # What has expired has left its place.
            time.sleep(0.005)
        gone.cancel()
        while ended(front) == before:
            time.sleep(0.005)
        free.set()
        assert first.result(timeout=5) == b"busy"
        assert call(b"next", timeout=5) == b"next"
        assert [one[2] for batch in owner.batches for one in batch] == [b"busy", b"next"]
        assert front.counts()["waiting"] == 0


def test_a_full_inbox_sheds(backend: Backend) -> None:
    """Above the cap the door itself refuses, with the status that it was given."""
    free = threading.Event()

    def answer(batch: list[Taken]) -> list[Answer]:
        assert free.wait(10)
        return echo(batch)

    refusals = {"overloaded": (8, "full", b"details")}
    with door(backend, Owner(answer, max_calls=2), refusals=refusals) as (front, channel):
        call = channel.unary_unary(HOT)
        waiting = [call.future(b"1"), call.future(b"2")]
        while front.counts()["waiting"] < 2:
            time.sleep(0.005)
        error = failed(lambda: call(b"3", timeout=5))
        assert (error.code(), error.details()) == (StatusCode.RESOURCE_EXHAUSTED, "full")
        free.set()
        assert [one.result(timeout=5) for one in waiting] == [b"1", b"2"]
        assert call(b"4", timeout=5) == b"4"


def test_a_drain_finishes_what_runs(backend: Backend) -> None:
    """After a drain calls in flight are answered, hot streams end with UNAVAILABLE, and nothing new is let in."""
    taken, free = threading.Event(), threading.Event()

    def answer(batch: list[Taken]) -> list[Answer]:
        if any(one[2] == b"slow" for one in batch):
            taken.set()
            assert free.wait(10)
        return echo(batch)

    with door(backend, Owner(answer)) as (front, channel):
        lane = channel.stream_stream(LANE)(silent(free))
        slow = channel.unary_unary(HOT).future(b"slow", timeout=10)
        assert taken.wait(5)
        front.drain()
        free.set()
        assert slow.result(timeout=5) == b"slow"
        assert failed(lambda: list(lane)).code() is StatusCode.UNAVAILABLE
        with grpc.insecure_channel(front.address) as late:
            assert failed(lambda: late.unary_unary(HOT)(b"", timeout=2)).code() is StatusCode.UNAVAILABLE


def test_a_stream_is_answered_in_order(backend: Backend) -> None:
    """Each message of a hot stream is a call of its own; answers come in the order of the messages, whatever the owner's order."""
    owner = Owner(lambda batch: list(reversed(echo(batch))))
    with door(backend, owner, stream_waiting_max=8) as (_, channel):
        messages = [str(n).encode() for n in range(300)]
        assert list(channel.stream_stream(LANE)(iter(messages), timeout=10)) == messages
        assert max(len(batch) for batch in owner.batches) <= 8
