"""In which order the nodes that a client knows are the best for an attempt. Pure, told the time.

    in own region, the wallet's preferred one first -> in other regions -> being let back -> given addresses that the list does not name
    and after all of these: nodes that leave -> nodes that are out, first those that cost no time-out to ask

A node that the call has tried comes after those of its kind that it has not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from .pressure import Pressure
from .routing import fraction, ranked, weight
from .standing import Standing

IN, LEAVING, OUT, HUNG = range(4)
_TOLD_NODE, _TOLD_REGION = -2, -1
_RETURNING, _UNLISTED = 1_000, 2_000


@dataclass(frozen=True)
class Listed:
    """A node as ListNodes tells it."""

    node: str
    address: str
    region: str
    serving: bool


@dataclass
class Known:
    """An address, with what is known of it."""

    address: str
    standing: Standing
    listed: Listed | None = None
    pressure: Pressure = field(default_factory=Pressure)
    spill_to: tuple[str, ...] = ()
    """Where the node last told a call to go: names of a node and its region."""

    @property
    def tier(self) -> int:
        """How good it is at all; lower is better."""
        if self.standing.out:
            return HUNG if self.standing.hung else OUT
        return IN if self.listed is None or self.listed.serving else LEAVING


@dataclass(frozen=True)
class Wish:
    """What an attempt is about."""

    wallet: str
    region: str
    """The client's own."""
    tried: Sequence[str]
    toward: tuple[str, ...]
    """Names of the node and region that a node told the call to go to."""


def preference(known: Collection[Known], wish: Wish, now: float) -> list[Known]:
    """All nodes, the best first."""
    regions = {node.listed.region for node in known if node.listed}
    places = {region: place for place, region in enumerate(ranked(regions - {wish.region}, wish.wallet), start=1)} | {wish.region: 0}

    def key(node: Known) -> tuple[int, int, int, int, str]:
        return node.tier, wish.tried.count(node.address), _place(node, wish, places, now), *_rank(node, wish.wallet)

    return sorted(known, key=key)


def is_preferred_by_servers(chosen: Known, known: Collection[Known], wallet: str) -> bool:
    """Whether servers would leave the wallet's call where it was sent: no other node of that region is preferred, as the list stands."""
    if chosen.listed is None:
        return True
    peers = [node.listed.node for node in known if node.listed and node.listed.region == chosen.listed.region and node.listed.serving]
    return not peers or ranked(peers, wallet)[0] == chosen.listed.node


def _place(node: Known, wish: Wish, places: dict[str, int], now: float) -> int:
    """Which group of nodes it belongs to; lower goes first."""
    if node.listed is None:
        return _UNLISTED
    if node.listed.node in wish.toward:
        return _TOLD_NODE
    share = node.standing.share(now)
    returning = 0 if share == 1.0 or fraction(node.listed.node, wish.wallet) < share else _RETURNING
    return returning + (_TOLD_REGION if node.listed.region in wish.toward else places[node.listed.region])


def _rank(node: Known, wallet: str) -> tuple[int, str]:
    return (-weight(node.listed.node, wallet), node.listed.node) if node.listed else (0, node.address)
