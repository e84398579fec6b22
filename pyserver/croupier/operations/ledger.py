"""The ledger: the only place that makes entries, moves a balance and extends the hash chain."""

from __future__ import annotations

import hashlib

from msgspec import structs

from croupier import encoding
from croupier.model import GENESIS_EPOCH, Entry, EntryKind, Epoch, Key, Row, Wallet, WalletKey, epoch_key

NO_ID = bytes(16)
NO_DETAIL = bytes(32)
digest = encoding.digest
"""What an entry's `detail` holds."""


def new_wallet(key: WalletKey, now_ms: int) -> Wallet:
    """A wallet without entries. Its chain starts from its own name, so that chains cannot be swapped."""
    return Wallet(0, 0, hashlib.sha256(str(key).encode()).digest(), GENESIS_EPOCH, 1, 0, 0, 0, 0, now_ms)


def append(
    wallet: Wallet,
    kind: EntryKind,
    reference: bytes,
    now_ms: int,
    *,
    session: bytes = NO_ID,
    step: int = 0,
    stake_micros: int = 0,
    payout_micros: int = 0,
    transfer_micros: int = 0,
    detail: bytes = NO_DETAIL,
) -> tuple[Wallet, Entry]:
    """The wallet after one more entry, and the entry. Amounts are what this entry adds; the caller has checked that the balance covers them."""
    revision = wallet.revision + 1
    balance = wallet.balance_micros - stake_micros + payout_micros + transfer_micros
    assert balance >= 0, f"entry {revision} would make the balance {balance}"
    unchained = (
        revision,
        wallet.epoch,
        kind,
        reference,
        session,
        step,
        stake_micros,
        payout_micros,
        transfer_micros,
        balance,
        now_ms,
        detail,
    )
    chain_hash = encoding.chain_hash(wallet.chain_hash, *unchained)
    entry = Entry(*unchained, chain_hash)
    after = Wallet(
        balance,
        revision,
        chain_hash,
        wallet.epoch,
        wallet.epoch_first_revision,
        wallet.deposited_micros + transfer_micros if transfer_micros > 0 else wallet.deposited_micros,
        wallet.withdrawn_micros - transfer_micros if transfer_micros < 0 else wallet.withdrawn_micros,
        wallet.staked_micros + stake_micros,
        wallet.paid_micros + payout_micros,
        wallet.create_time_ms,
    )
    assert drift_micros(after) == 0, f"entry {revision} leaves a drift of {drift_micros(after)}"
    return after, entry


def chain(previous: bytes, entry: Entry) -> bytes:
    """The chain hash that `entry` must carry after an entry whose chain hash is `previous`."""
    return encoding.chain_hash(previous, *structs.astuple(entry)[:-1])


def drift_micros(wallet: Wallet) -> int:
    """Balance less what the wallet's sums say it must be; anything but 0 is a fault."""
    return wallet.balance_micros - (wallet.deposited_micros - wallet.withdrawn_micros - wallet.staked_micros + wallet.paid_micros)


def roll_epoch(key: WalletKey, wallet: Wallet, epoch_max_entries: int, now_ms: int) -> tuple[Wallet, tuple[tuple[Key, Row], ...]]:
    """Closes a full epoch and opens the next with the closing balance; rows to write beside the next entry."""
    if wallet.revision - wallet.epoch_first_revision + 1 < epoch_max_entries:
        return wallet, ()
    closed = Epoch(wallet.epoch, wallet.revision, wallet.balance_micros, wallet.chain_hash, now_ms)
    opened = structs.replace(wallet, epoch=wallet.epoch + 1, epoch_first_revision=wallet.revision + 1)
    return opened, ((epoch_key(key, closed.number), closed),)
