"""Rows as last committed, for the wallets used most recently, in two tiers: a few hot wallets as objects, many more packed into bytes.

A packed wallet with an open session takes well under 1 KiB; unpacking it is several times cheaper than asking the store.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from croupier.model import Key, Kind, Round, Row, Session, State, Wallet, WalletKey

_MAX_ROWS_A_WALLET = 32
_HOT_WALLETS = 1_024

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[Kind, bytes, msgspec.Raw]]).decode
_decoders = {
    "wallet": msgspec.msgpack.Decoder(Wallet),
    "session": msgspec.msgpack.Decoder(Session),
    "round": msgspec.msgpack.Decoder(Round),
}


class Cache:
    """Committed rows by wallet. Bounded by wallets and by rows in each."""

    def __init__(self, max_wallets: int, hot_wallets: int = _HOT_WALLETS) -> None:
        """Holds at most `max_wallets`: up to `hot_wallets` of them, and no more than half, as objects, the others packed."""
        self._hot_wallets = min(hot_wallets, max_wallets // 2)
        self._generation = (max_wallets - self._hot_wallets) // 2
        self._hot: OrderedDict[WalletKey, State] = OrderedDict()
        self._packed: dict[WalletKey, bytes] = {}
        self._old: dict[WalletKey, bytes] = {}
        """The generation before: dropped as a whole, so that forgetting the coldest costs nothing per call."""

    def rows(self, wallet: WalletKey) -> State:
        """The cached rows of a wallet; the caller may read it, not change it."""
        rows = self._hot.get(wallet)
        if rows is not None:
            self._hot.move_to_end(wallet)
            return rows
        packed = self._packed.pop(wallet, None) or self._old.pop(wallet, None)
        rows = _unpack(wallet, packed) if packed else {}
        self._hot[wallet] = rows
        if len(self._hot) > self._hot_wallets:
            self._pack(*self._hot.popitem(last=False))
        return rows

    def put(self, wallet: WalletKey, *batches: Iterable[tuple[Key, Row]]) -> None:
        """Takes over rows that were just committed or loaded; keeps those that the next call is likely to need."""
        kept = self.rows(wallet)
        for rows in batches:
            for key, row in rows:
                if _is_live(row):
                    kept[key] = row
                elif key in kept:
                    del kept[key]
        while len(kept) > _MAX_ROWS_A_WALLET:
            del kept[next(key for key in kept if key.kind != "wallet")]

    def forget(self, wallet: WalletKey) -> None:
        """Drops a wallet whose stored state is in doubt."""
        self._hot.pop(wallet, None)
        self._packed.pop(wallet, None)
        self._old.pop(wallet, None)

    def __len__(self) -> int:
        return len(self._hot) + len(self._packed) + len(self._old)

    def _pack(self, wallet: WalletKey, rows: State) -> None:
        if not rows:
            return
        if len(self._packed) >= self._generation:
            self._old, self._packed = self._packed, {}
        self._packed[wallet] = _encode([(key.kind, key.id, row) for key, row in rows.items()])


def _unpack(wallet: WalletKey, packed: bytes) -> State:
    return {Key(wallet, kind, id_): _decoders[kind].decode(row) for kind, id_, row in _decode(packed)}


def _is_live(row: Row) -> bool:
    """Wallets, open sessions and open rounds are read again; what is closed is kept by the store alone."""
    if isinstance(row, Session):
        return row.close_time_ms == 0
    return isinstance(row, Wallet) or (isinstance(row, Round) and not row.settled)
