"""What a store is: a few methods, the same for every store, proven by one conformance suite (tests/conformance).

A wallet's rows change by ONE conditional write at a time; a store that cannot say whether a write happened answers UNKNOWN and never guesses.
Methods are coroutines. A store with `inline = True` never suspends, so that the embedded runner may drive it without an event loop.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from enum import Enum
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from croupier.model import Entry, EntryKind, Key, State, WalletKey, WalletWrite

T = TypeVar("T")


class CommitResult(Enum):
    """What became of one conditional write."""

    APPLIED = "applied"
    """Durable."""
    REFUSED = "refused"
    """The revision was not the expected one, or an id was not new. Nothing was changed."""
    UNKNOWN = "unknown"
    """It may have been applied, may be applied later, or never."""
    UNSENT = "unsent"
    """The store could not be reached: nothing was changed, and nothing will be."""


class EntryQuery(Struct, frozen=True):
    """Which entries of a wallet, in which order."""

    wallet: WalletKey
    limit: int
    after_revision: int = 0
    """Only entries above this revision."""
    before_revision: int = 0
    """Only entries below this revision; 0 for no bound."""
    oldest_first: bool = False
    """Oldest first instead of newest first."""
    kinds: tuple[EntryKind, ...] = ()
    """Empty for all."""
    session: bytes = b""
    """Only entries of this session, if given."""
    step: int | None = None
    """Only entries of this step, if given."""


class WalletSums(Struct, frozen=True):
    """Sums over all wallets of one tenant and currency, in micros."""

    currency: str
    wallets: int
    deposited_micros: int
    withdrawn_micros: int
    staked_micros: int
    paid_micros: int
    balance_micros: int


class Document(Struct, frozen=True):
    """A small versioned record beside the wallets: an operator, an API key, a game switch."""

    kind: str
    id: str
    version: int
    """From 1, one more at each put."""
    body: bytes


class Fence(Struct, frozen=True):
    """The number that makes a singleton's earlier terms harmless."""

    number: int
    """0 before the first term."""
    holder: str
    """The node that raised it."""


NO_FENCE = Fence(0, "")
"""Before the first term; nothing can be written under it."""


class FencedRecord(Struct, frozen=True):
    """Something that a singleton remembers beside its fence."""

    singleton: str
    item: str
    body: bytes


class Reads(Protocol):
    """What anybody may ask of a store; answers are committed state only.

    A store over a network raises StoreUnreachable where it cannot answer for certain; whoever asked may ask again.
    """

    async def load(self, keys: Sequence[Key]) -> State:
        """The rows under `keys`, those of one wallet as they stood at one moment; None where there is none."""
        ...

    async def entries(self, query: EntryQuery) -> list[Entry]:
        """At most `query.limit` entries of a wallet."""
        ...

    async def wallets(self, after: WalletKey | None, limit: int) -> list[WalletKey]:
        """Wallets in order of their keys, from the one after `after`."""
        ...

    async def sums(self, operator: str) -> list[WalletSums]:
        """Sums over a tenant's wallets, by currency; over all tenants where `operator` is empty."""
        ...

    async def documents(self, kind: str) -> list[Document]:
        """All documents of a kind, in order of their ids."""
        ...

    async def fenced(self, singleton: str) -> tuple[Fence, list[FencedRecord]]:
        """The singleton's fence and its records, in order of their items."""
        ...


class DirtyNote(Struct, frozen=True):
    """A node was about to write to a wallet. It is no proof that it did."""

    node: str
    wallet: WalletKey


class Fences(Protocol):
    """What singletons write: refused by the store once a later term has raised the fence."""

    async def raise_fence(self, singleton: str, holder: str) -> int:
        """Raises the singleton's fence by one in the name of `holder`, a node; the new number. Raises StoreUnreachable, OutcomeUnknown."""
        ...

    async def put_fenced(self, record: FencedRecord, fence: int) -> CommitResult:
        """Writes `record`, in place of an earlier one of the same item, if the singleton's fence is still `fence`; REFUSED if it is not."""
        ...


class Store(Reads, Fences, Protocol):
    """Reads, and the conditional writes. One owner calls the writes."""

    inline: bool
    """No method ever suspends."""
    name: str
    """For people: "sqlite", "memory"."""

    async def open(self) -> None:
        """Connects, on the running event loop, and checks that the store can be relied on; before anything else is asked of it. Raises StoreUnusable."""
        ...

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        """Each write's result, in order; no two of one wallet. Raises StoreFailed where the store cannot go on."""
        ...

    async def put_document(self, document: Document) -> bool:
        """Writes `document` if the stored version is one less (0 where there is none); says whether it did."""
        ...

    def reads(self) -> Reads:
        """A way to read beside the owner, from another thread."""
        ...

    def close(self) -> None:
        """Releases files and connections; everything committed stays."""
        ...


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine of an inline store."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise AssertionError("an inline store suspended")
