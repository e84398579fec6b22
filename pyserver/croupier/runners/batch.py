"""One batch: what several calls decided, gathered into one conditional write for each wallet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from croupier.errors import Refusal
from croupier.model import Decision, Key, Row, State, WalletKey, WalletWrite
from croupier.operations.command import wallet_key
from croupier.runners.cache import is_live


class Draft:
    """What the calls of one wallet have decided so far; they share one write and one fate."""

    __slots__ = ("calls", "decisions", "faults", "is_from_cache", "key", "loads", "passing", "state")

    def __init__(self, key: WalletKey, state: State) -> None:
        """`state` is what the cache has of the wallet; the draft changes it, and whoever made the draft gives it back or forgets it."""
        self.key = key
        self.decisions: list[Decision] = []
        self.calls: list[int] = []
        """Positions of the calls that wait for this write, those that were only answered from it included."""
        self.state = state
        """Rows as these calls see them: committed ones, and those of this draft."""
        self.passing: list[Key] = []
        """Keys in `state` that are of no use after this draft, unless their rows are live then."""
        self.is_from_cache = bool(state)
        """Some of these rows were not read from the store for this batch."""
        self.loads = 0
        """How often the store was asked for these rows."""
        self.faults: tuple[tuple[str, Refusal], ...] = ()
        """Games and what is broken in them, to be reported if the write proves that these rows were the stored ones."""

    def forget_rows(self, first: Iterable[Key], state: State) -> tuple[Key, ...]:
        """Forgets what was read, and goes on with `state`, which is empty; the keys to read again at once, `first` in front."""
        keys = tuple(dict.fromkeys((*first, *self.state)))
        self.state = state
        self.is_from_cache, self.loads = False, 0
        return keys

    def forget(self, keys: Sequence[Key]) -> Sequence[Key]:
        """Forgets what was taken for granted of `keys`; the keys to read after all."""
        need = [key for key in keys if self.state.get(key) is None]
        for key in need:
            self.state.pop(key, None)
        return need

    def add(self, decision: Decision) -> None:
        """Adds a decision that was made on this draft's state."""
        self.decisions.append(decision)
        state = self.state
        state[wallet_key(self.key)] = decision.wallet
        for key, row in decision.creates:
            state[key] = row
            self.passing.append(key)
        for key, row in decision.updates:
            state[key] = row
            if not is_live(row):
                self.passing.append(key)

    def write(self) -> WalletWrite:
        """The one conditional write."""
        first, *others = self.decisions
        expected_revision = first.entries[0].revision - 1
        if not others:
            return WalletWrite(self.key, expected_revision, first.wallet, first.entries, first.creates, first.updates)
        creates: dict[Key, Row] = {}
        updates: dict[Key, Row] = {}
        for decision in self.decisions:
            creates.update(decision.creates)
            for key, row in decision.updates:
                (creates if key in creates else updates)[key] = row
        entries = tuple(entry for decision in self.decisions for entry in decision.entries)
        return WalletWrite(self.key, expected_revision, others[-1].wallet, entries, tuple(creates.items()), tuple(updates.items()))

    def drop_passing(self) -> None:
        """Leaves in `state` only what later calls are likely to need."""
        for key in self.passing:
            if not is_live(self.state.get(key)):
                self.state.pop(key, None)
