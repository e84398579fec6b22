"""What an audit found."""

from __future__ import annotations

from msgspec import Struct, field

from croupier.model import WalletKey
from croupier.stores.store import WalletSums

MAX_PROBLEMS = 1_000
"""Problems kept with their text; further ones are only counted."""


class Problem(Struct, frozen=True):
    """One thing that is not as it must be."""

    place: str
    """The wallet, or the part of the store."""
    revision: int
    """Of the entry where it shows; 0 if it is not about one entry."""
    what: str
    """One sentence, without the place."""

    def __str__(self) -> str:
        at = f" at revision {self.revision}" if self.revision else ""
        return f"{self.place}{at}: {self.what}"


class Report(Struct):
    """Counts of what was read, and the problems. Amounts are micros."""

    wallets: int = 0
    entries: int = 0
    sessions: int = 0
    rounds: int = 0
    transfers: int = 0
    seeds: int = 0
    epochs: int = 0
    open_rounds: int = 0
    replayed_rounds: int = 0
    """Rounds that the engine played again with the same result, byte for byte."""
    sealed_seeds_opened: int = 0
    sealed_seeds_unopened: int = 0
    """Sealed seeds that could not be checked because no key file was given."""
    rounds_not_replayed: int = 0
    """Rounds asked to be replayed whose seed is neither revealed nor to be opened."""
    drift: int = 0
    """Sum over all wallets of |balance - sum of its entries|."""
    broken_chains: int = 0
    """Wallets in which an entry does not follow from the one before, or the head from the last one."""
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])
    trial_balance: list[WalletSums] = field(default_factory=list[WalletSums])
    """Sums over the wallets' entries, by currency."""
    heads_sha256: str = ""
    """Over every wallet's name, revision and chain hash in order: kept elsewhere, it shows later whether history was rewritten."""

    @property
    def is_clean(self) -> bool:
        """Nothing was found."""
        return self.problem_count == 0

    def add(self, place: WalletKey | str, revision: int, what: str) -> None:
        """Notes a problem."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(str(place), revision, what))
