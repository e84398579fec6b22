"""The audit follows a wallet whose home moved: epochs that end without an entry, between two entries and after the last one."""

from __future__ import annotations

from msgspec import structs

from croupier.audit.report import Report
from croupier.audit.wallet import Tools, WalletAudit
from croupier.engine import Catalog
from croupier.model import WITHOUT_ENTRY_MS, Epoch, Key, Wallet, epoch_key
from croupier.operations.command import wallet_key
from croupier.stores.memory import MemoryStore
from tests.casino import WALLET, Desk


def moved(store: MemoryStore, **changes: object) -> Key:
    """Ends the wallet's epoch without an entry, as a move does; `changes` make the epoch's row another one than it should be."""
    head = store._rows[wallet_key(WALLET)]
    assert isinstance(head, Wallet)
    row = Epoch(head.epoch, head.revision, head.balance_micros, head.chain_hash, WITHOUT_ENTRY_MS)
    key = epoch_key(WALLET, head.epoch)
    store._rows[key] = structs.replace(row, **changes)
    store._rows[wallet_key(WALLET)] = structs.replace(head, epoch=head.epoch + 1, epoch_first_revision=head.revision + 1)
    return key


async def audited(store: MemoryStore) -> list[str]:
    report = Report()
    await WalletAudit(store, WALLET, Tools(Catalog([])), report, lambda entries: None).run()
    return [problem.what for problem in report.problems]


async def test_moves_are_followed() -> None:
    """Moves before, between and after entries, with rolls beside them, leave nothing to complain of."""
    store = MemoryStore()
    for number, moves in enumerate((1, 0, 2, 0, 0, 1)):
        Desk(store, seed=number, epoch_max_entries=2).deposit()
        for _ in range(moves):
            moved(store)
    head = store._rows[wallet_key(WALLET)]
    assert isinstance(head, Wallet) and (head.revision, head.epoch) == (6, 6)
    assert await audited(store) == []


async def test_an_epoch_that_was_closed_otherwise_is_found() -> None:
    """An end without an entry must be what the wallet was, like any other."""
    for changes in ({"balance_micros": 1}, {"last_revision": 9}, {"chain_hash": bytes(32)}, {"close_time_ms": 5}):
        store = MemoryStore()
        Desk(store).deposit()
        moved(store, **changes)
        assert await audited(store) == ["epoch 1 is not closed as the ledger says"]
        Desk(store, seed=1).deposit()
        assert await audited(store) == ["epoch 1 is not closed as the ledger says"]
