"""Rows as last committed, for the wallets used most recently, in two tiers: a few hot wallets as objects, many more packed into bytes.

A packed wallet with an open session takes well under 1 KiB; unpacking it is several times cheaper than asking the store.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from croupier.model import Key, Kind, Round, Row, Session, State, Wallet, WalletKey

_MAX_ROWS_A_WALLET = 32
_HOT_WALLETS = 1_024
_HOT_BYTES = 3_072
"""What a wallet with an open session takes as objects; measured by bench/scale.py."""
_ENTRY_BYTES = 400
"""What a packed wallet takes besides its bytes: its key's strings and its place in the dict."""

_encode = msgspec.msgpack.Encoder().encode
_NOTHING = _encode([])
_decode = msgspec.msgpack.Decoder(list[tuple[Kind, bytes, msgspec.Raw]]).decode
_decoders = {
    "wallet": msgspec.msgpack.Decoder(Wallet),
    "session": msgspec.msgpack.Decoder(Session),
    "round": msgspec.msgpack.Decoder(Round),
}


class Cache:
    """Rows by wallet. Bounded in bytes, and in rows of each wallet."""

    def __init__(self, max_bytes: int, hot_wallets: int = _HOT_WALLETS) -> None:
        """Holds what fits into about `max_bytes`: up to `hot_wallets` as objects, which take no more than half of it, the others packed."""
        self._hot_wallets = min(hot_wallets, max_bytes // 2 // _HOT_BYTES)
        self._generation_bytes = (max_bytes - self._hot_wallets * _HOT_BYTES) // 2
        self._hot: OrderedDict[WalletKey, State] = OrderedDict()
        self._packed: dict[WalletKey, bytes] = {}
        self._packed_bytes = 0
        self._old: dict[WalletKey, bytes] = {}
        """The generation before: dropped as a whole, so that forgetting the coldest costs nothing per call."""

    def rows(self, wallet: WalletKey) -> State:
        """The cached rows of a wallet. Whoever takes them may change them, and then gives them back by `keep`, or makes the cache `forget` them."""
        rows = self._hot.get(wallet)
        if rows is not None:
            self._hot.move_to_end(wallet)
            return rows
        packed = self._unlist(wallet)
        rows = _unpack(wallet, packed) if packed else {}
        self._put(wallet, rows)
        return rows

    def keep(self, wallet: WalletKey, rows: State) -> None:
        """Takes back what `rows` gave, as it is committed now; it may have been packed meanwhile, to make room."""
        if len(rows) > _MAX_ROWS_A_WALLET:
            for key in [key for key in rows if key.kind != "wallet"][: len(rows) - _MAX_ROWS_A_WALLET]:
                del rows[key]
        if self._hot.get(wallet) is not rows:
            self.forget(wallet)
            self._put(wallet, rows)

    def forget(self, wallet: WalletKey) -> None:
        """Drops a wallet whose stored state is in doubt."""
        self._hot.pop(wallet, None)
        self._unlist(wallet)

    def peek(self, wallet: WalletKey) -> State:
        """The cached rows of a wallet, to look at only; they stay where they are."""
        packed = self._packed.get(wallet) or self._old.get(wallet)
        return self._hot.get(wallet) or (_unpack(wallet, packed) if packed else {})

    def __len__(self) -> int:
        return len(self._hot) + len(self._packed) + len(self._old)

    def _put(self, wallet: WalletKey, rows: State) -> None:
        self._hot[wallet] = rows
        if len(self._hot) > self._hot_wallets:
            self._pack(*self._hot.popitem(last=False))

    def _unlist(self, wallet: WalletKey) -> bytes | None:
        """Takes a wallet out of the packed ones."""
        packed = self._packed.pop(wallet, None)
        if packed is None:
            return self._old.pop(wallet, None)
        self._packed_bytes -= len(packed) + _ENTRY_BYTES
        return packed

    def _pack(self, wallet: WalletKey, rows: State) -> None:
        packed = _encode([(key.kind, key.id, row) for key, row in rows.items() if is_live(row)])
        if packed == _NOTHING:
            return
        self._packed_bytes += len(packed) + _ENTRY_BYTES
        if self._packed_bytes > self._generation_bytes:
            self._old, self._packed = self._packed, {}
            self._packed_bytes = len(packed) + _ENTRY_BYTES
        self._packed[wallet] = packed


def _unpack(wallet: WalletKey, packed: bytes) -> State:
    return {Key(wallet, kind, id_): _decoders[kind].decode(row) for kind, id_, row in _decode(packed)}


def is_live(row: Row | None) -> bool:
    """Wallets, open sessions and open rounds are read again; what is closed is kept by the store alone."""
    if isinstance(row, Session):
        return row.close_time_ms == 0
    return isinstance(row, Wallet) or (isinstance(row, Round) and not row.settled)
