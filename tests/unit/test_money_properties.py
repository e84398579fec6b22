"""Whatever players do in whatever order: money is conserved, revisions are contiguous, the chain holds, and every call replays to its answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from croupier.model import TransferKind
from croupier.operations import ledger
from croupier.operations.act import Act
from croupier.operations.change_session import CloseSession, RotateSeed, SetClientSeed
from croupier.operations.command import Command
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.stores.sqlite import SqliteStore
from croupier.stores.store import Store
from tests.casino import (
    BLACKJACK,
    DICE,
    EUR,
    WALLET,
    Desk,
    blackjack_action,
    blackjack_bet,
    chain_fault,
    dice_bet,
    legal_actions,
    stored_answer,
)

WISHES = st.lists(
    st.tuples(
        st.sampled_from(("dice", "dice", "dice", "cards", "act", "act", "deposit", "withdraw", "rotate", "client seed", "close")),
        st.integers(0, 2**32 - 1),
    ),
    max_size=60,
)


class Hand:
    """Turns wishes into commands, from what was answered so far."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.dice, self.table = desk.open(DICE), desk.open(BLACKJACK)
        self.open_round: RoundView | None = None
        self.told: list[tuple[Command, object]] = []

    def command(self, kind: str, number: int) -> Command:
        desk = self.desk
        amount = (1 + number % 400) * EUR // 10
        match kind:
            case "cards":
                return PlayRound(WALLET, self.table, desk.id(), blackjack_bet(1 + amount // EUR * EUR))
            case "act" if self.open_round is not None:
                action = random.Random(number).choice(legal_actions(self.open_round))
                return Act(WALLET, self.open_round.round.id, self.open_round.step + 1, blackjack_action(action))
            case "deposit" | "withdraw":
                return MakeTransfer(WALLET, desk.id(), TransferKind.DEPOSIT if kind == "deposit" else TransferKind.WITHDRAWAL, amount, kind)
            case "rotate":
                return RotateSeed(WALLET, self.dice, 1 + number % 4, "")
            case "client seed":
                return SetClientSeed(WALLET, self.dice, f"luck {number % 3}")
            case "close" if number % 10 == 0:
                return CloseSession(WALLET, self.dice)
            case _:
                return PlayRound(WALLET, self.dice, desk.id(), dice_bet(amount, 100 + number % 9_000))

    def take(self, commands: Sequence[Command]) -> None:
        """Runs commands that are queued together."""
        for command, result in zip(commands, self.desk.results(*commands), strict=True):
            self.told.append((command, result))
            if isinstance(result, RoundView) and result.round.session == self.table:
                self.open_round = None if result.round.settled else result


def check(hand: Hand) -> None:
    """Everything that must hold of the wallet and of what was told."""
    desk = hand.desk
    entries, head = desk.entries(), desk.head()
    assert chain_fault(WALLET, head.create_time_ms, entries) == ""
    assert (head.revision, head.chain_hash, head.balance_micros) == (len(entries), entries[-1].chain_hash, entries[-1].balance_micros)
    assert ledger.drift_micros(head) == 0
    assert head.balance_micros == sum(entry.transfer_micros - entry.stake_micros + entry.payout_micros for entry in entries)
    assert all(entry.balance_micros >= 0 for entry in entries)
    for command, result in hand.told:
        (again,) = desk.results(command)
        if isinstance(result, RoundView):
            assert isinstance(again, RoundView) and stored_answer(again) == stored_answer(result)
        elif isinstance(result, TransferView):
            assert again == result
    assert desk.entries()[: len(entries)] == entries


def play(store: Store | None, wishes: list[tuple[str, int]], batch: int) -> Hand:
    desk = Desk(store, epoch_max_entries=8, seed_max_rounds=5, cache_bytes=4_000)
    desk.deposit(50 * EUR)
    hand = Hand(desk)
    for first in range(0, len(wishes), batch):
        hand.take([hand.command(*wish) for wish in wishes[first : first + batch]])
    return hand


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WISHES, st.integers(1, 8))
def test_money_is_conserved_in_memory(wishes: list[tuple[str, int]], batch: int) -> None:
    """G1, G2, S4: in any order and grouping of calls."""
    check(play(None, wishes, batch))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WISHES, st.integers(1, 8))
def test_money_is_conserved_in_sqlite(wishes: list[tuple[str, int]], batch: int) -> None:
    """G1, G2, S4: the same over the embedded store."""
    with TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "croupier.db")
        check(play(store, wishes, batch))
        store.close()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WISHES)
def test_grouping_changes_nothing_but_the_writes(wishes: list[tuple[str, int]]) -> None:
    """Calls that are decided one by one or all together come to the same ledger, as far as they are the same calls."""
    alike = [wish for wish in wishes if wish[0] not in ("act", "cards")]
    one, all_ = play(None, alike, 1), play(None, alike, 60)
    assert one.desk.entries() == all_.desk.entries()
    assert one.desk.head() == all_.desk.head()
