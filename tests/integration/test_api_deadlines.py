"""Deadlines and load: an expired call is never decided, a call too many is told to wait, and neither changes anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from croupier.pb import round_service_pb2 as pb
from tests.integration.calling import EUR, Caller, Failure, dice, failure, new_id, new_wallet, refused, request
from tests.integration.serving import Serving, eventually, settings

ROOM = 8
EXPIRES_S = 0.7


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Serving]:
    """A server with room for a few calls, whose owner a test may hold up."""
    with Serving(settings(tmp_path, store="memory", max_queue_calls=ROOM)) as running:
        yield running


def deposit(wallet: str, transfer_id: str = "") -> bytes:
    return bytes(
        request("WalletService.Deposit")(wallet=wallet, transfer_id=transfer_id or new_id(), amount_micros=EUR).SerializeToString()
    )


def later(caller: Caller, method: str, data: bytes, timeout: float) -> Any:
    return caller.raw(method).future(data, timeout=timeout, metadata=caller.metadata)


def expire(node: Serving, call: Any, queued: int) -> None:
    """Sees a call into the queue, and its deadline pass there."""
    eventually(lambda: node.server.owner.queued == queued)
    assert call.exception().code() is StatusCode.DEADLINE_EXCEEDED


def test_an_expired_call_is_not_decided(node: Serving) -> None:
    """A call whose deadline passes while it waits answers DEADLINE_EXCEEDED and has no effect; the same id may be used afterwards."""
    acme, wallet, transfer_id = node.caller(), new_wallet(), new_id()
    acme.deposit(wallet)
    with node.owner_held():
        expire(node, later(acme, "WalletService.Deposit", deposit(wallet, transfer_id), EXPIRES_S), 1)
    counts = node.server.owner.runner.counts
    eventually(lambda: counts.expired_calls == 1)
    assert acme.head(wallet).revision == 1
    acme.bytes("WalletService.Deposit", deposit(wallet, transfer_id))
    assert acme.head(wallet).revision == 2


def test_a_call_in_time_is_decided(node: Serving) -> None:
    """A call that waited, but not beyond its deadline, is answered; one without a deadline waits as long as it takes."""
    acme, wallet = node.caller(), new_wallet()
    with node.owner_held():
        waiting = [later(acme, "WalletService.Deposit", deposit(wallet), timeout) for timeout in (10, None)]  # type: ignore[list-item]
        eventually(lambda: node.server.owner.queued == 2)
    for one in waiting:
        assert one.result()
    assert acme.head(wallet).revision == 2


def test_an_expired_batch_plays_nothing(node: Serving) -> None:
    """All plays of a batch share its deadline."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    plays = [pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000)) for _ in range(ROOM)]
    with node.owner_held():
        waiting = later(acme, "RoundService.PlayBatch", pb.PlayBatchRequest(plays=plays).SerializeToString(), EXPIRES_S)
        assert waiting.exception().code() is StatusCode.DEADLINE_EXCEEDED
    eventually(lambda: node.server.owner.queued == 0)
    assert acme.head(wallet).revision == 2
    assert acme.play(session).number == 1


def test_one_call_too_many(node: Serving) -> None:
    """With the queue full a call is told to wait a moment, at once, and those in the queue are all answered (nothing was done)."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    with node.owner_held():
        waiting = [later(acme, "RoundService.Play", _play(session).SerializeToString(), 10) for _ in range(ROOM)]
        eventually(lambda: node.server.owner.queued == ROOM)
        said = refused(acme.play, session)
        assert said[:2] == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert 0 < said.retry_s < 5
        assert acme.head(wallet).revision == 2
    for one in waiting:
        assert one.result()
    assert acme.head(wallet).revision == 2 + ROOM
    assert acme.play(session).number == 1 + ROOM


def test_one_play_of_a_stream_too_many(node: Serving) -> None:
    """With the queue full a stream's plays are told to wait, one by one, and the stream goes on."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    with node.owner_held():
        waiting = [later(acme, "RoundService.Play", _play(session).SerializeToString(), 10) for _ in range(ROOM)]
        eventually(lambda: node.server.owner.queued == ROOM)
        found = [pb.PlayStreamResponse.FromString(one).result.refusal for one in acme.stream([_play(session), _play(session)])]
        assert [refusal.code for refusal in found] == [StatusCode.RESOURCE_EXHAUSTED.value[0]] * 2
        assert all(refusal.retry_delay.ToTimedelta().total_seconds() > 0 for refusal in found)
    for one in waiting:
        assert one.result()
    assert acme.head(wallet).revision == 2 + ROOM


