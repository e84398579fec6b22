"""RoundService over the wire: playing each family, steps, lists, verification, batches."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from grpc import StatusCode

from croupier.model import Round
from croupier.pb import errors_pb2, games_pb2, roulette_pb2, slots_pb2
from croupier.pb import round_service_pb2 as pb
from croupier.stores.sqlite_connection import connect
from tests.integration.calling import (
    DOUBLE,
    EUR,
    HIT,
    STAND,
    Caller,
    act,
    blackjack,
    dice,
    finish,
    new_id,
    new_wallet,
    open_blackjack,
    refused,
)
from tests.integration.serving import Serving, settings

RED = roulette_pb2.RouletteWager(kind=roulette_pb2.ROULETTE_WAGER_KIND_RED, stake_micros=EUR)
ROULETTE = games_pb2.Bet(roulette=roulette_pb2.RouletteBet(wagers=[RED]))
BETS = {
    "dice-10000": dice(),
    "dice-10001": dice(),
    "roulette-european": ROULETTE,
    "roulette-american": ROULETTE,
    "roulette-french": ROULETTE,
    "roulette-triple-zero": ROULETTE,
    "blackjack-classic": blackjack(),
    "blackjack-h17": blackjack(),
    "blackjack-no-hole": blackjack(),
    "sizzling-hot": games_pb2.Bet(slots=slots_pb2.SlotsBet(stake_micros=50_000)),
    "dolphins-pearl": games_pb2.Bet(slots=slots_pb2.SlotsBet(stake_micros=100_000)),
    "atkins-diet": games_pb2.Bet(slots=slots_pb2.SlotsBet(stake_micros=200_000)),
}


@pytest.mark.parametrize("game", BETS)
def test_every_game_is_played_settled_and_verified(acme: Caller, game: str) -> None:
    """Each model through the server: money adds up, a round can't be verified before its seed is revealed, and matches afterwards (G1, R8)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet, game).session
    rounds = [finish(acme, acme.play(session.name, BETS[game])) for _ in range(10)]
    balance = 1_000 * EUR
    for number, round_ in enumerate(rounds, start=1):
        assert (round_.state, round_.number, round_.model) == (pb.ROUND_STATE_SETTLED, number, session.model)
        assert round_.balance_before_micros == balance
        balance += round_.payout_micros - round_.stake_micros
        assert round_.balance_micros == balance
        assert round_.outcome.draws
        assert acme.call("RoundService.GetRound", name=round_.name).round == round_
        said = refused(acme.call, "RoundService.VerifyRound", name=round_.name)
        assert (said.code, said.reason) == (StatusCode.FAILED_PRECONDITION, "SEED_NOT_REVEALED")
    seed = acme.call("SessionService.RotateSeed", session=session.name, seed_number=1).revealed
    for round_ in rounds:
        verified = acme.call("RoundService.VerifyRound", name=round_.name)
        assert (verified.matches, verified.difference) == (True, "")
        assert (verified.recomputed, verified.server_seed) == (round_.outcome, seed.server_seed)
        assert (verified.recomputed_stake_micros, verified.recomputed_payout_micros) == (round_.stake_micros, round_.payout_micros)
    assert acme.head(wallet).balance_micros == balance


def test_every_game_of_the_catalog_is_played_here(acme: Caller) -> None:
    """The table of bets above covers every shipped model."""
    assert {f"games/{name}" for name in BETS} == {game.name for game in acme.call("CatalogService.ListGames").games}


