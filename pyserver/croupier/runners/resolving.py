"""What became of a write that the store left unknown.

    unknown -> sent again (it is conditional, so it applies at most once) -> refused or unknown again -> is it in the ledger? -> definite, or held as a doubt

"Not in the ledger" is final only once the write was refused: its condition then fails for ever, since a wallet's revision only grows. Until then it may be on
its way still, held by a coordinator that hangs; so nothing else is decided for its wallet, not even a refusal, and nobody is told "not done".
"""

from __future__ import annotations

from croupier.errors import StoreUnreachable
from croupier.model import WalletKey, WalletWrite
from croupier.stores.store import CommitResult, EntryQuery, Store

_ATTEMPTS = 5
"""How often a write of unknown fate is sent again before its callers are told so."""


class Resolver:
    """See the module."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._doubts: dict[WalletKey, WalletWrite] = {}
        """Writes that stayed unknown, one a wallet at most."""

    @property
    def has_doubts(self) -> bool:
        """Whether any write is unknown still."""
        return bool(self._doubts)

    async def resolve(self, write: WalletWrite) -> CommitResult:
        """APPLIED or REFUSED; or UNKNOWN, and then the write is held as a doubt."""
        for _ in range(_ATTEMPTS):
            result = (await self._store.commit([write]))[0]
            if result is CommitResult.APPLIED:
                return result
            is_there = await self._is_there(write)
            if is_there:
                return CommitResult.APPLIED
            if result is CommitResult.REFUSED and is_there is not None:
                return result
        self._doubts[write.key] = write
        return CommitResult.UNKNOWN

    async def clear(self, wallet: WalletKey) -> bool:
        """Tries again to make the wallet's doubt definite; whether there is none now."""
        write = self._doubts.pop(wallet, None)
        return write is None or await self.resolve(write) is not CommitResult.UNKNOWN

    async def _is_there(self, write: WalletWrite) -> bool | None:
        """Whether the write is in the ledger; None where the store cannot tell."""
        last = write.entries[-1]
        try:
            found = await self._store.entries(EntryQuery(write.key, limit=1, before_revision=last.revision + 1))
        except StoreUnreachable:
            return None
        return bool(found) and found[0].chain_hash == last.chain_hash
