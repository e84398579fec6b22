"""PlayStream over the wire: order, pipelining, refusals that harm nothing else, cancellation, credentials that end meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
from grpc import StatusCode

from croupier.pb import errors_pb2
from croupier.pb import round_service_pb2 as pb
from tests.integration.calling import EUR, Caller, dice, failure, new_id, new_wallet, refused
from tests.integration.serving import PATIENCE_S, Serving, eventually, settings


def seat(acme: Caller) -> tuple[str, str, str]:
    """A wallet with money, a session, its token."""
    wallet = new_wallet()
    acme.deposit(wallet)
    opened = acme.open(wallet)
    return wallet, opened.session.name, opened.token


def plays_of(session: str, count: int) -> list[pb.PlayRequest]:
    return [pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000)) for _ in range(count)]


def results(stream: Iterator[bytes]) -> list[pb.PlayResult]:
    return [pb.PlayStreamResponse.FromString(answer).result for answer in stream]


def test_answers_come_in_the_order_of_the_plays(acme: Caller) -> None:
    """600 plays sent without waiting are answered in order and numbered in order, more than may wait at once."""
    _, session, _ = seat(acme)
    plays = plays_of(session, 600)
    found = results(acme.stream(plays))
    assert [result.round.name.rsplit("/", 1)[1] for result in found] == [play.round_id for play in plays]
    assert [result.round.number for result in found] == list(range(1, 601))


def test_one_bad_play_does_not_end_the_stream(acme: Caller) -> None:
    """A refused play is answered in its place, with the facts that a failed call would have carried."""
    _, session, _ = seat(acme)
    plays = plays_of(session, 5)
    plays[1].bet.dice.stake_micros = 5_000 * EUR
    plays[2].round_id = "nonsense"
    plays[3].round_id = plays[0].round_id
    plays[3].bet.dice.target = 77
    found = results(acme.stream(plays))
    reasons = [errors_pb2.ErrorReason.Name(result.refusal.reason) for result in found]
    unspecified = "ERROR_REASON_UNSPECIFIED"
    assert reasons == [unspecified, "ERROR_REASON_BET_INVALID", "ERROR_REASON_FIELD_INVALID", "ERROR_REASON_ID_REUSED", unspecified]
    assert [result.refusal.code for result in found] == [0, 3, 3, 6, 0]
    assert [result.refusal.field for result in found] == ["", "bet.dice.stake_micros", "round_id", "round_id", ""]
    assert found[4].round.number == 2


def test_a_play_is_answered_while_the_stream_is_open(acme: Caller) -> None:
    """Each answer comes at once: the caller may decide on its next play by the answer before."""
    _, session, _ = seat(acme)
    answered = threading.Semaphore(1)

    def one_at_a_time() -> Iterator[pb.PlayRequest]:
        for play in plays_of(session, 5):
            assert answered.acquire(timeout=PATIENCE_S)
            yield play

    numbers = []
    for answer in acme.stream(one_at_a_time()):
        numbers.append(pb.PlayStreamResponse.FromString(answer).result.round.number)
        answered.release()
    assert numbers == [1, 2, 3, 4, 5]


def test_repeating_a_stream_gives_the_same_bytes(acme: Caller) -> None:
    """The same plays again give the stored answers, byte for byte, and change nothing."""
    wallet, session, _ = seat(acme)
    plays = plays_of(session, 20)
    first = list(acme.stream(plays))
    revision = acme.head(wallet).revision
    assert list(acme.stream(plays)) == first
    assert acme.head(wallet).revision == revision


def test_cancelling_leaves_nothing_behind(serving: Serving, acme: Caller) -> None:
    """After a caller has gone in the middle of a stream, every play is either whole or not there, and the node serves on."""
    wallet, session, _ = seat(acme)
    plays = plays_of(session, 200)
    stream = acme.stream(plays)
    for _ in range(5):
        next(stream)
    stream.cancel()
    eventually(lambda: serving.server.owner.queued == 0)
    again = results(acme.stream(plays))
    assert [result.round.number for result in again] == list(range(1, 201))
    assert acme.head(wallet).revision == 2 + 200


def test_undecodable_plays_end_the_stream(acme: Caller) -> None:
    """Bytes that are no message end the stream with INVALID_ARGUMENT, after the answers to what came before."""
    _, session, _ = seat(acme)
    first = pb.PlayStreamRequest(play=plays_of(session, 1)[0]).SerializeToString()
    stream = acme.raw("RoundService.PlayStream")(iter([first, b"\xff\xff"]), timeout=10, metadata=acme.metadata)
    assert pb.PlayStreamResponse.FromString(next(stream)).result.round.number == 1
    assert refused(next, stream)[:2] == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")


def test_a_stream_does_not_outlive_its_token(serving: Serving, acme: Caller) -> None:
    """Once the session's token has expired, plays of a stream that is still open are refused (S7; expiry is checked on bets)."""
    wallet, session, _ = seat(acme)
    player = acme.as_(serving.token(session, life_s=1))
    first, expired = threading.Event(), threading.Event()

    def slowly() -> Iterator[pb.PlayRequest]:
        yield plays_of(session, 1)[0]
        assert first.wait(PATIENCE_S)
        assert expired.wait(PATIENCE_S)
        yield plays_of(session, 1)[0]

    stream = player.stream(slowly())
    assert pb.PlayStreamResponse.FromString(next(stream)).result.round.number == 1
    first.set()
    eventually(lambda: _is_expired(player, wallet))
    expired.set()
    refusal = pb.PlayStreamResponse.FromString(next(stream)).result.refusal
    assert refusal.reason == errors_pb2.ERROR_REASON_SESSION_EXPIRED
    assert acme.head(wallet).revision == 3


def test_a_stream_takes_no_more_than_may_wait(tmp_path: Path) -> None:
    """Plays beyond the bound stay with the caller until answers leave: the node's memory does not grow with them."""
    with Serving(settings(tmp_path, store="memory", max_stream_plays=4)) as serving:
        acme = serving.caller()
        _, session, _ = seat(acme)
        with serving.owner_held():
            stream = acme.stream(plays_of(session, 50))
            eventually(lambda: serving.server.owner.queued >= 4)
            assert serving.server.owner.queued <= 6
        assert [result.round.number for result in results(stream)] == list(range(1, 51))


def _is_expired(player: Caller, wallet: str) -> bool:
    try:
        player.head(wallet)
    except grpc.RpcError as error:
        return failure(error).reason == "SESSION_EXPIRED"
    return False
