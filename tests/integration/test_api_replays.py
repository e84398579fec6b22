"""Idempotency over the wire: every call that changes something, sent again with its id, gives the same bytes and changes nothing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from croupier.pb import round_service_pb2
from tests.integration.calling import (
    STAND,
    Caller,
    blackjack,
    blackjack_action,
    dice,
    new_id,
    new_wallet,
    open_blackjack,
    refused,
    request,
    response,
)
from tests.integration.serving import Spawned

Calls = dict[str, tuple[str, bytes]]
"""By a name for people: method, and encoded request."""


def encoded(method: str, /, **fields: Any) -> tuple[str, bytes]:
    return method, request(method)(**fields).SerializeToString()


def history(acme: Caller) -> tuple[Calls, dict[str, bytes]]:
    """Every mutating method called once, in an order that leaves each repeatable; the calls and their answers."""
    wallet = new_wallet()
    calls: Calls = {}
    answers: dict[str, bytes] = {}

    def call(name: str, method: str, /, **fields: Any) -> Any:
        calls[name] = encoded(method, **fields)
        answers[name] = acme.bytes(*calls[name])
        return response(method)(answers[name])

    call("deposit", "WalletService.Deposit", wallet=wallet, transfer_id=new_id(), amount_micros=10**8, reference="card")
    opened = [
        call(f"open {game}", "SessionService.OpenSession", wallet=wallet, session_id=new_id(), game=f"games/{game}").session.name
        for game in ("dice-10000", "blackjack-classic", "sizzling-hot")
    ]
    call("play", "RoundService.Play", session=opened[0], round_id=new_id(), bet=dice())
    plays = [round_service_pb2.PlayRequest(session=opened[0], round_id=new_id(), bet=dice()) for _ in range(5)]
    plays[2].bet.dice.stake_micros = 1
    call("batch", "RoundService.PlayBatch", plays=plays)
    round_ = open_blackjack(acme, opened[1])
    for step in itertools.count(round_.step + 1):
        round_ = call(f"act {step}", "RoundService.Act", round=round_.name, step=step, action=STAND).round
        if round_.state == round_service_pb2.ROUND_STATE_SETTLED:
            break
    while round_.state == round_service_pb2.ROUND_STATE_SETTLED:
        round_ = call("play that stays open", "RoundService.Play", session=opened[1], round_id=new_id(), bet=blackjack()).round
    call("withdraw", "WalletService.Withdraw", wallet=wallet, transfer_id=new_id(), amount_micros=10**6)
    call("client seed", "SessionService.SetClientSeed", session=opened[0], client_seed="again")
    call("rotate", "SessionService.RotateSeed", session=opened[0], seed_number=1, client_seed="third")
    call("close", "SessionService.CloseSession", name=opened[2])
    return calls, answers


def same_answers(acme: Caller, calls: Calls, answers: dict[str, bytes]) -> None:
    """Repeats every call. A session's token is fresh each time, and a session's head moves on; everything else is byte for byte."""
    for name, (method, encoded_request) in calls.items():
        if name == "client seed" or name.startswith("open "):
            continue
        again = acme.bytes(method, encoded_request)
        if name in {"close", "rotate"}:
            first, second = response(method)(answers[name]), response(method)(again)
            assert first.revealed.SerializeToString() == second.revealed.SerializeToString(), name
        else:
            assert again == answers[name], name


def heads(acme: Caller, calls: Calls) -> Any:
    return acme.head(request(calls["deposit"][0]).FromString(calls["deposit"][1]).wallet)


def test_repeating_changes_nothing(acme: Caller) -> None:
    """Each mutating call repeated twice: the same bytes, and the wallet's revision, balance and chain stay (wallet convention 2)."""
    calls, answers = history(acme)
    before = heads(acme, calls)
    for _ in range(2):
        same_answers(acme, calls, answers)
    assert heads(acme, calls) == before


def test_an_open_session_is_the_same_session(acme: Caller) -> None:
    """OpenSession again gives the same session; only the token is fresh."""
    call = encoded("SessionService.OpenSession", wallet=new_wallet(), session_id=new_id(), game="games/dice-10000")
    first, second = (response(call[0])(acme.bytes(*call)) for _ in range(2))
    assert first.session.SerializeToString() == second.session.SerializeToString()


def test_repeating_at_once_after_a_seed_call(acme: Caller) -> None:
    """RotateSeed, CloseSession and SetClientSeed repeated before anything else happens give the same bytes in full."""
    wallet = new_wallet()
    session = acme.open(wallet).session.name
    for call in (
        encoded("SessionService.SetClientSeed", session=session, client_seed="x"),
        encoded("SessionService.RotateSeed", session=session, seed_number=1, client_seed="y"),
        encoded("SessionService.CloseSession", name=session),
    ):
        assert acme.bytes(*call) == acme.bytes(*call)
    assert acme.head(wallet).revision == 5


def test_another_content_under_a_used_id(acme: Caller) -> None:
    """The same id with another content is refused, whatever differs, and the first stands (ALREADY_EXISTS, ID_REUSED)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session, other = acme.open(wallet).session.name, acme.open(wallet).session.name
    round_ = acme.play(session)
    round_id = round_.name.rsplit("/", 1)[1]
    for where, bet in ((session, dice(2 * 10**6)), (session, dice(target=1)), (other, dice())):
        said = refused(acme.play, where, bet, round_id)
        assert (said.reason, said.field) == ("ID_REUSED", "round_id")
    assert acme.call("RoundService.GetRound", name=round_.name).round == round_


def test_an_id_belongs_to_its_wallet(acme: Caller) -> None:
    """The same round id in two wallets is two rounds: dedupe never reaches across wallets."""
    round_id, rounds = new_id(), []
    for _ in range(2):
        wallet = new_wallet()
        acme.deposit(wallet)
        rounds.append(acme.play(acme.open(wallet).session.name, dice(), round_id))
    assert rounds[0].name != rounds[1].name
    assert {round_.number for round_ in rounds} == {1}


def test_same_answers_after_a_restart(tmp_path: Path) -> None:
    """A new process over the same data folder gives the same bytes for every id, and an open round goes on where it was (S4, G6)."""
    with Spawned(tmp_path) as first:
        acme = first.caller()
        calls, answers = history(acme)
        same_answers(acme, calls, answers)
        before = heads(acme, calls)
        first.terminate()
        assert first.exit_code() == 0
    with first.again() as second:
        acme = second.caller()
        same_answers(acme, calls, answers)
        assert heads(acme, calls) == before
        waiting = response("RoundService.Play")(answers["play that stays open"]).round
        session = waiting.name.split("/rounds/")[0] + f"/sessions/{waiting.session_id}"
        assert acme.call("RoundService.GetOpenRound", session=session).round == waiting
        legal = blackjack_action(waiting.outcome.blackjack.legal[0])
        assert acme.call("RoundService.Act", round=waiting.name, step=1, action=legal).round.step == 1


def test_a_token_outlives_a_restart(tmp_path: Path) -> None:
    """Session tokens are proven by the key file, not by the process: a player goes on after a restart."""
    with Spawned(tmp_path) as first:
        wallet = new_wallet()
        first.caller().deposit(wallet)
        opened = first.caller().open(wallet)
        first.terminate()
        assert first.exit_code() == 0
    with first.again() as second:
        assert second.caller().as_(opened.token).play(opened.session.name).number == 1
