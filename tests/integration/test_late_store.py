"""A whole server over a store that answers late, behind each door."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from croupier.door import Front
from croupier.pb import round_service_pb2 as pb
from croupier.runners.awaiting import Awaiting
from croupier.services.listener import FrontListener
from tests.integration.calling import Caller, dice, new_id, new_wallet, refused
from tests.integration.serving import Serving, eventually, settings

LATE_MS = 300
DOORS = ("grpcio", "front")


@pytest.fixture(scope="module", params=DOORS)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose store answers at a later turn of the event loop, from another thread."""
    with Serving(settings(tmp_path_factory.mktemp("late"), store="memory_late", door=request.param)) as running:
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


def test_a_deadline_before_the_store_answers(tmp_path: Path) -> None:
    """A caller whose deadline passes during the write is told so; what it asked for is done once, and its retry is answered with it."""
    with Serving(settings(tmp_path, store="memory_late", memory_late_ms=LATE_MS)) as slow:
        acme, wallet = slow.caller(), new_wallet()
        session, round_id = session_of(acme, wallet), new_id()
        request = play(session, round_id).SerializeToString()
        with pytest.raises(grpc.RpcError) as caught:
            acme.bytes("RoundService.Play", request, timeout=LATE_MS / 3000)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert acme.call("RoundService.Play", **fields(request)).round.number == 1
        assert acme.head(wallet).revision == 3


def test_a_drain_finishes_what_the_store_has(tmp_path: Path) -> None:
    """Calls that wait for the store when the node drains are answered."""
    with Serving(settings(tmp_path, store="memory_late", memory_late_ms=LATE_MS)) as slow:
        acme = slow.caller()
        sessions = [session_of(acme, new_wallet()) for _ in range(3)]
        calls = [later(acme, "RoundService.Play", play(session)) for session in sessions for _ in range(2)]
        eventually(lambda: slow.server.owner.queued == len(calls))
    assert [pb.PlayResponse.FromString(call.result()).round.number for call in calls] == [1, 2] * 3


def test_a_full_queue_says_when_to_come_again(tmp_path: Path) -> None:
    """Calls beyond the bound are refused as OVERLOADED with a time to wait."""
    with Serving(settings(tmp_path, store="memory_late", memory_late_ms=LATE_MS, max_queue_calls=3)) as slow:
        acme = slow.caller()
        session = session_of(acme, new_wallet())
        calls = [later(acme, "RoundService.Play", play(session)) for _ in range(3)]
        eventually(lambda: slow.server.owner.queued == len(calls))
        said = refused(acme.play, session)
        assert (said.reason, said.retry_s > 0) == ("OVERLOADED", True)
        assert all(call.result() for call in calls)
        assert acme.play(session).number == 4


def later(caller: Caller, method: str, request: Any) -> Any:
    return caller.raw(method).future(request.SerializeToString(), timeout=10, metadata=caller.metadata)


def fields(request: bytes) -> dict[str, Any]:
    message = pb.PlayRequest.FromString(request)
    return {"session": message.session, "round_id": message.round_id, "bet": message.bet}


def test_a_batch_wakes_the_loop_once(tmp_path: Path) -> None:
    """Calls that come through the front door while the event loop is busy cost one wake-up together, plays and reads alike."""
    with Serving(settings(tmp_path, store="memory_late", door="front")) as node:
        acme = node.caller()
        sessions = [session_of(acme, new_wallet()) for _ in range(40)]
        rounds = [acme.play(session).name for session in sessions]
        ferry, front = lanes(node).ferry, door_of(node)
        assert ferry is not None
        release = threading.Event()
        node.loop.call_soon_threadsafe(release.wait, 10)
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
