"""Audits every wallet of a store that goes on changing: each one as it stood at a moment of its own, and again where it changed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import structs

from croupier.audit.report import Report
from croupier.audit.run import added
from croupier.audit.wallet import Tools, WalletAudit
from croupier.model import Key, Wallet, WalletKey
from croupier.stores.store import Reads, WalletSums

_AT_ONCE = 8
_PAGE_WALLETS = 200
_ATTEMPTS = 5


async def audit_live(reads: Reads, tools: Tools, report: Report, progress: Callable[[int], None] = lambda wallets: None) -> int:
    """Fills `report`; how many wallets changed too often to be seen whole, of which nothing is said. `progress` is told of wallets done.

    A problem counts only where the wallet was the same before and after it was read. Raises Refusal where the store cannot be asked.
    """
    sums: dict[str, WalletSums] = {}
    restless = 0
    after: WalletKey | None = None
    while keys := await reads.wallets(after, _PAGE_WALLETS):
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            for key, (found, walked) in zip(part, await asyncio.gather(*(_audited(reads, key, tools) for key in part)), strict=True):
                restless += found is None
                if found is not None:
                    merge(report, found)
                if walked is not None:
                    sums[key.currency] = added(sums.get(key.currency), key.currency, walked)
            progress(len(part))
        after = keys[-1]
    report.trial_balance = [sums[currency] for currency in sorted(sums)]
    return restless


def merge(report: Report, other: Report) -> None:
    """Adds what another report counted and found."""
    for problem in other.problems:
        report.add(problem.place, problem.revision, problem.what)
    for field in structs.fields(Report):
        if isinstance(value := getattr(other, field.name), int) and field.name != "problem_count":
            setattr(report, field.name, getattr(report, field.name) + value)


async def _audited(reads: Reads, key: WalletKey, tools: Tools) -> tuple[Report | None, Wallet | None]:
    before = await _head(reads, key)
    if before is None:
        return Report(), None  # The index may name a wallet that was never made.
    for _ in range(_ATTEMPTS):
        report = Report()
        walked = await WalletAudit(reads, key, tools, report, lambda entries: None).run()
        after = await _head(reads, key)
        if report.is_clean or after == before:
            return report, walked
        before = after
    return None, None


async def _head(reads: Reads, key: WalletKey) -> Wallet | None:
    row = (await reads.load([Key(key, "wallet", b"")]))[Key(key, "wallet", b"")]
    assert row is None or isinstance(row, Wallet), "under a wallet's key lies its head"
    return row
