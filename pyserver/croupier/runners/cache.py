"""Rows as last committed, for the wallets used most recently. Bounded by wallets and by rows in each."""

from __future__ import annotations

from collections.abc import Iterable

from croupier.model import Key, Round, Row, Session, State, Wallet, WalletKey

_MAX_ROWS_A_WALLET = 32


class Cache:
    """Committed rows by wallet; two generations, so that dropping the coldest half costs nothing per call."""

    def __init__(self, max_wallets: int) -> None:
        """Holds between half of `max_wallets` and all of them."""
        self._generation = max(1, max_wallets // 2)
        self._young: dict[WalletKey, State] = {}
        self._old: dict[WalletKey, State] = {}

    def rows(self, wallet: WalletKey) -> State:
        """The cached rows of a wallet; the caller may read it, not change it."""
        rows = self._young.get(wallet)
        if rows is None:
            rows = self._old.pop(wallet, None) or {}
            self._keep(wallet, rows)
        return rows

    def put(self, wallet: WalletKey, rows: Iterable[tuple[Key, Row]]) -> None:
        """Takes over rows that were just committed or loaded; keeps those that the next call is likely to need."""
        kept = self.rows(wallet)
        for key, row in rows:
            if _is_live(row):
                kept[key] = row
            else:
                kept.pop(key, None)
        while len(kept) > _MAX_ROWS_A_WALLET:
            del kept[next(key for key in kept if key.kind != "wallet")]

    def forget(self, wallet: WalletKey) -> None:
        """Drops a wallet whose stored state is in doubt."""
        self._young.pop(wallet, None)
        self._old.pop(wallet, None)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _keep(self, wallet: WalletKey, rows: State) -> None:
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[wallet] = rows


def _is_live(row: Row) -> bool:
    """Wallets, open sessions and open rounds are read again; what is closed is kept by the store alone."""
    if isinstance(row, Session):
        return row.close_time_ms == 0
    return isinstance(row, Wallet) or (isinstance(row, Round) and not row.settled)
