"""Holds a store against an earlier copy of it: what stood in the ledger then must stand there now."""

from __future__ import annotations

from croupier.audit.report import Report
from croupier.model import Key, Wallet, WalletKey
from croupier.stores.store import EntryQuery, Reads

_PAGE_WALLETS = 1_000


async def compare(now: Reads, then: Reads, report: Report) -> None:
    """Notes each wallet whose ledger does not go on from where the earlier copy's stood: a chain made anew from some entry on has other hashes.

    Both are snapshots, and `now` has been audited, so that one hash stands for all entries before it.
    """
    after: WalletKey | None = None
    while keys := await then.wallets(after, _PAGE_WALLETS):
        heads = await then.load([Key(key, "wallet", b"") for key in keys])
        for key in keys:
            head = heads[Key(key, "wallet", b"")]
            assert isinstance(head, Wallet), "a wallet that is listed has its row"
            found = await now.entries(EntryQuery(key, 1, after_revision=head.revision - 1, oldest_first=True))
            if not found or (found[0].revision, found[0].chain_hash) != (head.revision, head.chain_hash):
                report.add(key, head.revision, "the ledger is not the one that the earlier copy holds: history was rewritten")
        after = keys[-1]
