"""Many callers at once on the same wallet, session and id: one effect each, money conserved, numbers without gaps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from croupier.pb import round_service_pb2 as pb
from tests.integration.calling import EUR, STAND, Caller, dice, failure, new_id, new_wallet, open_blackjack, request
from tests.integration.serving import PATIENCE_S

CALLERS = 16


def at_once(call: Callable[[int], Any]) -> list[Any]:
    """The results of CALLERS calls that start together, errors among them."""
    start = threading.Barrier(CALLERS)

    def one(number: int) -> Any:
        start.wait(PATIENCE_S)
        try:
            return call(number)
        except grpc.RpcError as error:
            return failure(error)

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(one, range(CALLERS)))


def play_request(session: str, round_id: str = "") -> bytes:
    return pb.PlayRequest(session=session, round_id=round_id or new_id(), bet=dice()).SerializeToString()


def test_one_id_from_many_callers(acme: Caller) -> None:
    """The same play sent by many at once is one round, and everybody gets the same bytes."""
    wallet = new_wallet()
    acme.deposit(wallet)
    asked = play_request(acme.open(wallet).session.name, new_id())
    answers = at_once(lambda _: acme.bytes("RoundService.Play", asked))
    assert len(set(answers)) == 1
    assert acme.head(wallet).revision == 3


def test_one_transfer_from_many_callers(acme: Caller) -> None:
    """The same withdrawal sent by many at once takes the money once (wallet convention 2)."""
    wallet = new_wallet()
    acme.deposit(wallet, 10 * EUR)
    asked = request("WalletService.Withdraw")(wallet=wallet, transfer_id=new_id(), amount_micros=10 * EUR).SerializeToString()
    answers = at_once(lambda _: acme.bytes("WalletService.Withdraw", asked))
    assert len(set(answers)) == 1
    assert (acme.head(wallet).balance_micros, acme.head(wallet).revision) == (0, 2)


def test_one_step_from_many_callers(acme: Caller) -> None:
    """The same step sent by many at once is taken once; every caller gets the same bytes (G2)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    round_ = open_blackjack(acme, acme.open(wallet, "blackjack-classic").session.name)
    asked = request("RoundService.Act")(round=round_.name, step=round_.step + 1, action=STAND).SerializeToString()
    assert len(set(at_once(lambda _: acme.bytes("RoundService.Act", asked)))) == 1


def test_one_new_wallet_for_many_callers(acme: Caller) -> None:
    """A wallet that many open at once is one wallet with all their deposits."""
    wallet = new_wallet()
    transfers = at_once(lambda _: acme.deposit(wallet, EUR))
    assert sorted(transfer.revision for transfer in transfers) == list(range(1, CALLERS + 1))
    assert acme.head(wallet).balance_micros == CALLERS * EUR


def test_many_rounds_of_one_session(acme: Caller) -> None:
    """Rounds of many callers in one session are numbered without gaps, and the ledger adds up to the balance (S4)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    batches = at_once(lambda _: [acme.play(session) for _ in range(10)])
    rounds = [round_ for batch in batches for round_ in batch]
    assert sorted(round_.number for round_ in rounds) == list(range(1, 10 * CALLERS + 1))
    balance = 1_000 * EUR + sum(round_.payout_micros - round_.stake_micros for round_ in rounds)
    assert acme.head(wallet).balance_micros == balance
    for batch in batches:
        assert [round_.number for round_ in batch] == sorted(round_.number for round_ in batch)


def test_the_last_money_is_spent_once(acme: Caller) -> None:
    """Many callers who each could spend the whole balance: one does, the others are told that it is gone (G1)."""
    wallet = new_wallet()
    acme.deposit(wallet, 10 * EUR)
    results = at_once(
        lambda _: acme.call("WalletService.Withdraw", wallet=wallet, transfer_id=new_id(), amount_micros=10 * EUR).transfer.amount_micros
    )
    assert results.count(10 * EUR) == 1
    assert sum(getattr(one, "reason", "") == "INSUFFICIENT_FUNDS" for one in results) == CALLERS - 1
    assert acme.head(wallet).balance_micros == 0


def test_one_open_round_a_session(acme: Caller) -> None:
    """Many plays at once in a session whose rounds wait for actions: rounds follow one another, and never are two open (G2)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet, "blackjack-classic").session.name
    round_ = open_blackjack(acme, session)
    results = at_once(lambda _: acme.play(session))
    assert {one.reason for one in results} == {"ROUND_OPEN"}
    assert {one.metadata["round"] for one in results} == {round_.name}


def test_the_same_play_twice_in_a_batch(acme: Caller) -> None:
    """An id that comes twice in one batch is one round with two equal answers; with another bet the second is refused."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    play = pb.PlayRequest(session=session, round_id=new_id(), bet=dice())
    other = pb.PlayRequest(session=session, round_id=play.round_id, bet=dice(2 * EUR))
    first, second, third = acme.call("RoundService.PlayBatch", plays=[play, play, other]).results
    assert first == second
    assert third.refusal.field == "round_id"
    assert acme.head(wallet).revision == 3


def test_one_clock_stamps_everything(acme: Caller) -> None:
    """S2: a round, its entry and its settlement carry the same time, and times never run back along the ledger."""
    wallet = new_wallet()
    transfer = acme.deposit(wallet)
    session = acme.open(wallet).session
    rounds = [acme.play(session.name) for _ in range(5)]
    entries = acme.call("WalletService.ListEntries", wallet=wallet).entries
    times = [entry.create_time.ToMilliseconds() for entry in reversed(entries)]
    assert times == sorted(times)
    stamped = [transfer.create_time, session.create_time, *(round_.create_time for round_ in rounds)]
    assert [one.ToMilliseconds() for one in stamped] == times
    assert all(round_.create_time == round_.settle_time for round_ in rounds)


def test_a_burst(acme: Caller) -> None:
    """Thousands of changes that begin at one moment, none of them hot, are all answered; none is cancelled for coming with so many."""
    wallets = [new_wallet() for _ in range(3_000)]
    call, encode = acme.raw("WalletService.Deposit").future, request("WalletService.Deposit")
    asked = [encode(wallet=wallet, transfer_id=new_id(), amount_micros=EUR).SerializeToString() for wallet in wallets]
    calls = [call(one, timeout=20, metadata=acme.metadata) for one in asked]
    assert not [one.exception() for one in calls if one.exception()]
