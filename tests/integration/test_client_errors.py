"""Each reason that a caller can bring about reaches the Python client as its own class, with its facts, and changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import grpc
import pytest

from croupier_client import Client, CroupierError, bets, errors, micros, new_id, play_request
from croupier_client.ids import format_id
from croupier_client.pb import blackjack_pb2, games_pb2
from croupier_client.pb import round_service_pb2 as rounds
from tests.integration.live import LiveServer

NO_ACTION = games_pb2.Action(blackjack=blackjack_pb2.BlackjackAction())
DICE = bets.dice_over(micros(1), 5_050)


class Table:
    """A wallet with 100 EUR and a session at dice, at one server."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.client = server.client()
        self.admin = server.client(server.facts["admin_key"])
        self.wallet = self.client.wallet_name(new_id(), "EUR")
        self.deposit = self.client.deposit(self.wallet, micros(100))
        self.session = self.client.open_session(self.wallet, "games/dice-10001")

    def open_round(self) -> rounds.Round:
        """A round of blackjack that waits for a decision."""
        session = self.client.open_session(self.wallet, "games/blackjack-classic")
        while (round_ := session.play(bets.blackjack(micros("0.10")))).state != rounds.ROUND_STATE_OPEN:
            pass
        return round_

    def settled_round(self) -> rounds.Round:
        """A round of blackjack that has been stood on."""
        round_ = self.open_round()
        while round_.state == rounds.ROUND_STATE_OPEN:
            insured = bets.decline_insurance().blackjack.kind in round_.outcome.blackjack.legal
            round_ = self.client.act(round_.name, round_.step + 1, bets.decline_insurance() if insured else bets.stand())
        return round_


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("errors"), "[limits]\nmax_transfer_micros = 1_000_000_000\n") as server:
        yield server


@pytest.fixture
def table(server: LiveServer) -> Iterator[Table]:
    table = Table(server)
    yield table
    table.client.close()
    table.admin.close()


def _as(table: Table, token: str, act: Callable[[Client], object]) -> object:
    with table.server.client(token) as client:
        return act(client)


def _again(table: Table) -> object:
    id_ = new_id()
    table.client.play(table.session.name, DICE, id_)
    return table.client.play(table.session.name, bets.dice_over(micros(2), 5_050), id_)


def _while_open(table: Table) -> object:
    round_ = table.open_round()
    return table.client.play(f"{table.wallet}/sessions/{round_.session_id}", bets.blackjack(micros(1)))


def _after_close(table: Table) -> object:
    table.session.close()
    return table.session.play(DICE)


def _while_disabled(table: Table) -> object:
    table.admin.disable_game("games/roulette-american", "a test")
    try:
        return table.client.open_session(table.wallet, "games/roulette-american")
    finally:
        table.admin.enable_game("games/roulette-american")


