"""The Python client over real sockets, against nodes that fail as told."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import grpc
import pytest

from croupier_client import AsyncClient, Client, PlayAnswer, RetryPolicy, bets, errors, play_request
from croupier_client.pb import errors_pb2
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.pb import wallet_service_pb2 as wallets
from tests.unit.scripted_node import ABORTED, EXHAUSTED, FAILED_PRECONDITION, UNAVAILABLE, ScriptedNode, answer, refuse

WALLET = "operators/o/players/p/wallets/EUR"
SESSION = f"{WALLET}/sessions/s"
# An attempt has time enough on a busy machine; a node that hangs costs it once.
QUICK = RetryPolicy(deadline_s=20, attempt_timeout_s=1.5, attempts_max=6, backoff_first_s=0.01, backoff_max_s=0.05)
DEPOSITED = answer(wallets.DepositResponse(transfer=wallets.Transfer(balance_micros=7)))
PLAYED = answer(rounds.PlayResponse(round=rounds.Round(name=f"{WALLET}/rounds/r")))


def test_every_attempt_sends_the_same_bytes_with_the_key() -> None:
    """Passing refusals are retried with the same id; the key goes with each attempt."""
    script = (refuse(ABORTED, "WRITE_CONFLICT"), refuse(UNAVAILABLE, "OUTCOME_UNKNOWN"), refuse(UNAVAILABLE, "NODE_UNAVAILABLE"), DEPOSITED)
    with ScriptedNode(*script) as node, Client(node.address, "ck_key", policy=QUICK) as client:
        assert client.deposit(WALLET, 5).balance_micros == 7
        assert len(node.requests) == 4
        assert len(set(node.requests)) == 1
        assert {metadata["authorization"] for metadata in node.metadata} == {"Bearer ck_key"}


def test_an_overloaded_node_is_given_the_time_it_asked_for() -> None:
    """RetryInfo's delay passes before the next attempt."""
    with ScriptedNode(refuse(EXHAUSTED, "OVERLOADED", retry_ms=300), DEPOSITED) as node, Client(node.address, policy=QUICK) as client:
        started = time.monotonic()
        client.deposit(WALLET, 5)
        assert time.monotonic() - started >= 0.3


def test_final_refusals_are_not_sent_again() -> None:
    """An error that the same request would meet again is raised at once, typed, with the id that it was about."""
    with ScriptedNode(refuse(FAILED_PRECONDITION, "INSUFFICIENT_FUNDS")) as node, Client(node.address, policy=QUICK) as client:
        with pytest.raises(errors.InsufficientFunds) as caught:
            client.withdraw(WALLET, 5, transfer_id="the-id")
        assert (caught.value.id, caught.value.attempts, len(node.requests)) == ("the-id", 1, 1)


def test_a_hung_node_costs_one_attempt_and_is_left() -> None:
    """The second node answers after one attempt's time-out, and later calls stay there."""
    with ScriptedNode(DEPOSITED) as healthy:
        hung = ScriptedNode()
        with hung, Client([hung.address, healthy.address], policy=QUICK) as client:
            for _ in range(2):
                client.deposit(WALLET, 5)
            assert (len(hung.requests), len(healthy.requests)) == (1, 2)


