"""Every reason of errors.proto, produced by a real call: its code, field and facts; nothing changed; no server error in the log."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from grpc import StatusCode

from croupier.config import MODELS
from croupier.errors import RngUnhealthy
from croupier.limits import Limits
from croupier.pb import errors_pb2, games_pb2
from croupier.pb import round_service_pb2 as pb
from croupier.stores.memory import HONEST, Lies, MemoryStore
from tests.integration.calling import DOUBLE, EUR, STAND, Caller, act, blackjack, dice, finish, new_id, new_wallet, open_blackjack, refused
from tests.integration.serving import Serving, eventually, settings

INVALID, UNAUTHENTICATED, DENIED = StatusCode.INVALID_ARGUMENT, StatusCode.UNAUTHENTICATED, StatusCode.PERMISSION_DENIED
NOT_FOUND, FAILED, ABORTED = StatusCode.NOT_FOUND, StatusCode.FAILED_PRECONDITION, StatusCode.ABORTED
EXHAUSTED, UNAVAILABLE, INTERNAL = StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAVAILABLE, StatusCode.INTERNAL


class Table(NamedTuple):
    """Where the calls below are made: a wallet with a dice session, and a blackjack session with an open round."""

    node: Serving
    acme: Caller
    wallet: str
    dice: str
    blackjack: str
    open_round: Any

    def play(self, bet: Any = None, round_id: str = "") -> Any:
        return self.acme.play(self.dice, bet, round_id)

    def transfer(self, amount_micros: int, wallet: str = "") -> Any:
        return self.acme.deposit(wallet or self.wallet, amount_micros)

    def named(self, collection: str) -> str:
        """The name of something that is not there."""
        return f"{self.wallet}/{collection}/{new_id()}"

    def store(self) -> MemoryStore:
        store = self.node.server.owner.runner.store
        assert isinstance(store, MemoryStore)
        return store


@pytest.fixture(scope="module")
def node(door: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server on a store that can lie."""
    with Serving(settings(tmp_path_factory.mktemp(f"errors-{door}"), store="memory", max_queue_calls=ROOM)) as running:
        yield running


@pytest.fixture
def table(node: Serving) -> Table:
    eventually(lambda: node.server.owner.queued == 0)
    acme, wallet = node.caller(), new_wallet()
    acme.deposit(wallet)
    tables = [acme.open(wallet, game).session.name for game in ("dice-10000", "blackjack-classic")]
    return Table(node, acme, wallet, tables[0], tables[1], open_blackjack(acme, tables[1]))


def expired(table: Table) -> Any:
    return table.acme.as_(table.node.token(table.dice, life_s=-1)).play(table.dice)


def settled(table: Table) -> Any:
    round_ = finish(table.acme, table.acme.play(table.acme.open(table.wallet, "blackjack-classic").session.name, blackjack()))
    return table.acme.call("RoundService.Act", round=round_.name, step=round_.step + 1, action=STAND)


def closed(table: Table) -> Any:
    session = table.acme.open(table.wallet).session.name
    table.acme.call("SessionService.CloseSession", name=session)
    return table.acme.play(session)


def disabled(table: Table) -> Any:
    admin = table.node.caller("admin")
    admin.call("AdminService.DisableGame", game="games/dice-10000", reason="under repair")
    try:
        return table.play()
    finally:
        admin.call("AdminService.EnableGame", game="games/dice-10000")


def reused(table: Table) -> Any:
    round_ = table.play()
    return table.play(dice(2 * EUR), round_.name.rsplit("/", 1)[1])


def lying(table: Table, lies: Lies) -> Any:
    table.store().lies = lies
    try:
        return table.play()
    finally:
        table.store().lies = HONEST