def test_a_batch_that_never_fits(node: Serving) -> None:
    """A batch of more plays than there is room for is refused whole."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    said = refused(acme.call, "RoundService.PlayBatch", plays=[_play(session) for _ in range(ROOM + 1)])
    assert said[:2] == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert acme.head(wallet).revision == 2


def test_a_caller_that_gives_up_costs_nothing(node: Serving) -> None:
    """Calls that were cancelled while they waited leave no trace in the queue."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    with node.owner_held():
        waiting = [later(acme, "WalletService.Deposit", deposit(wallet), 10) for _ in range(ROOM)]
        eventually(lambda: node.server.owner.queued == ROOM)
        for one in waiting:
            one.cancel()
    eventually(lambda: node.server.owner.queued == 0)
    assert acme.deposit(wallet).balance_micros


def test_reads_go_on_while_the_owner_is_busy(node: Serving) -> None:
    """What is committed is read beside the owner: a long commit keeps nobody from looking."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    with node.owner_held():
        assert acme.head(wallet).revision == 1
        assert acme.call("CatalogService.ListGames").games


def test_one_read_too_many(node: Serving) -> None:
    """Reads that wait are bounded too; those within the bound are answered."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    data = request("WalletService.GetWallet")(name=wallet).SerializeToString()
    with node.reader_held():
        waiting = [later(acme, "WalletService.GetWallet", data, 10) for _ in range(ROOM)]
        said = eventually(lambda: _overloaded(acme, wallet))
        assert said.retry_s > 0
    for one in waiting:
        one.exception()
    assert acme.head(wallet).revision == 1


def test_one_stream_too_many(tmp_path: Path) -> None:
    """Streams that stay open are bounded: one more is told to wait, and there is room again when one has gone."""
    with Serving(settings(tmp_path, store="memory", max_calls=3)) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        watches = [acme.watch(wallet, "0") for _ in range(3)]
        assert [watch.entries(1)[0].revision for watch in watches] == [1, 1, 1]
        for said in (refused(acme.deposit, wallet), refused(acme.watch(wallet).rest)):
            assert said[:2] == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
            assert said.retry_s > 0
        watches[0].stream.cancel()
        eventually(lambda: _overloaded(acme, wallet) is None)


def test_calls_that_were_given_up_are_counted(node: Serving) -> None:
    """A call whose caller stopped waiting is in the latencies and among the errors, for such calls are the slow ones."""
    acme, wallet = node.caller(), new_wallet()
    with node.owner_held():
        expire(node, later(acme, "WalletService.Deposit", deposit(wallet), EXPIRES_S), 1)
        labels = {"method": "/croupier.v1.WalletService/Deposit"}
        value = node.server.metrics.registry.get_sample_value
        eventually(lambda: value("croupier_call_errors_total", {**labels, "reason": "CANCELLED"}) == 1)
        assert (value("croupier_call_seconds_sum", labels) or 0) > EXPIRES_S / 2


def test_an_expired_stream(node: Serving) -> None:
    """A stream whose deadline passes ends with DEADLINE_EXCEEDED; what was answered before is committed."""
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    with pytest.raises(grpc.RpcError) as caught:
        acme.watch(wallet, timeout=0.2).rest()
    assert caught.value.code() is StatusCode.DEADLINE_EXCEEDED


def _overloaded(acme: Caller, wallet: str) -> Failure | None:
    try:
        acme.call("WalletService.GetWallet", timeout=0.2, name=wallet)
    except grpc.RpcError as error:
        return failure(error) if error.code() is StatusCode.RESOURCE_EXHAUSTED else None
    return None


def _play(session: str) -> pb.PlayRequest:
    return pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000))