def test_an_open_round_waits_for_its_player(acme: Caller) -> None:
    """One open round a session: shown by GetOpenRound and the session, closed to other rounds, and gone on with step by step (G2, G6)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet, "blackjack-classic").session.name
    assert not acme.call("RoundService.GetOpenRound", session=session).HasField("round")
    round_ = open_blackjack(acme, session)
    assert acme.call("RoundService.GetOpenRound", session=session).round == round_
    assert acme.call("SessionService.GetSession", name=session).session.open_round == round_.name
    said = refused(acme.play, session, blackjack())
    assert (said.code, said.reason, said.field) == (StatusCode.FAILED_PRECONDITION, "ROUND_OPEN", "session")
    assert said.metadata == {"round": round_.name}
    other = acme.open(wallet, "blackjack-classic").session.name
    assert finish(acme, acme.play(other, blackjack())).state == pb.ROUND_STATE_SETTLED
    settled = finish(acme, round_)
    assert not acme.call("RoundService.GetOpenRound", session=session).HasField("round")
    assert (settled.step, len(settled.actions)) == (round_.step + 1, round_.step + 1)
    said = refused(acme.call, "RoundService.Act", round=round_.name, step=settled.step + 1, action=HIT)
    assert (said.code, said.reason) == (StatusCode.FAILED_PRECONDITION, "ROUND_SETTLED")


def test_steps_are_taken_in_order(acme: Caller) -> None:
    """A step ahead or a step taken otherwise is stale and says the last one; an illegal action is refused and leaves the round as it was."""
    wallet = new_wallet()
    acme.deposit(wallet)
    session = acme.open(wallet, "blackjack-classic").session.name
    round_ = open_blackjack(acme, session)
    last = round_.step
    said = refused(acme.call, "RoundService.Act", round=round_.name, step=last + 2, action=HIT)
    assert (said.code, said.reason, said.field) == (StatusCode.ABORTED, "STEP_STALE", "step")
    assert said.metadata == {"step": str(last)}
    insure = refused(acme.call, "RoundService.Act", round=round_.name, step=last + 1, action=games_pb2.Action())
    assert (insure.reason, insure.field) == ("FIELD_INVALID", "action")
    unknown = games_pb2.Action()
    unknown.blackjack.kind = 99  # type: ignore[assignment]
    said = refused(acme.call, "RoundService.Act", round=round_.name, step=last + 1, action=unknown)
    assert (said.code, said.reason) == (StatusCode.INVALID_ARGUMENT, "ACTION_INVALID")
    assert acme.call("RoundService.GetRound", name=round_.name).round == round_
    taken = act(acme, round_, STAND)
    said = refused(acme.call, "RoundService.Act", round=round_.name, step=taken.step, action=HIT)
    assert (said.code, said.reason, said.metadata) == (StatusCode.ABORTED, "STEP_STALE", {"step": str(taken.step)})
    for step in (0, -1, -(2**31)):
        assert refused(acme.call, "RoundService.Act", round=round_.name, step=step, action=HIT).reason == "FIELD_INVALID"


def test_doubling_needs_the_funds(acme: Caller) -> None:
    """A further stake that the balance does not cover is refused inside the round, which stays open (G1)."""
    wallet = new_wallet()
    acme.deposit(wallet, 1_000 * EUR)
    session = acme.open(wallet, "blackjack-classic").session.name
    round_ = open_blackjack(acme, session)
    acme.call("WalletService.Withdraw", wallet=wallet, transfer_id=new_id(), amount_micros=acme.head(wallet).balance_micros)
    said = refused(act, acme, round_, DOUBLE)
    assert (said.code, said.reason, said.metadata) == (StatusCode.FAILED_PRECONDITION, "INSUFFICIENT_FUNDS", {"balance_micros": "0"})
    assert acme.call("RoundService.GetOpenRound", session=session).round == round_
    assert finish(acme, round_).state == pb.ROUND_STATE_SETTLED


def test_rounds_are_listed_by_wallet_and_by_session(acme: Caller) -> None:
    """Newest first, page by page; a player sees those of its own session only (G3)."""
    wallet = new_wallet()
    acme.deposit(wallet)
    first, second = acme.open(wallet), acme.open(wallet)
    played = [acme.play((first, second)[number % 2].session.name) for number in range(7)]

    def listed(caller: Caller, parent: str, size: int) -> list[str]:
        names, token = [], ""
        while True:
            page = caller.call("RoundService.ListRounds", parent=parent, page_size=size, page_token=token)
            names += [round_.name for round_ in page.rounds]
            token = page.next_page_token
            if not token:
                return names

    names = [round_.name for round_ in played][::-1]
    for size in (1, 3, 7, 1_000):
        assert listed(acme, wallet, size) == names
        assert listed(acme, first.session.name, size) == names[::2]
        assert listed(acme, second.session.name, size) == names[1::2]
    player = acme.as_(first.token)
    assert listed(player, wallet, 2) == listed(player, first.session.name, 3) == names[::2]
    assert acme.call("RoundService.ListRounds", parent=wallet).rounds[0] == played[-1]
    assert refused(player.call, "RoundService.ListRounds", parent=second.session.name).reason == "FORBIDDEN"
    assert refused(player.call, "RoundService.GetRound", name=names[1]).reason == "ROUND_NOT_FOUND"
    assert refused(acme.call, "RoundService.ListRounds", parent=wallet, page_token="0").reason == "TOKEN_OUT_OF_RANGE"  # noqa: S106


def test_a_page_looks_at_a_part_of_a_long_ledger(acme: Caller) -> None:
    """Two rounds of one session below eleven thousand of another: a first page without them, a token, and then both; nothing is left out."""
    wallet = new_wallet()
    acme.deposit(wallet, 10_000 * EUR)
    rare, busy = (acme.open(wallet).session.name for _ in range(2))
    names = [acme.play(rare).name for _ in range(2)][::-1]
    for _ in range(11):
        acme.call(
            "RoundService.PlayBatch", plays=[pb.PlayRequest(session=busy, round_id=new_id(), bet=dice(100_000)) for _ in range(1_000)]
        )
    first = acme.call("RoundService.ListRounds", parent=rare)
    assert not first.rounds
    second = acme.call("RoundService.ListRounds", parent=rare, page_token=first.next_page_token)
    assert [round_.name for round_ in second.rounds] == names
    assert not second.next_page_token
    of_sessions = acme.call("SessionService.ListSessions", wallet=wallet)
    more = acme.call("SessionService.ListSessions", wallet=wallet, page_token=of_sessions.next_page_token)
    assert [session.name for session in (*of_sessions.sessions, *more.sessions)] == [busy, rare]


def test_a_batch_answers_each_play_for_itself(acme: Caller) -> None:
    """Good and bad plays in one call, of several wallets: results in order, the same wallet many times, a bad one harms no other."""
    wallets = [new_wallet(), new_wallet()]
    for wallet in wallets:
        acme.deposit(wallet)
    sessions = [acme.open(wallet).session.name for wallet in wallets]
    good = [pb.PlayRequest(session=sessions[number % 2], round_id=new_id(), bet=dice()) for number in range(20)]
    bad = {
        3: (pb.PlayRequest(session="nonsense", round_id=new_id(), bet=dice()), "FIELD_INVALID", "session"),
        7: (pb.PlayRequest(session=sessions[0], round_id="x", bet=dice()), "FIELD_INVALID", "round_id"),
        8: (pb.PlayRequest(session=sessions[0], round_id=new_id()), "FIELD_INVALID", "bet"),
        12: (pb.PlayRequest(session=sessions[0], round_id=new_id(), bet=dice(EUR + 1)), "BET_INVALID", "bet.dice.stake_micros"),
        15: (pb.PlayRequest(session=sessions[0].replace("acme", "zenith"), round_id=new_id(), bet=dice()), "FORBIDDEN", "session"),
        16: (pb.PlayRequest(session=sessions[0], round_id=good[0].round_id, bet=dice(2 * EUR)), "ID_REUSED", "round_id"),
        19: (pb.PlayRequest(session=sessions[0], round_id=new_id(time_ms=1), bet=dice()), "ID_OUT_OF_WINDOW", "round_id"),
    }
    plays = [bad[number][0] if number in bad else play for number, play in enumerate(good)]
    results = acme.call("RoundService.PlayBatch", plays=plays).results
    assert len(results) == len(plays)
    for number, (play, result) in enumerate(zip(plays, results, strict=True)):
        if number in bad:
            _, reason, field = bad[number]
            assert (pb_reason(result), result.refusal.field) == (reason, field)
        else:
            assert result.round.name.endswith(play.round_id)
            assert acme.call("RoundService.GetRound", name=result.round.name).round == result.round
    of_first = [result.round.number for result in results if result.round.name.startswith(wallets[0])]
    assert of_first == list(range(1, len(of_first) + 1))
    assert acme.call("RoundService.PlayBatch", plays=plays).results == results


def pb_reason(result: pb.PlayResult) -> str:
    return errors_pb2.ErrorReason.Name(result.refusal.reason).removeprefix("ERROR_REASON_")


def test_a_batch_is_bounded(acme: Caller) -> None:
    """1,000 plays are taken, 1,001 and none are not, and then nothing is played."""
    wallet = new_wallet()
    acme.deposit(wallet, 10_000 * EUR)
    session = acme.open(wallet).session.name
    plays = [pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000)) for _ in range(1_000)]
    results = acme.call("RoundService.PlayBatch", plays=plays).results
    assert [result.round.number for result in results] == list(range(1, 1_001))
    revision = acme.head(wallet).revision
    more = [*plays, pb.PlayRequest(session=session, round_id=new_id(), bet=dice(100_000))]
    said = refused(acme.call, "RoundService.PlayBatch", plays=more)
    assert (said.code, said.reason, said.field) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE", "plays")
    said = refused(acme.call, "RoundService.PlayBatch")
    assert (said.code, said.reason, said.field) == (StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", "plays")
    assert acme.head(wallet).revision == revision


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"client_seed": "another"}, "the outcome of step 0 differs"),
        ({"number": 2}, "the outcome of step 0 differs"),
        ({"commitment": bytes(32)}, "the server seed does not fit the hash"),
        ({"payout_micros": 99 * EUR}, "stake or payout of step 0 differ"),
        ({"bet": dice(EUR + 1).SerializeToString()}, "the round cannot be replayed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_altered_round_does_not_verify(tmp_path: Path, change: dict[str, Any], difference: str) -> None:
    """What somebody altered in the stored round after the fact is found by recomputing it, and named."""
    with Serving(settings(tmp_path)) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        round_ = acme.play(session)
        acme.call("SessionService.RotateSeed", session=session, seed_number=1)
        assert acme.call("RoundService.VerifyRound", name=round_.name).matches
        with closing(connect(node.config.database)) as connection:  # Through the server's own SQLite: two would drop each other's locks.
            id_ = bytes.fromhex(round_.name.rsplit("/", 1)[1].replace("-", ""))
            ((body,),) = connection.query("SELECT body FROM record WHERE id = ?", (id_,))
            connection.execute("UPDATE record SET body = ? WHERE id = ?", (_altered(body, change), id_))
        verified = acme.call("RoundService.VerifyRound", name=round_.name)
        assert not verified.matches
        assert verified.difference.startswith(difference)


def _altered(body: bytes, change: dict[str, Any]) -> bytes:
    stored = msgspec.msgpack.decode(body, type=Round)
    if "payout_micros" in change:
        change = {"steps": (msgspec.structs.replace(stored.steps[0], **change),)}
    return msgspec.msgpack.encode(msgspec.structs.replace(stored, **change))