def _old_id() -> str:
    return format_id(time.time_ns() // 1_000_000 - 40 * 86_400_000, 1)


CASES: dict[str, tuple[type[CroupierError], grpc.StatusCode, str, Callable[[Table], object]]] = {
    "FIELD_INVALID": (
        errors.RequestInvalid,
        grpc.StatusCode.INVALID_ARGUMENT,
        "amount_micros",
        lambda t: t.client.deposit(t.wallet, micros(1) + 1),
    ),
    "BET_INVALID": (
        errors.RequestInvalid,
        grpc.StatusCode.INVALID_ARGUMENT,
        "bet.dice.target",
        lambda t: t.session.play(bets.dice_over(micros(1), 10_000)),
    ),
    "ACTION_INVALID": (
        errors.RequestInvalid,
        grpc.StatusCode.INVALID_ARGUMENT,
        "action",
        lambda t: t.client.act(t.open_round().name, 1, NO_ACTION),
    ),
    "ID_OUT_OF_WINDOW": (
        errors.RequestInvalid,
        grpc.StatusCode.INVALID_ARGUMENT,
        "round_id",
        lambda t: t.session.play(DICE, _old_id()),
    ),
    "TOO_LARGE": (
        errors.RequestInvalid,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "plays",
        lambda t: t.client.play_batch([play_request(t.session.name, DICE, None)] * 1_001),
    ),
    "CREDENTIALS_INVALID": (
        errors.Unauthenticated,
        grpc.StatusCode.UNAUTHENTICATED,
        "",
        lambda t: _as(t, "ck_nobody", lambda client: client.get_wallet(t.wallet)),
    ),
    "FORBIDDEN": (errors.Forbidden, grpc.StatusCode.PERMISSION_DENIED, "", lambda t: t.client.get_node()),
    "GAME_NOT_FOUND": (errors.NotFound, grpc.StatusCode.NOT_FOUND, "game", lambda t: t.client.open_session(t.wallet, "games/none")),
    "WALLET_NOT_FOUND": (errors.NotFound, grpc.StatusCode.NOT_FOUND, "name", lambda t: t.client.get_wallet(t.wallet[:-3] + "JPY")),
    "SESSION_NOT_FOUND": (
        errors.NotFound,
        grpc.StatusCode.NOT_FOUND,
        "session",
        lambda t: t.client.play(f"{t.wallet}/sessions/{new_id()}", DICE),
    ),
    "ROUND_NOT_FOUND": (errors.NotFound, grpc.StatusCode.NOT_FOUND, "name", lambda t: t.client.get_round(f"{t.wallet}/rounds/{new_id()}")),
    "TRANSFER_NOT_FOUND": (errors.NotFound, grpc.StatusCode.NOT_FOUND, "name", lambda t: t.client.get_transfer(t.wallet, new_id())),
    "INSUFFICIENT_FUNDS": (
        errors.InsufficientFunds,
        grpc.StatusCode.FAILED_PRECONDITION,
        "amount_micros",
        lambda t: t.client.withdraw(t.wallet, micros(101)),
    ),
    "ROUND_OPEN": (errors.RoundOpen, grpc.StatusCode.FAILED_PRECONDITION, "session", _while_open),
    "ROUND_SETTLED": (
        errors.PreconditionFailed,
        grpc.StatusCode.FAILED_PRECONDITION,
        "round",
        lambda t: t.client.act((r := t.settled_round()).name, r.step + 1, bets.stand()),
    ),
    "SESSION_CLOSED": (errors.PreconditionFailed, grpc.StatusCode.FAILED_PRECONDITION, "session", _after_close),
    "GAME_DISABLED": (errors.PreconditionFailed, grpc.StatusCode.FAILED_PRECONDITION, "", _while_disabled),
    "LIMIT_EXCEEDED": (
        errors.LimitExceeded,
        grpc.StatusCode.FAILED_PRECONDITION,
        "amount_micros",
        lambda t: t.client.deposit(t.wallet, micros(1_001)),
    ),
    "SEED_NOT_REVEALED": (
        errors.PreconditionFailed,
        grpc.StatusCode.FAILED_PRECONDITION,
        "name",
        lambda t: t.client.verify_round(t.session.play(DICE).name),
    ),
    "ID_REUSED": (errors.IdReused, grpc.StatusCode.ALREADY_EXISTS, "round_id", _again),
    "STEP_STALE": (errors.Conflict, grpc.StatusCode.ABORTED, "step", lambda t: t.client.act(t.open_round().name, 7, bets.stand())),
    "TOKEN_OUT_OF_RANGE": (
        errors.TokenOutOfRange,
        grpc.StatusCode.OUT_OF_RANGE,
        "resume_token",
        lambda t: next(t.client.watch_wallet(t.wallet, "999999")),
    ),
}
# These take a fault to bring about: tests/unit/test_client_wire.py scripts them, or they stop a session by time.
ELSEWHERE = {
    "SESSION_EXPIRED",
    "WRITE_CONFLICT",
    "OVERLOADED",
    "NODE_UNAVAILABLE",
    "STORE_UNREACHABLE",
    "OUTCOME_UNKNOWN",
    "DEADLINE_EXCEEDED",
    "INVARIANT_BROKEN",
    "RNG_UNHEALTHY",
}


def test_every_reason_is_looked_at() -> None:
    """A reason added to errors.proto needs its case here or a word on why it has none."""
    assert CASES.keys() | ELSEWHERE == errors.reasons().keys()


@pytest.mark.parametrize("reason", CASES)
def test_a_refusal_is_typed_and_changes_nothing(table: Table, reason: str) -> None:
    """Class, code, reason, field and facts; the refused call leaves no entry in the ledger."""
    kind, code, field, act = CASES[reason]
    with pytest.raises(CroupierError) as caught:
        act(table)
    error = caught.value
    assert (type(error), error.reason, error.code) == (kind, reason, code), str(error)
    assert error.field == field, str(error)
    assert error.message[:1].islower() or error.message[:1].isalnum()
    assert error.attempts == 1
    transfers = [transfer.name for transfer in table.client.transfers(table.wallet)]
    assert transfers == [table.deposit.name]


def test_facts_come_with_the_reason(table: Table) -> None:
    """The metadata that errors.proto promises: the balance, the open round, the last step, the limit."""
    with pytest.raises(errors.InsufficientFunds) as short:
        table.client.withdraw(table.wallet, micros(101))
    assert short.value.balance_micros == micros(100)
    with pytest.raises(errors.RoundOpen) as waiting:
        _while_open(table)
    assert table.client.get_round(waiting.value.round).state == rounds.ROUND_STATE_OPEN
    with pytest.raises(errors.Conflict) as stale:
        table.client.act(waiting.value.round, 9, bets.stand())
    assert stale.value.metadata["step"] == "0"
    with pytest.raises(errors.LimitExceeded) as limited:
        table.client.deposit(table.wallet, micros(1_001))
    assert limited.value.metadata["limit_micros"] == str(micros(1_000))


def test_an_unset_family_is_a_field_at_fault(table: Table) -> None:
    """A bet without a family names the field."""
    with pytest.raises(errors.RequestInvalid) as caught:
        table.session.play(games_pb2.Bet())
    assert (caught.value.reason, caught.value.field) == ("FIELD_INVALID", "bet")


def test_an_expired_token_is_told_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SESSION_EXPIRED: the round is safe, and a fresh token goes on."""
    with LiveServer(tmp_path_factory.mktemp("expiry"), "token_ttl_s = 1\n") as server:
        table = Table(server)
        token = table.session.token
        time.sleep(1.2)
        with server.client(token) as player, pytest.raises(errors.Unauthenticated) as caught:
            player.play(table.session.name, DICE)
        assert caught.value.reason == "SESSION_EXPIRED"
        with server.client(table.session.refresh_token()) as player:
            assert player.play(table.session.name, DICE).number == 1
        table.client.close()
        table.admin.close()