def test_a_dead_address_is_left_for_the_next() -> None:
    """Nobody listens at the first address: the call succeeds at the second."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{unused.getsockname()[1]}"
        with ScriptedNode(DEPOSITED) as node, Client(f"{dead},{node.address}", policy=QUICK) as client:
            assert client.deposit(WALLET, 5).balance_micros == 7


def test_the_deadline_holds_over_all_attempts() -> None:
    """A cluster that never answers: the error says that the fate is unknown, in about the deadline."""
    hung = ScriptedNode()
    policy = RetryPolicy(deadline_s=1, attempt_timeout_s=0.3, backoff_first_s=0.01)
    with hung, Client(hung.address, policy=policy) as client:
        started = time.monotonic()
        with pytest.raises(errors.OutcomeUnknown) as caught:
            client.deposit(WALLET, 5, transfer_id="the-id")
        assert 0.8 < time.monotonic() - started < 5
        assert caught.value.id == "the-id"
        assert caught.value.attempts >= 3


async def test_the_asyncio_client_retries_alike() -> None:
    """The same script through AsyncClient: same bytes, same end."""
    hung = ScriptedNode()
    with hung, ScriptedNode(refuse(ABORTED, "WRITE_CONFLICT"), DEPOSITED) as node:
        async with AsyncClient([hung.address, node.address], "ck_key", policy=QUICK) as client:
            assert (await client.deposit(WALLET, 5)).balance_micros == 7
            assert len(set(node.requests) | set(hung.requests)) == 1
            assert len(node.requests) == 2


def _echo(requests: Iterator[bytes], answers: int, *, refuse_first: bool = False) -> Iterator[rounds.PlayStreamResponse]:
    for count, request in enumerate(requests):
        if count == answers:
            return
        play = rounds.PlayStreamRequest.FromString(request).play
        if refuse_first and count == 0:
            refusal = errors_pb2.Refusal(code=ABORTED, reason=errors_pb2.ERROR_REASON_WRITE_CONFLICT, message="scripted")
            yield rounds.PlayStreamResponse(result=rounds.PlayResult(refusal=refusal))
        else:
            yield rounds.PlayStreamResponse(result=rounds.PlayResult(round=rounds.Round(name=f"{WALLET}/rounds/{play.round_id}")))


def _broken(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[rounds.PlayStreamResponse]:
    yield from _echo(requests, 3)
    context.abort(grpc.StatusCode.UNAVAILABLE, "going away")


def _silent(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[rounds.PlayStreamResponse]:
    yield from _echo(requests, 2)
    time.sleep(3)


def _whole(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[rounds.PlayStreamResponse]:
    return _echo(requests, 1_000)


def _check(plays: list[rounds.PlayRequest], answers: list[PlayAnswer]) -> None:
    assert [answer_.get().name for answer_ in answers] == [f"{WALLET}/rounds/{play.round_id}" for play in plays]


def test_a_play_stream_that_breaks_goes_on_where_it_stopped() -> None:
    """Broken after three answers, ended early, then silent: every play is answered once, in order, under its first id."""
    plays = [play_request(SESSION, bets.slots(1), None) for _ in range(40)]
    ends_early = lambda requests, _: _echo(requests, 4)  # noqa: E731
    with ScriptedNode(PLAYED, streams=(_broken, ends_early, _silent, _whole)) as node, Client(node.address, policy=QUICK) as client:
        _check(plays, list(client.play_stream(plays, window=8)))
        assert node.opened == 4


async def test_an_asyncio_play_stream_goes_on_alike() -> None:
    """The same breaks through AsyncClient."""
    plays = [play_request(SESSION, bets.slots(1), None) for _ in range(40)]
    ends_early = lambda requests, _: _echo(requests, 4)  # noqa: E731
    with ScriptedNode(PLAYED, streams=(_broken, ends_early, _silent, _whole)) as node:
        async with AsyncClient(node.address, policy=QUICK) as client:
            _check(plays, [answer_ async for answer_ in client.play_stream(plays, window=8)])
        assert node.opened == 4


def test_a_play_refused_in_passing_is_tried_again_by_itself() -> None:
    """A stream's WRITE_CONFLICT is retried as a unary call under the same id, and its answer keeps its place."""
    plays = [play_request(SESSION, bets.slots(1), None) for _ in range(5)]
    stream = lambda requests, _: _echo(requests, 1_000, refuse_first=True)  # noqa: E731
    with ScriptedNode(PLAYED, streams=(stream,)) as node, Client(node.address, policy=QUICK) as client:
        answers = list(client.play_stream(plays))
        assert [answer_.request.round_id for answer_ in answers] == [play.round_id for play in plays]
        assert answers[0].get().name == f"{WALLET}/rounds/r"
        assert rounds.PlayRequest.FromString(node.requests[0]) == plays[0]


def test_a_stream_that_cannot_be_brought_back_raises() -> None:
    """With nothing but refusals the stream ends in the last one, naming the play that waits."""

    def refuse_all(_requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[rounds.PlayStreamResponse]:
        context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        yield rounds.PlayStreamResponse()

    play = play_request(SESSION, bets.slots(1), None)
    with ScriptedNode(PLAYED, streams=(refuse_all,)) as node, Client(node.address, policy=QUICK) as client:
        with pytest.raises(errors.Unavailable) as caught:
            list(client.play_stream([play]))
        assert (caught.value.attempts, caught.value.id) == (QUICK.attempts_max, play.round_id)


def _watch(first: int, last: int, context: grpc.ServicerContext) -> Iterator[wallets.WatchWalletResponse]:
    for revision in range(first, last + 1):
        yield wallets.WatchWalletResponse(entry=wallets.Entry(revision=revision), resume_token=str(revision))
    context.abort(grpc.StatusCode.UNAVAILABLE, "going away")


def _resuming(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[wallets.WatchWalletResponse]:
    token = wallets.WatchWalletRequest.FromString(next(iter(requests))).resume_token
    first = int(token or 0) + 1
    return _watch(first, first + 2, context)


def test_a_watch_that_breaks_resumes_by_its_token() -> None:
    """Three entries a connection: the watch shows each once, without a gap."""
    with ScriptedNode(PLAYED, streams=(_resuming,)) as node, Client(node.address, policy=QUICK) as client:
        watch = client.watch_wallet(WALLET)
        assert [next(watch).entry.revision for _ in range(10)] == list(range(1, 11))
        assert node.opened == 4


async def test_an_asyncio_watch_resumes_alike() -> None:
    """The same through AsyncClient."""
    with ScriptedNode(PLAYED, streams=(_resuming,)) as node:
        async with AsyncClient(node.address, policy=QUICK) as client:
            watch = client.watch_wallet(WALLET)
            async with asyncio.timeout(10):
                assert [(await anext(watch)).entry.revision for _ in range(10)] == list(range(1, 11))
        assert node.opened == 4
