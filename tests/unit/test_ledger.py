"""The ledger's chain and epochs: no entry can be altered, dropped, added or moved unseen; epochs bound a partition and forget nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec import structs

from croupier.model import Entry, EntryKind, Epoch, Wallet, WalletKey, epoch_key
from croupier.operations import ledger
from croupier.operations.play_round import RoundView
from croupier.stores.store import drive
from tests.casino import NOW_MS, WALLET, Desk, chain_fault, stored_answer

COUNT = 12


@pytest.fixture
def entries() -> list[Entry]:
    desk = Desk(epoch_max_entries=5)
    desk.deposit()
    session = desk.open()
    for _ in range(COUNT - 2):
        desk.play(session)
    return desk.entries()


def is_sound(entries: list[Entry], key: WalletKey = WALLET) -> bool:
    return not chain_fault(key, NOW_MS, entries)


def test_a_ledger_as_written_is_sound(entries: list[Entry]) -> None:
    """What the operations write, the check accepts."""
    assert len(entries) == COUNT and is_sound(entries)


@pytest.mark.parametrize("field", [field for field in Entry.__struct_fields__ if field != "chain_hash"])
def test_altering_any_field_breaks_the_chain(entries: list[Entry], field: str) -> None:
    """S6: the chain covers every field of every entry."""
    for position, entry in enumerate(entries):
        value = getattr(entry, field)
        other = (
            bytes([value[0] ^ 1, *value[1:]]) if isinstance(value, bytes) else type(value)(value % 7 + 1) if field == "kind" else value + 1
        )
        altered = structs.replace(entry, **{field: other})
        assert not is_sound([*entries[:position], altered, *entries[position + 1 :]])
        rehashed = structs.replace(altered, chain_hash=ledger.chain(entries[position - 1].chain_hash if position else bytes(32), altered))
        assert not is_sound([*entries[:position], rehashed, *entries[position + 1 :]]) or position == len(entries) - 1


def test_dropping_repeating_or_moving_entries_breaks_the_chain(entries: list[Entry]) -> None:
    """S6: an entry that is missing (but the last), there twice or in another place is noticed."""
    for position in range(COUNT - 1):
        without = entries[:position] + entries[position + 1 :]
        twice = entries[: position + 1] + entries[position:]
        moved = [*entries[:position], entries[position + 1], entries[position], *entries[position + 2 :]]
        assert not is_sound(without) and not is_sound(twice) and not is_sound(moved)


def test_a_chain_belongs_to_its_wallet(entries: list[Entry]) -> None:
    """S6: a ledger can't be passed off as another wallet's: the chain starts from the wallet's name."""
    assert not is_sound(entries, WalletKey("acme", "bob", "EUR"))


def test_a_negative_balance_stops() -> None:
    """G1: an entry that would make a balance negative is a broken invariant, not an entry."""
    wallet = ledger.new_wallet(WALLET, NOW_MS)
    with pytest.raises(AssertionError, match="would make the balance -1"):
        ledger.append(wallet, EntryKind.ROUND, bytes(16), NOW_MS, stake_micros=1)


def test_drift_stops() -> None:
    """A head whose sums don't explain its balance takes no further entry."""
    wallet = structs.replace(ledger.new_wallet(WALLET, NOW_MS), balance_micros=5)
    assert ledger.drift_micros(wallet) == 5
    with pytest.raises(AssertionError, match="drift of 5"):
        ledger.append(wallet, EntryKind.DEPOSIT, bytes(16), NOW_MS, transfer_micros=1)


def test_sums_go_where_they_belong() -> None:
    """Stakes, payouts, deposits and withdrawals are summed apart."""
    wallet = ledger.new_wallet(WALLET, NOW_MS)
    changes: list[dict[str, Any]] = [{"transfer_micros": 9}, {"transfer_micros": -2}, {"stake_micros": 3, "payout_micros": 1}]
    for change in changes:
        wallet, _ = ledger.append(wallet, EntryKind.ROUND, bytes(16), NOW_MS, **change)
    sums = wallet.deposited_micros, wallet.withdrawn_micros, wallet.staked_micros, wallet.paid_micros, wallet.balance_micros
    assert sums == (9, 2, 3, 1, 5)


def test_digests_keep_parts_apart() -> None:
    """Parts that run together to the same bytes give different digests."""
    assert len({ledger.digest(b"ab", b"c"), ledger.digest(b"a", b"bc"), ledger.digest(b"abc"), ledger.digest(b"abc", b"")}) == 4


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_epochs_roll(size: int) -> None:
    """An epoch closes when it is full, with the revision, balance and chain hash that the next opens with; rotations between rounds count too."""
    desk = Desk(epoch_max_entries=size, seed_max_rounds=3)
    desk.deposit()
    session = desk.open()
    for _ in range(20):
        desk.play(session)
    entries, head = desk.entries(), desk.head()
    assert [entry.epoch for entry in entries] == [1 + position // size for position in range(len(entries))]
    assert head.epoch == entries[-1].epoch and head.epoch_first_revision == (head.epoch - 1) * size + 1
    keys = [epoch_key(WALLET, number) for number in range(1, head.epoch + 1)]
    closed = drive(desk.store.load(keys))
    assert closed[keys[-1]] is None
    for number, key in enumerate(keys[:-1], start=1):
        last = entries[number * size - 1]
        assert closed[key] == Epoch(number, last.revision, last.balance_micros, last.chain_hash, NOW_MS)


def test_ids_of_earlier_epochs_stay_known() -> None:
    """S4: a retry of a round or transfer from an epoch long closed gets its stored answer and has no second effect."""
    desk = Desk(epoch_max_entries=3)
    deposit = desk.deposit()
    session = desk.open()
    views: list[RoundView] = [desk.play(session) for _ in range(25)]
    before = desk.head()
    assert before.epoch > 8
    for view in random.Random(0).sample(views, 10):
        assert stored_answer(desk.play(session, id_=view.round.id)) == stored_answer(view)
    assert desk.deposit(id_=deposit.transfer.id) == deposit
    assert desk.head() == before


def test_a_new_head_is_empty() -> None:
    """A wallet begins at revision 0, in epoch 1, with nothing."""
    assert ledger.new_wallet(WALLET, 7) == Wallet(0, 0, ledger.new_wallet(WALLET, 9).chain_hash, 1, 1, 0, 0, 0, 0, 7)
