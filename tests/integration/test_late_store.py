"""A whole server over a store that answers late, behind each door."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from croupier.door import Front
from croupier.model import WalletWrite
from croupier.pb import round_service_pb2 as pb
from croupier.runners.awaiting import Awaiting
from croupier.services.listener import FrontListener
from croupier.stores.memory import Lies
from croupier.stores.memory_late import LateMemoryStore
from croupier.stores.store import CommitResult
from tests.integration.calling import Caller, dice, new_id, new_wallet, refused
from tests.integration.serving import Serving, eventually, settings

LATE_MS = 300


class Holding(LateMemoryStore):
    """Answers at the next turn; the writes of one player only once they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.held = ""
        self.has_let_go = asyncio.Event()

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        if any(write.key.player == self.held for write in writes):
            await self.has_let_go.wait()
        return await super().commit(writes)


@pytest.fixture(scope="module", params=("grpcio", "front"))
def door(request: pytest.FixtureRequest) -> str:
    """Which door the server has."""
    return str(request.param)


@pytest.fixture(scope="module")
def node(door: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose store answers at a later turn of the event loop, from another thread."""
    with Serving(settings(tmp_path_factory.mktemp("late"), store="memory_late", door=door)) as running:
        yield running


@pytest.fixture
def slow(door: str, tmp_path: Path) -> Iterator[Serving]:
    """A server with room for six calls, whose store takes a while for each."""
    with Serving(
        settings(tmp_path, store="memory_late", memory_late_ms=LATE_MS, max_queue_calls=6, tolerated_write_ms=0, door=door)
    ) as running:
        yield running


def lanes(node: Serving) -> Awaiting:
    """The runner, as what it is."""
    assert isinstance(node.server.owner, Awaiting)
    return node.server.owner


def session_of(caller: Caller, wallet: str) -> str:
    caller.deposit(wallet)
    return str(caller.open(wallet).session.name)


def play(session: str, round_id: str = "") -> Any:
    return pb.PlayRequest(session=session, round_id=round_id or new_id(), bet=dice())


def test_a_session_from_end_to_end(node: Serving) -> None:
    """Unary calls, a batch over two wallets, a stream and reads; the tenant's books balance afterwards."""
    acme = node.caller()
    sessions = [session_of(acme, new_wallet()) for _ in range(2)]
    rounds = [acme.play(sessions[0]) for _ in range(5)]
    assert [one.number for one in rounds] == list(range(1, 6))
    assert acme.call("RoundService.GetRound", name=rounds[0].name).round == rounds[0]
    batch = acme.call("RoundService.PlayBatch", plays=[play(session) for _ in range(40) for session in sessions])
    assert [one.round.number for one in batch.results[::2]] == list(range(6, 46))
    assert [one.round.number for one in batch.results[1::2]] == list(range(1, 41))
    streamed = [pb.PlayStreamResponse.FromString(one) for one in acme.stream(play(sessions[1]) for _ in range(30))]
    assert [one.result.round.number for one in streamed] == list(range(41, 71))
    assert all(one.drift_micros == 0 for one in acme.call("WalletService.GetTrialBalance", operator="operators/acme").balances)


def test_a_retry_is_the_same_round(node: Serving) -> None:
    """W2: the same id gives the same bytes, once more and in a batch with itself, and no second entry."""
    acme, wallet = node.caller(), new_wallet()
    request = play(session_of(acme, wallet)).SerializeToString()
    first = acme.bytes("RoundService.Play", request)
    assert acme.bytes("RoundService.Play", request) == first
    twice = acme.call("RoundService.PlayBatch", plays=[pb.PlayRequest.FromString(request)] * 2)
    assert [one.round for one in twice.results] == [pb.PlayResponse.FromString(first).round] * 2
    assert acme.head(wallet).revision == 3


def test_many_callers_at_once(node: Serving) -> None:
    """Calls of many wallets and several of each, under way together: each wallet's rounds are numbered without a gap."""
    acme = node.caller()
    sessions = [session_of(acme, new_wallet()) for _ in range(8)]
    calls = [later(acme, "RoundService.Play", play(session)) for _ in range(12) for session in sessions]
    rounds = [pb.PlayResponse.FromString(call.result()).round for call in calls]
    for number in range(8):
        assert sorted(one.number for one in rounds[number::8]) == list(range(1, 13))


def test_a_deadline_before_the_store_answers(slow: Serving) -> None:
    """A caller whose deadline passes during the write is told so; what it asked for is done once, and its retry is answered with it."""
    acme, wallet = slow.caller(), new_wallet()
    session, round_id = session_of(acme, wallet), new_id()
    request = play(session, round_id).SerializeToString()
    with pytest.raises(grpc.RpcError) as caught:
        acme.bytes("RoundService.Play", request, timeout=LATE_MS / 3000)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert pb.PlayResponse.FromString(acme.bytes("RoundService.Play", request)).round.number == 1
    assert acme.head(wallet).revision == 3


def test_a_drain_finishes_what_the_store_has(door: str, tmp_path: Path) -> None:
    """Calls that wait for the store when the node drains are answered."""
    with Serving(settings(tmp_path, store="memory_late", memory_late_ms=LATE_MS, door=door)) as slow:
        acme = slow.caller()
        sessions = [session_of(acme, new_wallet()) for _ in range(3)]
        calls = [later(acme, "RoundService.Play", play(session)) for session in sessions for _ in range(2)]
        eventually(lambda: slow.server.owner.queued == len(calls))
    assert [pb.PlayResponse.FromString(call.result()).round.number for call in calls] == [1, 2] * 3


def test_a_full_queue_says_when_to_come_again(slow: Serving) -> None:
    """Calls beyond the bound are refused as OVERLOADED with a time to wait."""
    acme = slow.caller()
    session = session_of(acme, new_wallet())
    calls = [later(acme, "RoundService.Play", play(session)) for _ in range(6)]
    eventually(lambda: slow.server.owner.queued == len(calls))
    said = refused(acme.play, session)
    assert (said.reason, said.retry_s > 0) == ("OVERLOADED", True)
    assert all(call.result() for call in calls)
    assert acme.play(session).number == 7


def test_no_player_waits_for_another(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store never answers for one player, all others play and read; that player's calls end at their deadlines, and go on where the store does."""
    store = Holding()
    monkeypatch.setattr("tests.integration.serving.open_store", lambda _: store)
    with Serving(settings(tmp_path, store="memory_late", door=door)) as node:
        acme, wallet = node.caller(), new_wallet()
        session, others = session_of(acme, wallet), [session_of(acme, new_wallet()) for _ in range(5)]
        store.held = wallet.split("/")[3]
        stuck = [later(acme, "RoundService.Play", play(session), timeout=0.5) for _ in range(3)]
        assert [acme.play(other).number for _ in range(10) for other in others] == [number for number in range(1, 11) for _ in others]
        mixed = later(acme, "RoundService.PlayBatch", pb.PlayBatchRequest(plays=[play(others[0]), play(session)]))
        assert [call.exception().code() for call in stuck] == [grpc.StatusCode.DEADLINE_EXCEEDED] * 3
        assert acme.play(others[0]).number == 12
        assert not mixed.done()
        node.loop.call_soon_threadsafe(store.has_let_go.set)
        assert [one.round.number > 0 for one in pb.PlayBatchResponse.FromString(mixed.result()).results] == [True, True]
        assert acme.play(session).number == acme.head(wallet).revision - 2


def test_a_store_that_fails_ends_service(door: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """S4: the call whose write failed is unknown, and the node leaves service; nothing is answered from memory."""
    caplog.set_level(logging.CRITICAL + 1)
    store = LateMemoryStore()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.integration.serving.open_store", lambda _: store)
        with Serving(settings(tmp_path, store="memory_late", door=door)) as node:
            acme = node.caller()
            session = session_of(acme, new_wallet())
            store.lies = Lies(fail=1)
            said = refused(acme.play, session)
            assert (said.code, said.reason) == (grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNKNOWN")
            eventually(lambda: node.server.failure)
            assert node.server.owner.runner.failure


def later(caller: Caller, method: str, request: Any, timeout: float = 10) -> Any:
    return caller.raw(method).future(request.SerializeToString(), timeout=timeout, metadata=caller.metadata)


def test_a_batch_wakes_the_loop_once(tmp_path: Path) -> None:
    """Calls that come through the front door while the event loop is busy cost one wake-up together, plays and reads alike."""
    with Serving(settings(tmp_path, store="memory_late", door="front")) as node:
        acme = node.caller()
        sessions = [session_of(acme, new_wallet()) for _ in range(40)]
        rounds = [acme.play(session).name for session in sessions]
        ferry, front = lanes(node).ferry, door_of(node)
        assert ferry is not None
        is_busy, release = threading.Event(), threading.Event()
        node.loop.call_soon_threadsafe(lambda: (is_busy.set(), release.wait(10)))
        assert is_busy.wait(10)
        before = ferry.wake_ups
        played = [later(acme, "RoundService.Play", play(session)) for session in sessions]
        read = [later(acme, "RoundService.GetRound", pb.GetRoundRequest(name=name)) for name in rounds]
        eventually(lambda: front.counts()["waiting"] == 80)
        release.set()
        assert [pb.PlayResponse.FromString(call.result()).round.number for call in played] == [2] * 40
        assert [pb.GetRoundResponse.FromString(call.result()).round.name for call in read] == rounds
        assert ferry.wake_ups - before == 1


def door_of(node: Serving) -> Front:
    listener = node.server._listener
    assert isinstance(listener, FrontListener) and listener.front is not None
    return listener.front
