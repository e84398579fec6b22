"""One batch: what several calls decided, gathered into one conditional write for each wallet."""

from __future__ import annotations

from collections.abc import Iterable

from croupier.errors import Refusal
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
        self.is_from_cache = False
        """Some of these rows were not read from the store for this batch."""
        self.guessed: set[Key] = set()
        """Keys that were taken to be new without asking the store, and that no decision has made yet: the write proves that those it makes were new."""
        self.loads = 0
        """How often the store was asked for these rows."""
        self.faults: list[tuple[str, Refusal]] = []
        """Games and what is broken in them, to be reported if the write proves that these rows were the stored ones."""

    def forget_rows(self, first: Iterable[Key]) -> tuple[Key, ...]:
        """Forgets what was read; the keys to read again at once, `first` in front."""
        keys = tuple(dict.fromkeys((*first, *self.state)))
        self.state.clear()
        self.guessed.clear()
        self.is_from_cache, self.loads = False, 0
        return keys

    def guess(self, keys: Iterable[Key]) -> None:
        """Takes `keys` to be new."""
        for key in keys:
            self.state[key] = None
            self.guessed.add(key)
        self.is_from_cache = True

    def unproven(self, keys: Iterable[Key], made: Iterable[tuple[Key, Row]]) -> tuple[Key, ...]:
        """Those of `keys` that were guessed, and that a decision which makes the rows `made` rests on without proof; they must be read after all."""
        self.guessed.difference_update(key for key, _ in made)
        need = tuple(key for key in keys if key in self.guessed)
        for key in need:
            del self.state[key]
            self.guessed.discard(key)
        return need

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
