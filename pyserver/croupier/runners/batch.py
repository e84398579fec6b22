"""One batch: what several calls decided, gathered into one conditional write for each wallet."""

from __future__ import annotations

from collections.abc import Iterable

from croupier.model import Decision, Entry, Key, Row, State, Wallet, WalletKey, WalletWrite


class Draft:
    """What the calls of one wallet have decided so far; they share one write and one fate."""

    def __init__(self, key: WalletKey) -> None:
        self.key = key
        self.expected_revision = -1
        self.wallet: Wallet | None = None
        self.entries: list[Entry] = []
        self.creates: dict[Key, Row] = {}
        self.updates: dict[Key, Row] = {}
        self.calls: list[int] = []
        """Positions of the calls that wait for this write, those that were only answered from it included."""
        self.state: State = {}
        """Rows as these calls see them: committed ones, and those of this draft."""
        self.from_cache = False
        """Some of these rows were not read from the store for this batch."""

    @property
    def may_be_stale(self) -> bool:
        """Nothing will check the rows: they come from a cache, and no write of this draft carries their revision."""
        return self.from_cache and self.wallet is None

    def reload(self) -> None:
        """Forgets what was read, so that it is read again from the store."""
        self.state.clear()
        self.from_cache = False

    def add(self, decision: Decision) -> None:
        """Adds a decision that was made on this draft's state."""
        if self.wallet is None:
            self.expected_revision = decision.entries[0].revision - 1
        self.wallet = decision.wallet
        self.state[Key(self.key, "wallet", b"")] = decision.wallet
        self.entries += decision.entries
        self._put(decision.creates, self.creates)
        for key, row in decision.updates:
            self._put(((key, row),), self.creates if key in self.creates else self.updates)

    def write(self) -> WalletWrite:
        """The one conditional write."""
        assert self.wallet is not None, "a draft without a decision is not written"
        return WalletWrite(
            self.key, self.expected_revision, self.wallet, tuple(self.entries), tuple(self.creates.items()), tuple(self.updates.items())
        )

    def _put(self, rows: Iterable[tuple[Key, Row]], target: dict[Key, Row]) -> None:
        for key, row in rows:
            target[key] = row
            self.state[key] = row
