"""Where a wallet's rows may lie: what is known of its partitions, and which of them an id can be in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from msgspec import Struct

from croupier.model import Key, WalletKey


class Place(Struct, frozen=True, gc=False):
    """One partition of a wallet, which holds one epoch of it or more. Nothing here changes once it is open."""

    number: int
    """The epoch that it began with."""
    previous: int
    """Number of the partition before; 0 for the first."""
    first_revision: int
    ids_until_ms: int
    """The greatest time inside an id in any partition before this one: a later id can be in none of them."""
    home: str
    """The region whose nodes write to it, in class home; empty in the other classes."""


def time_ms(id_: bytes) -> int:
    """The time inside a UUIDv7."""
    return int.from_bytes(id_[:6], "big")


def may_be_before(key: Key, place: Place) -> bool:
    """Whether the row may lie in a partition before `place`."""
    if not place.previous or key.kind == "wallet":
        return False
    if key.kind == "epoch":
        return int.from_bytes(key.id, "big") < place.number
    return time_ms(key.id) <= place.ids_until_ms


def first_epoch(numbers: Iterable[int], after: int) -> int:
    """The epoch that a write begins in, whose head is in epoch `after` once it is applied; `numbers` are the epochs that it closes."""
    return min((number for number in numbers if number < after), default=after)


class Known(Struct):
    """What a node remembers of a wallet; all of it may have been outrun by another node, and nothing depends on it but speed."""

    place: Place | None = None
    """The newest partition."""
    noted_ms: int = 0
    """When the wallet was last noted as dirty."""
    avoid: str = ""
    """The coordinator that left the wallet's last write unknown."""
    doubtful_revision: int = -1
    """What that write expected; -1 for none."""


class Places:
    """A bounded memory of the wallets used most recently."""

    def __init__(self, max_wallets: int = 100_000) -> None:
        self._max_wallets = max_wallets
        self._known: OrderedDict[WalletKey, Known] = OrderedDict()

    def of(self, wallet: WalletKey) -> Known:
        """What is known of a wallet, to be read and changed."""
        known = self._known.get(wallet)
        if known is None:
            known = self._known[wallet] = Known()
            if len(self._known) > self._max_wallets:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(wallet)
        return known

    def forget(self, wallet: WalletKey) -> None:
        """The wallet's newest partition is another one than was thought."""
        known = self._known.get(wallet)
        if known is not None:
            known.place = None