def overloaded(table: Table) -> Any:
    plays = [pb.PlayRequest(session=table.dice, round_id=new_id(), bet=dice()).SerializeToString() for _ in range(ROOM)]
    with table.node.owner_held():
        waiting = [table.acme.raw("RoundService.Play").future(play, timeout=5, metadata=table.acme.metadata) for play in plays]
        eventually(lambda: table.node.server.owner.queued == ROOM)
        try:
            return table.play()
        finally:
            for one in waiting:
                one.cancel()


ROOM = 20
"""Calls that may wait at once."""


class Row(NamedTuple):
    """One row of the table: what is called, and what it must say."""

    call: Callable[[Table], Any]
    code: StatusCode
    field: str = ""
    facts: tuple[str, ...] = ()
    retry: bool = False


ROWS: dict[str, Row] = {
    "FIELD_INVALID": Row(lambda t: t.transfer(-1), INVALID, "amount_micros"),
    "BET_INVALID": Row(lambda t: t.play(dice(target=100_000)), INVALID, "bet.dice.target"),
    "ACTION_INVALID": Row(
        lambda t: t.acme.call("RoundService.Act", round=t.open_round.name, step=t.open_round.step + 1, action=_no_action()),
        INVALID,
        "action",
    ),
    "ID_OUT_OF_WINDOW": Row(lambda t: t.play(round_id=new_id(time_ms=1)), INVALID, "round_id"),
    "CREDENTIALS_INVALID": Row(lambda t: Caller(t.node.address).head(t.wallet), UNAUTHENTICATED),
    "SESSION_EXPIRED": Row(expired, UNAUTHENTICATED),
    "FORBIDDEN": Row(lambda t: t.acme.head(new_wallet("zenith")), DENIED, "name"),
    "GAME_NOT_FOUND": Row(lambda t: t.acme.open(t.wallet, "chess"), NOT_FOUND, "game"),
    "WALLET_NOT_FOUND": Row(lambda t: t.acme.head(new_wallet()), NOT_FOUND, "name"),
    "SESSION_NOT_FOUND": Row(lambda t: t.acme.play(t.named("sessions")), NOT_FOUND, "session"),
    "ROUND_NOT_FOUND": Row(lambda t: t.acme.call("RoundService.GetRound", name=t.named("rounds")), NOT_FOUND, "name"),
    "TRANSFER_NOT_FOUND": Row(lambda t: t.acme.call("WalletService.GetTransfer", name=t.named("transfers")), NOT_FOUND, "name"),
    "INSUFFICIENT_FUNDS": Row(
        lambda t: t.acme.call("WalletService.Withdraw", wallet=t.wallet, transfer_id=new_id(), amount_micros=10**10),
        FAILED,
        "amount_micros",
        ("balance_micros",),
    ),
    "ROUND_OPEN": Row(lambda t: t.acme.play(t.blackjack, blackjack()), FAILED, "session", ("round",)),
    "ROUND_SETTLED": Row(settled, FAILED, "round"),
    "SESSION_CLOSED": Row(closed, FAILED, "session"),
    "GAME_DISABLED": Row(disabled, FAILED),
    "LIMIT_EXCEEDED": Row(lambda t: t.transfer(10**13), FAILED, "amount_micros", ("limit_micros",)),
    "SEED_NOT_REVEALED": Row(lambda t: t.acme.call("RoundService.VerifyRound", name=t.play().name), FAILED, "name"),
    "ID_REUSED": Row(reused, StatusCode.ALREADY_EXISTS, "round_id"),
    "STEP_STALE": Row(lambda t: t.acme.call("RoundService.Act", round=t.open_round.name, step=9, action=STAND), ABORTED, "step", ("step",)),
    "WRITE_CONFLICT": Row(lambda t: lying(t, Lies(refused=1)), ABORTED),
    "TOKEN_OUT_OF_RANGE": Row(
        lambda t: t.acme.call("WalletService.ListEntries", wallet=t.wallet, page_token="x"),  # noqa: S106
        StatusCode.OUT_OF_RANGE,
        "page_token",
    ),
    "OVERLOADED": Row(overloaded, EXHAUSTED, retry=True),
    "TOO_LARGE": Row(lambda t: t.acme.call("RoundService.PlayBatch", plays=[pb.PlayRequest()] * 1_001), EXHAUSTED, "plays"),
    "OUTCOME_UNKNOWN": Row(lambda t: lying(t, Lies(unknown_lost=1)), UNAVAILABLE),
    "STORE_UNREACHABLE": Row(lambda t: lying(t, Lies(unsent=1)), UNAVAILABLE),
}
"""Reasons that leave the node in service and are the caller's or nobody's fault."""
WRITES_FIRST = {"ROUND_SETTLED", "SESSION_CLOSED", "SEED_NOT_REVEALED", "ID_REUSED", "OVERLOADED"}
"""These prepare what they are about, so the wallet moves before the refusal; or others were let in before."""
ELSEWHERE = {"UNSPECIFIED", "NODE_UNAVAILABLE", "DEADLINE_EXCEEDED", "INVARIANT_BROKEN", "RNG_UNHEALTHY"}
"""Reasons with a test of their own."""


