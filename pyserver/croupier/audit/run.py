"""Audits every wallet of a store, then the store as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from croupier.audit.report import Report
from croupier.audit.wallet import Tools, WalletAudit, head_digest_part
from croupier.errors import StoreFailed
from croupier.model import Kind, Wallet, WalletKey
from croupier.stores.store import Reads, WalletSums

_PAGE_WALLETS = 1_000


async def audit(reads: Reads, tools: Tools, report: Report, progress: Callable[[int], None] = lambda entries: None) -> None:
    """Reads the whole store, which must not change meanwhile: give it a snapshot. `progress` is told of entries read since it was last told.
    Raises StoreFailed where the store cannot even name its wallets.
    """
    heads = hashlib.sha256()
    sums: dict[str, WalletSums] = {}
    after: WalletKey | None = None
    while True:
        keys = await reads.wallets(after, _PAGE_WALLETS)
        for key in keys:
            walked = await WalletAudit(reads, key, tools, report, progress).run()
            if walked is not None:
                heads.update(head_digest_part(key, walked))
                sums[key.currency] = added(sums.get(key.currency), key.currency, walked)
        if len(keys) < _PAGE_WALLETS:
            break
        after = keys[-1]
    report.heads_sha256 = heads.hexdigest()
    report.trial_balance = [sums[currency] for currency in sorted(sums)]
    await _check_sums(reads, report)


def check_counts(report: Report, entries: int, records: Mapping[Kind, int]) -> None:
    """Rows that no wallet's ledger names, given how many the store holds: every expected row was looked up, so a surplus is foreign."""
    expected: dict[Kind, int] = {
        "session": report.sessions,
        "seed": report.seeds,
        "round": report.rounds,
        "transfer": report.transfers,
        "epoch": report.epochs,
    }
    if entries != report.entries:
        report.add("store", 0, f"it holds {entries} entries, its wallets' ledgers {report.entries}")
    for kind, number in expected.items():
        if records.get(kind, 0) != number:
            report.add("store", 0, f"it holds {records.get(kind, 0)} {kind} rows, the ledgers name {number}")


async def _check_sums(reads: Reads, report: Report) -> None:
    """The trial balance: the store's own sums are those of the entries, and money in = money out + money held."""
    try:
        stored = await reads.sums("")
    except (StoreFailed, TypeError) as error:
        report.add("trial balance", 0, f"the store cannot sum its wallets: {error}")
        return
    if stored != report.trial_balance:
        report.add("trial balance", 0, "the sums of the wallets are not the sums of their entries")
    for sums in report.trial_balance:
        held = sums.deposited_micros - sums.withdrawn_micros - sums.staked_micros + sums.paid_micros
        if held != sums.balance_micros:
            report.add("trial balance", 0, f"{sums.currency}: balances are {sums.balance_micros}, money in less money out is {held}")


def added(sums: WalletSums | None, currency: str, wallet: Wallet) -> WalletSums:
    """The sums with one more wallet."""
    before = sums or WalletSums(currency, 0, 0, 0, 0, 0, 0)
    return WalletSums(
        currency,
        before.wallets + 1,
        before.deposited_micros + wallet.deposited_micros,
        before.withdrawn_micros + wallet.withdrawn_micros,
        before.staked_micros + wallet.staked_micros,
        before.paid_micros + wallet.paid_micros,
        before.balance_micros + wallet.balance_micros,
    )
