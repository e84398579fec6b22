"""Play and Act, decided: the order of refusals, repeated calls, funds and limits, one open round a session, and what fixes an outcome."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from msgspec import structs

from croupier.errors import Refusal
from croupier.model import Key, Round, Session, State, Wallet, WalletKey
from croupier.operations import ledger
from croupier.operations.act import Act
from croupier.operations.command import wallet_key
from croupier.operations.house import ALL_GAMING
from croupier.operations.play_round import PlayRound, RoundView
from croupier.stores.store import drive
from tests.casino import (
    BLACKJACK,
    DICE,
    EUR,
    NOW_MS,
    WALLET,
    Desk,
    blackjack_action,
    blackjack_bet,
    dice_bet,
    house_of,
    legal_actions,
    stored_answer,
    uuid7,
)

HIT, STAND, DOUBLE = 1, 2, 3
DAY_MS = 86_400_000


def reasons(*results: object) -> list[str]:
    return [result.reason if isinstance(result, Refusal) else "ok" for result in results]


# What is wrong with a play, strongest first; each line is made wrong in all the ways below it too.
PRECEDENCE = [
    "ID_OUT_OF_WINDOW   old-id unknown-session disabled bad-bet",
    "SESSION_NOT_FOUND  unknown-session disabled bad-bet",
    "SESSION_CLOSED     closed disabled bad-bet",
    "ROUND_OPEN         open-round disabled bad-bet",
    "GAME_DISABLED      disabled bad-bet",
    "BET_INVALID        bad-bet poor",
    "LIMIT_EXCEEDED     high-bet poor",
    "INSUFFICIENT_FUNDS poor",
    "ok",
]


@pytest.mark.parametrize("line", PRECEDENCE)
def test_refusals_in_order(line: str) -> None:
    """Of several things that are wrong, the first in the documented order is told, and nothing changes."""
    expected, *wrong = line.split()
    desk = Desk(max_stake_micros=50 * EUR)
    desk.deposit(EUR if "poor" in wrong else 1_000 * EUR)
    session = desk.open(BLACKJACK if "open-round" in wrong else DICE)
    if "open-round" in wrong:
        desk.open_hand(session)
    if "closed" in wrong:
        desk.close(session)
    if "disabled" in wrong:
        desk.runner.house = structs.replace(desk.runner.house, disabled={ALL_GAMING: "inspection"})
    id_ = uuid7(NOW_MS - 31 * DAY_MS, desk.chance) if "old-id" in wrong else desk.id()
    stake = 60 * EUR if "high-bet" in wrong else 2 * EUR
    bet = b"" if "bad-bet" in wrong else dice_bet(stake)
    before = desk.head()
    results = desk.results(PlayRound(WALLET, bytes(16) if "unknown-session" in wrong else session, id_, bet))
    assert reasons(*results) == [expected]
    assert (desk.head() == before) is (expected != "ok")


@pytest.mark.parametrize(
    ("age_ms", "expected"), [(30 * DAY_MS, "ok"), (30 * DAY_MS + 1, "ID_OUT_OF_WINDOW"), (-300_000, "ok"), (-300_001, "ID_OUT_OF_WINDOW")]
)
def test_the_window_of_ids(age_ms: int, expected: str) -> None:
    """An id is taken up to 30 days after it was made and up to 5 minutes before, to the millisecond."""
    desk = Desk()
    desk.deposit()
    session = desk.open()
    assert reasons(*desk.results(PlayRound(WALLET, session, uuid7(NOW_MS - age_ms, desk.chance), dice_bet()))) == [expected]


def test_a_known_id_is_answered_however_old() -> None:
    """S4: a retry after the window, after the game was disabled and the session closed still gets the stored answer, byte for byte."""
    desk = Desk()
    desk.deposit()
    session = desk.open()
    first = desk.play(session)
    for _ in range(5):
        desk.play(session)
    desk.close(session)
    desk.now_ms += 90 * DAY_MS
    desk.runner.house = structs.replace(desk.runner.house, disabled={DICE: "withdrawn"})
    before = desk.head()
    again = desk.play(session, id_=first.round.id)
    assert stored_answer(again) == stored_answer(first)
    assert desk.head() == before


def test_an_id_with_another_content_is_refused() -> None:
    """An id names one bet of one session; with another it is ID_REUSED, and the stored round stays."""
    desk = Desk()
    desk.deposit()
    session, other = desk.open(), desk.open()
    first = desk.play(session)
    results = desk.results(
        PlayRound(WALLET, session, first.round.id, dice_bet(2 * EUR)), PlayRound(WALLET, other, first.round.id, first.round.bet)
    )
    assert reasons(*results) == ["ID_REUSED", "ID_REUSED"]


def test_stake_leaves_at_commit() -> None:
    """G1: the stake leaves the balance with the round's entry, the payout enters with it, and a bet beyond the balance is refused with the balance named."""
    desk = Desk()
    desk.deposit(10 * EUR)
    session = desk.open()
    view = desk.play(session, dice_bet(4 * EUR))
    step = view.round.steps[0]
    assert view.round.balance_before_micros == 10 * EUR
    assert step.balance_micros == 10 * EUR - step.stake_micros + step.payout_micros == desk.head().balance_micros
    (refused,) = desk.results(PlayRound(WALLET, session, desk.id(), dice_bet(step.balance_micros + EUR)))
    assert isinstance(refused, Refusal) and refused.metadata == {"balance_micros": str(step.balance_micros)}