def _no_action() -> games_pb2.Action:
    action = games_pb2.Action()
    action.blackjack.kind = 77  # type: ignore[assignment]
    return action


def test_the_table_is_whole() -> None:
    """Every reason of errors.proto has its row, or a test of its own."""
    reasons = {name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.keys()}  # noqa: SIM118
    assert reasons == ROWS.keys() | ELSEWHERE


@pytest.mark.parametrize("reason", ROWS)
def test_a_refused_call_says_why(table: Table, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """The row's code, reason, field, facts and RetryInfo; the wallet is as before; nothing is logged as a server error."""
    row = ROWS[reason]
    caplog.set_level(logging.INFO)
    before = table.acme.head(table.wallet)
    said = refused(row.call, table)
    assert (said.code, said.reason, said.field) == (row.code, reason, row.field)
    assert tuple(said.metadata) == row.facts
    assert all(said.metadata.values())
    assert (said.retry_s > 0) is row.retry
    assert said.message
    assert "\n" not in said.message
    if reason not in WRITES_FIRST:
        assert table.acme.head(table.wallet) == before
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_facts_are_of_use(table: Table) -> None:
    """What the metadata names is there and is right: the open round, the last step, the balance, the limit."""
    acme = table.acme
    assert refused(acme.play, table.blackjack, blackjack()).metadata == {"round": table.open_round.name}
    stale = refused(acme.call, "RoundService.Act", round=table.open_round.name, step=9, action=STAND)
    assert stale.metadata == {"step": str(table.open_round.step)}
    assert int(refused(table.transfer, 10**13).metadata["limit_micros"]) == table.node.config.limits.max_transfer_micros
    taken = refused(acme.call, "WalletService.Withdraw", wallet=table.wallet, transfer_id=new_id(), amount_micros=10**10)
    assert int(taken.metadata["balance_micros"]) == acme.head(table.wallet).balance_micros


def test_a_limit_on_the_whole_round(tmp_path: Path) -> None:
    """The stake of a round is limited, that of its later steps included, and says the limit."""
    with Serving(settings(tmp_path, store="memory", limits=Limits(max_stake_micros=EUR))) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet, "blackjack-classic").session.name
        for said in (
            refused(acme.play, session, blackjack(EUR + 10_000)),
            refused(act, acme, open_blackjack(acme, session), DOUBLE),
        ):
            assert said[:4] == (FAILED, "LIMIT_EXCEEDED", "bet", {"limit_micros": str(EUR)})


def test_an_unknown_outcome_is_settled_by_the_same_id(table: Table) -> None:
    """After OUTCOME_UNKNOWN the same id gives one effect (wallet convention 3). Nobody is told so of a write that the ledger holds."""
    for lies in (Lies(unknown_lost=1), Lies(unknown_applied=1)):
        round_id = new_id()
        table.store().lies = lies
        try:
            if lies.unknown_lost:
                assert refused(table.play, dice(), round_id).reason == "OUTCOME_UNKNOWN"
            else:
                assert table.play(dice(), round_id).number == 2
        finally:
            table.store().lies = HONEST
        first = table.play(dice(), round_id)
        assert table.play(dice(), round_id) == first
    rounds = table.acme.call("RoundService.ListRounds", parent=table.dice).rounds
    assert [round_.number for round_ in rounds] == [2, 1]


