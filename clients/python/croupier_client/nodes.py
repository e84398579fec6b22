"""Which node the next attempt goes to. Pure decisions, told the time; shared by the blocking and the asyncio client, and thread-safe.

What is known of the nodes: the addresses that the client was given, the list that ListNodes gave (who serves, in which region), how each one stands
(standing.py) and how much it sheds (pressure.py). An attempt goes to the best of them:

    in own region, the wallet's preferred one first -> in other regions -> given addresses that the list does not name
    and after all of these: nodes that leave -> nodes that are out, first those that cost no time-out to ask

A node that this call has tried comes after those that it has not. Without a list the addresses are used in the order given, each until it fails.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from .budget import BudgetRules, RetryBudget
from .pressure import Pressure
from .routing import fraction, ranked, weight
from .standing import Ejection, Standing

_IN, _LEAVING, _OUT, _HUNG = range(4)
_RETURNING, _UNLISTED = 1_000, 2_000
"""Places behind the regions: nodes that are let back bit by bit, and addresses of which the list says nothing."""

_WARM_MAX = 8
"""Nodes that a client keeps a connection to."""


@dataclass(frozen=True)
class Listed:
    """A node as ListNodes tells it."""

    node: str
    address: str
    region: str
    serving: bool


@dataclass(frozen=True)
class Choice:
    """Where an attempt goes."""

    address: str
    unforwarded: bool = False
    """The node is to serve the call itself: the one that it would forward it to is avoided on purpose."""
    alternative: bool = False
    """Another node that is in and has not been tried stands ready, so this attempt may be cut short."""


@dataclass(frozen=True)
class Report:
    """What became of an attempt."""

    address: str
    started: float
    now: float


@dataclass
class _Known:
    """An address, with what is known of it."""

    address: str
    standing: Standing
    listed: Listed | None = None
    pressure: Pressure = field(default_factory=Pressure)
    spill_to: tuple[str, ...] = ()
    """Where the node last told a call to go: names of a node and its region."""


class Nodes:
    """The nodes of one cluster, as one client sees them."""

    def __init__(
        self,
        addresses: Sequence[str],
        ejection: Ejection,
        *,
        region: str = "",
        budget: BudgetRules | None = None,
        chance: random.Random | None = None,
    ) -> None:
        if not addresses:
            raise ValueError("at least one address is needed")
        self._seeds = tuple(addresses)
        self._ejection = ejection
        self._region = region
        self._budget = RetryBudget(budget or BudgetRules())
        self._chance = chance or random.Random()  # noqa: S311 -- spreading load needs no secrecy
        self._own = uuid4().hex
        self._lock = threading.Lock()
        self._known = {address: _Known(address, Standing(ejection)) for address in self._seeds}
        self._at = 0

    # What is learnt.

    def listed(self, nodes: Sequence[Listed], answered_by: str) -> None:
        """Takes over what ListNodes gave; an empty list changes nothing. Nodes that are gone are forgotten, unless their address was given."""
        if not nodes:
            return
        with self._lock:
            before = self._known
            self._known = {node.address: before.get(node.address) or _Known(node.address, Standing(self._ejection)) for node in nodes}
            for node in nodes:
                known = self._known[node.address]
                if known.listed is None:
                    known.standing.next_probe = 0.0  # It has come back: no need to wait for the next probe.
                known.listed = node
            for address in self._seeds:
                if address not in self._known:
                    self._known[address] = before[address]
                    before[address].listed = None
            if not self._region:
                self._region = next((node.region for node in nodes if node.node == answered_by), nodes[0].region)

    def answered(self, report: Report) -> None:
        """The node answered, be it with an error of the engine's."""
        with self._lock:
            if known := self._known.get(report.address):
                known.standing.answered(report.started, report.now)
                known.pressure.accepted(report.now)

    def failed(self, report: Report, *, hung: bool) -> bool:
        """The node could not be reached or did not answer in time. True if it is out by that."""
        with self._lock:
            self._move_on(report.address)
            known = self._known.get(report.address)
            return known is not None and known.standing.failed(report.started, report.now, hung=hung)

    def refused(self, report: Report) -> None:
        """The node said itself that it serves no calls: it is out at once."""
        with self._lock:
            self._move_on(report.address)
            known = self._known.get(report.address)
            if known is not None and report.started >= known.standing.since:
                known.standing.throw_out(report.now)

    def shed(self, report: Report, spill_to: tuple[str, ...]) -> None:
        """The node has too much to do, and named the node and region to go to, if it knew any."""
        with self._lock:
            self._move_on(report.address)
            if known := self._known.get(report.address):
                known.standing.answered(report.started, report.now)
                known.pressure.shed(report.now)
                known.spill_to = spill_to

    # What is decided.

    @property
    def first(self) -> str:
        """The first address that was given: for calls that are about the node that answers."""
        return self._seeds[0]

    def called(self, now: float) -> None:
        """A new call begins."""
        with self._lock:
            self._budget.called(now)

    def may_retry(self, now: float) -> bool:
        """Takes a retry out of the budget."""
        with self._lock:
            return self._budget.take(now)

    def choose(self, wallet: str, tried: Sequence[str], now: float, toward: tuple[str, ...] = ()) -> Choice:
        """The node for an attempt.

        Args:
            wallet: name of the wallet that the call is about, or "".
            tried: addresses that the call has been sent to.
            now: the time.
            toward: names of the node and region that a node told the call to go to.
        """
        with self._lock:
            wallet = wallet or self._own
            order = self._order(wallet, tried, now, toward)
            if not tried and len(order) > 1 and self._tier(order[0]) == _IN and self._chance.random() < order[0].pressure.share(now):
                order[0].pressure.diverted(now)
                order = self._order(wallet, [order[0].address], now, order[0].spill_to)
            if not any(known.listed for known in order):
                self._at = self._seeds.index(order[0].address)
            others = (known for known in order[1:] if self._tier(known) == _IN and known.address not in tried)
            return Choice(order[0].address, self._is_unforwarded(order[0], wallet), any(others))

    def is_left(self, address: str) -> bool:
        """Whether a stream at this node is to be moved to another one: it is out, leaves or is gone, and another one is in."""
        with self._lock:
            known = self._known.get(address)
            return (known is None or self._tier(known) != _IN) and any(self._tier(other) == _IN for other in self._known.values())

    def to_probe(self, now: float) -> list[str]:
        """Nodes that are out and due to be asked whether they serve."""
        with self._lock:
            due = [known for known in self._known.values() if known.standing.out and known.standing.next_probe <= now]
            for known in due:
                known.standing.next_probe = now + self._ejection.longest_s  # Until this probe is answered.
            return [known.address for known in due]

    def probed(self, address: str, now: float, *, serving: bool) -> None:
        """A probe's answer, or that there was none."""
        with self._lock:
            if known := self._known.get(address):
                known.standing.probed(now, serving=serving)

    def to_ask(self, asked: str) -> str:
        """The node to ask for the list after `asked`: each in turn, those first that are in."""
        with self._lock:
            addresses = sorted(self._known, key=lambda address: (self._tier(self._known[address]), address <= asked, address))
            return addresses[0]

    def near(self) -> list[str]:
        """Addresses of the own region's first nodes: those to have a connection to before a call needs it."""
        with self._lock:
            near = [known.address for known in self._known.values() if known.listed and known.listed.region == self._region]
            return near[:_WARM_MAX]

    def addresses(self) -> list[str]:
        """Every address that a call may go to."""
        with self._lock:
            return list(self._known)

    def out(self) -> list[str]:
        """Addresses that are out."""
        with self._lock:
            return [known.address for known in self._known.values() if known.standing.out]

    # How.

    def _order(self, wallet: str, tried: Sequence[str], now: float, toward: tuple[str, ...]) -> list[_Known]:
        if not any(known.listed for known in self._known.values()):
            order = [self._known[address] for address in self._seeds[self._at :] + self._seeds[: self._at]]
            return sorted(order, key=lambda known: (self._tier(known), tried.count(known.address)))
        regions = {known.listed.region for known in self._known.values() if known.listed}
        places = {region: place for place, region in enumerate(ranked(regions - {self._region}, wallet), start=1)} | {self._region: 0}

        def key(known: _Known) -> tuple[int, int, int, int, str]:
            return self._tier(known), tried.count(known.address), self._place(known, wallet, places, now, toward), *_rank(known, wallet)

        return sorted(self._known.values(), key=key)

    def _place(self, known: _Known, wallet: str, places: dict[str, int], now: float, toward: tuple[str, ...]) -> int:
        if known.listed is None:
            return _UNLISTED
        if known.listed.node in toward:
            return -2
        returning = 0 if (share := known.standing.share(now)) == 1.0 or fraction(known.listed.node, wallet) < share else _RETURNING
        return returning + (-1 if known.listed.region in toward else places[known.listed.region])

    def _tier(self, known: _Known) -> int:
        if known.standing.out:
            return _HUNG if known.standing.hung else _OUT
        return _IN if known.listed is None or known.listed.serving else _LEAVING

    def _is_unforwarded(self, chosen: _Known, wallet: str) -> bool:
        """Whether servers would prefer another node of the chosen one's region, as the list stands."""
        if chosen.listed is None:
            return False
        peers = [known.listed for known in self._known.values() if known.listed and known.listed.region == chosen.listed.region]
        best = ranked((peer.node for peer in peers if peer.serving), wallet)
        return bool(best) and best[0] != chosen.listed.node

    def _move_on(self, address: str) -> None:
        """Without a list: calls leave a node that failed for the next."""
        if self._seeds[self._at] == address:
            self._at = (self._at + 1) % len(self._seeds)


def _rank(known: _Known, wallet: str) -> tuple[int, str]:
    return (-weight(known.listed.node, wallet), known.listed.node) if known.listed else (0, known.address)
