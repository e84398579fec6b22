"""Conditional writes to try a store with: real entries and rows, made from a wallet's head."""

from __future__ import annotations

from collections.abc import Sequence

from croupier.model import Entry, EntryKind, Key, Row, Transfer, TransferKind, Wallet, WalletKey, WalletWrite
from croupier.operations import ledger

ANN = WalletKey("acme", "ann", "EUR")
BOB = WalletKey("acme", "bob", "EUR")
CAT = WalletKey("acme", "cat", "JPY")
DAN = WalletKey("zeta", "ann", "EUR")
KEYS = (ANN, BOB, CAT, DAN)
NOW_MS = 1_800_000_000_000


def id_of(number: int) -> bytes:
    """A 16-byte id made at that many milliseconds after the epoch."""
    return number.to_bytes(6, "big") + bytes(6) + number.to_bytes(4, "big")


def transfer_row(key: WalletKey, number: int, amount_micros: int = 5) -> tuple[Key, Row]:
    """A transfer to create or update, by its number."""
    row = Transfer(id_of(number), TransferKind.DEPOSIT, amount_micros, f"reference {number}", amount_micros, 1, NOW_MS)
    return Key(key, "transfer", row.id), row


def entries_on(head: Wallet, count: int, first_number: int = 0) -> tuple[Wallet, tuple[Entry, ...]]:
    """The head after `count` deposits of 5 micros each, and their entries; kinds, sessions and steps vary with the revision."""
    entries: list[Entry] = []
    for offset in range(count):
        revision = head.revision + 1
        head, entry = ledger.append(
            head,
            EntryKind.DEPOSIT if revision % 2 else EntryKind.ROUND,
            id_of(first_number + offset),
            NOW_MS + revision,
            session=id_of(revision % 3),
            step=revision % 4,
            transfer_micros=5,
        )
        entries.append(entry)
    return head, tuple(entries)


def write_on(
    key: WalletKey,
    head: Wallet | None,
    *,
    count: int = 1,
    creates: Sequence[tuple[Key, Row]] = (),
    updates: Sequence[tuple[Key, Row]] = (),
    expected_revision: int | None = None,
    rolls: int = 0,
) -> WalletWrite:
    """A write of `count` entries on a wallet as last seen; None for one that must not exist. An epoch begins with each of the first `rolls` entries."""
    head = before = head or ledger.new_wallet(key, NOW_MS)
    entries: tuple[Entry, ...] = ()
    epochs: list[tuple[Key, Row]] = []
    for number in range(count):
        if number < rolls and head.revision >= head.epoch_first_revision:
            head, closed = ledger.roll_epoch(key, head, 1, NOW_MS + head.revision + 1)
            epochs += closed
        head, added = entries_on(head, 1, number)
        entries += added
    expected = before.revision if expected_revision is None else expected_revision
    return WalletWrite(key, expected, head, entries, tuple(creates), (*epochs, *updates))