def test_one_open_round_a_session() -> None:
    """G2: beside an open round no other begins in its session, whose name the refusal carries; another session may play on."""
    desk = Desk()
    desk.deposit()
    table, dice = desk.open(BLACKJACK), desk.open()
    opened = desk.open_hand(table)
    (refused,) = desk.results(PlayRound(WALLET, table, desk.id(), blackjack_bet()))
    assert isinstance(refused, Refusal) and refused.reason == "ROUND_OPEN"
    assert refused.metadata["round"].replace("-", "").endswith(f"rounds/{opened.round.id.hex()}")
    assert desk.play(dice).round.settled


def test_a_round_resumes_at_another_node() -> None:
    """G6: the state of an open round is in its row; a node that never saw it takes its next step, and gets to the same end."""
    desk = Desk()
    desk.deposit()
    opened = desk.open_hand(desk.open(BLACKJACK))
    other = Desk(desk.store, seed=9)
    step, view = 0, opened
    while not view.round.settled:
        step += 1
        kind = STAND if STAND in legal_actions(view) else legal_actions(view)[-1]
        view = other.run(Act(WALLET, opened.round.id, step, blackjack_action(kind)), RoundView)
    replayed = desk.run(Act(WALLET, opened.round.id, step, view.round.steps[-1].action), RoundView)
    assert stored_answer(replayed) == stored_answer(view)


def after_a_hit() -> tuple[Desk, RoundView]:
    """A desk, of many that differ in their seeds, whose round of blackjack is still open after a hit."""
    for seed in itertools.count():
        desk = Desk(seed=seed)
        desk.deposit()
        opened = desk.open_hand(desk.open(BLACKJACK))
        if HIT in legal_actions(opened):
            view = desk.run(Act(WALLET, opened.round.id, 1, blackjack_action(HIT)), RoundView)
            if not view.round.settled:
                return desk, view
    raise AssertionError


def test_steps_are_taken_once() -> None:
    """S4: a repeated step gives its stored answer, another action under it is STEP_STALE, a step ahead too; nothing is taken twice."""
    desk, view = after_a_hit()
    hit = blackjack_action(HIT)
    id_ = view.round.id
    again, other, ahead, zero = desk.results(
        Act(WALLET, id_, 1, hit), Act(WALLET, id_, 1, blackjack_action(STAND)), Act(WALLET, id_, 3, hit), Act(WALLET, id_, 0, hit)
    )
    assert isinstance(again, RoundView) and stored_answer(again) == stored_answer(view)
    assert reasons(other, ahead, zero) == ["STEP_STALE"] * 3
    assert isinstance(other, Refusal) and other.metadata == {"step": "1"}
    assert len([entry for entry in desk.entries() if entry.reference == id_]) == 2