def test_a_failed_store_takes_the_node_out_of_service(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After the store has failed nothing is answered from memory: UNAVAILABLE NODE_UNAVAILABLE with the reason, also for reads and admins."""
    with Serving(settings(tmp_path, store="memory")) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        store = node.server.owner.runner.store
        assert isinstance(store, MemoryStore)
        store.lies = Lies(fail=1)
        assert refused(acme.deposit, wallet).reason == "OUTCOME_UNKNOWN"
        store.lies = HONEST
        for call in (lambda: acme.deposit(wallet), lambda: acme.head(wallet), lambda: acme.watch(wallet).rest()):
            said = refused(call)
            assert said[:2] == (UNAVAILABLE, "NODE_UNAVAILABLE")
        assert node.server.failure
    assert [record.levelname for record in caplog.records if record.levelno >= logging.ERROR] == ["CRITICAL"]


def test_a_missing_model_is_an_error_of_the_house(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A session whose model is not installed: INTERNAL INVARIANT_BROKEN, nothing changed, and only that game is disabled (R13)."""
    models = tmp_path / "models"
    models.mkdir()
    for name in ("blackjack-classic", "dice-10001"):
        shutil.copy(MODELS / f"{name}.toml", models)
    wallet = new_wallet()
    with Serving(settings(tmp_path / "data", models_dir=models)) as node:
        acme = node.caller()
        acme.deposit(wallet)
        session, other = (acme.open(wallet, game).session.name for game in ("blackjack-classic", "dice-10001"))
        waiting = open_blackjack(acme, session)
        idle = acme.open(wallet, "blackjack-classic").session.name
    (models / "blackjack-classic.toml").unlink()
    with Serving(settings(tmp_path / "data", models_dir=models)) as node:
        acme = node.caller()
        before = acme.head(wallet)
        said = refused(acme.play, idle, blackjack())
        assert (said.code, said.reason) == (INTERNAL, "INVARIANT_BROKEN")
        assert acme.head(wallet) == before
        admin = node.caller("admin")
        disabled = eventually(lambda: admin.call("AdminService.GetNode").node.disabled_games)
        assert [game.game for game in disabled] == ["games/blackjack-classic"]
        assert acme.play(other).number == 1
        assert refused(acme.play, idle, blackjack()).reason == "GAME_DISABLED"
        for _ in range(3):
            assert (
                refused(acme.call, "RoundService.Act", round=waiting.name, step=waiting.step + 1, action=STAND).reason == "INVARIANT_BROKEN"
            )
        assert admin.call("AdminService.GetNode").node.disabled_games == disabled
    assert any("blackjack-classic disabled" in record.getMessage() for record in caplog.records)


def test_an_unhealthy_rng_stops_all_gaming(tmp_path: Path) -> None:
    """Where the source of entropy fails its health test, nothing is drawn: INTERNAL RNG_UNHEALTHY, all gaming disabled (R13)."""

    def failing(_: int) -> bytes:
        raise RngUnhealthy("the random stream failed its repetition test")

    with Serving(settings(tmp_path, store="memory")) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        node.server.owner.runner._entropy = failing
        said = refused(acme.open, wallet)
        assert (said.code, said.reason) == (INTERNAL, "RNG_UNHEALTHY")
        assert acme.head(wallet).revision == 2
        disabled = eventually(lambda: node.caller("admin").call("AdminService.GetNode").node.disabled_games)
        assert [game.game for game in disabled] == ["games/-"]
        assert refused(acme.play, session).reason == "GAME_DISABLED"