def test_acting_on_what_is_not_there_or_over() -> None:
    """A round of nobody, of another wallet or another session is not found; a settled one takes no further step; a play that was refused left none."""
    desk = Desk()
    desk.deposit()
    dice = desk.open()
    settled = desk.play(dice).round.id
    hit = blackjack_action(HIT)
    results = desk.results(
        Act(WALLET, bytes(16), 1, hit),
        Act(WalletKey("acme", "bob", "EUR"), settled, 1, hit),
        Act(WALLET, settled, 1, hit, session=bytes(16)),
        Act(WALLET, settled, 1, hit, session=dice),
        Act(WALLET, settled, 1, hit),
    )
    assert reasons(*results) == ["ROUND_NOT_FOUND"] * 3 + ["ROUND_SETTLED"] * 2


def doubling(limits: dict[str, Any], deposit_micros: int) -> tuple[Desk, RoundView]:
    """A desk, of many that begin alike but for their seeds, whose first round of blackjack may be doubled."""
    for seed in itertools.count():
        desk = Desk(seed=seed, **limits)
        desk.deposit(deposit_micros)
        view = desk.play(desk.open(BLACKJACK), blackjack_bet())
        if DOUBLE in legal_actions(view):
            return desk, view
    raise AssertionError


@pytest.mark.parametrize(
    ("limits", "deposit_micros", "expected"),
    [({}, EUR, "INSUFFICIENT_FUNDS"), ({"max_stake_micros": 1_500_000}, 9 * EUR, "LIMIT_EXCEEDED")],
)
def test_a_step_that_costs_more_than_there_is(limits: dict[str, Any], deposit_micros: int, expected: str) -> None:
    """G1: doubling beyond the balance or the limit on a round's stake is refused, and the round waits for another action."""
    desk, view = doubling(limits, deposit_micros)
    before = desk.head()
    assert reasons(*desk.results(Act(WALLET, view.round.id, 1, blackjack_action(DOUBLE)))) == [expected]
    assert desk.head() == before
    assert desk.run(Act(WALLET, view.round.id, 1, blackjack_action(STAND)), RoundView).step == 1


def test_disabling_lets_open_rounds_finish() -> None:
    """G8: a disabled game takes no new round, and the one in play finishes."""
    desk = Desk()
    desk.deposit()
    session = desk.open(BLACKJACK)
    view = desk.open_hand(session)
    desk.runner.house = structs.replace(desk.runner.house, disabled={BLACKJACK: "inspection"})
    for step in itertools.count(1):
        kind = STAND if STAND in legal_actions(view) else legal_actions(view)[-1]
        view = desk.run(Act(WALLET, view.round.id, step, blackjack_action(kind)), RoundView)
        if view.round.settled:
            break
    assert reasons(*desk.results(PlayRound(WALLET, session, desk.id(), blackjack_bet()))) == ["GAME_DISABLED"]


def test_an_outcome_is_fixed_before_the_round() -> None:
    """R8, R9, F6: what a round gives depends on its seeds, number and bet alone: not on the clock, not on the balance, not on the attempt's entropy."""
    desk = Desk(seed_max_age_ms=1_000)
    desk.deposit()
    session = desk.open()
    keys = (wallet_key(WALLET), Key(WALLET, "session", session))
    state = drive(desk.store.load(keys))
    wallet, stored = (state[key] for key in keys)
    assert isinstance(wallet, Wallet) and isinstance(stored, Session)
    outcomes: set[bytes] = set()
    for now_ms, balance, attempt in itertools.product((NOW_MS, NOW_MS + 5_000_000), (2 * EUR, 10**12), range(3)):
        rich = structs.replace(wallet, balance_micros=balance, deposited_micros=balance)
        play = PlayRound(WALLET, session, uuid7(now_ms, desk.chance), dice_bet())
        rows: State = {keys[0]: rich, keys[1]: stored, play.keys()[2]: None}
        decided = play.decide(house_of(seed_max_age_ms=1_000), rows, now_ms, lambda n, attempt=attempt: bytes([attempt]) * n)
        round_ = dict(getattr(decided, "creates"))[play.keys()[2]]  # noqa: B009
        assert isinstance(round_, Round)
        outcomes.add(round_.steps[0].outcome)
    assert len(outcomes) == 1


def test_detail_covers_bet_and_outcome() -> None:
    """The entry's digest, and so the chain, covers what was bet and what came out."""
    desk = Desk()
    desk.deposit()
    view = desk.play(desk.open())
    entry = desk.entries()[-1]
    assert entry.detail == ledger.digest(view.round.bet, view.round.steps[0].outcome)
