"""Which node the next attempt goes to. Pure decisions, told the time; shared by the blocking and the asyncio client, and thread-safe.

What is known of the nodes: the addresses that the client was given, the list that ListNodes gave (who serves, in which region), how each one stands
(standing.py) and how much it sheds (pressure.py). An attempt goes to the best of them (preference.py). Without a list the addresses are used in the
order given, each until it fails.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from .budget import BudgetRules, RetryBudget
from .latency import Latency
from .preference import IN, Known, Listed, Wish, is_preferred_by_servers, preference
from .standing import Ejection, Standing

__all__ = ["Choice", "Listed", "Nodes", "Report"]

_WARM_MAX = 8
"""Nodes that a client keeps a connection to."""
_USUAL_MAX = 10_000
"""Wallets whose node is remembered."""
_SHEDDING_S = 30.0
"""After that a shed call is forgotten (pressure.py halves it every two seconds)."""


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
        self._latency = Latency()
        self._known = {address: Known(address, Standing(ejection)) for address in self._seeds}
        self._is_listed = False
        self._at = 0
        self._usual: dict[str, Choice] = {}
        """Where the first attempts of wallets go, while nothing changes."""
        self._in_motion_until = float("-inf")

    # What is learnt.

    def listed(self, nodes: Sequence[Listed], answered_by: str) -> None:
        """Takes over what ListNodes gave; an empty list changes nothing. Nodes that are gone are forgotten, unless their address was given."""
        if not nodes:
            return
        with self._lock:
            before = self._known
            if {node.address: node for node in nodes} == {known.address: known.listed for known in before.values() if known.listed}:
                return
            self._usual.clear()
            self._is_listed = True
            self._known = {node.address: before.get(node.address) or Known(node.address, Standing(self._ejection)) for node in nodes}
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
                known.pressure.accepted(report.now)
                if known.standing.answered(report.started, report.now):
                    self._has_moved(report.now + self._ejection.return_s)

    def took(self, seconds: float) -> None:
        """A call was answered after so long."""
        with self._lock:
            self._latency.took(seconds)

    def failed(self, report: Report, *, hung: bool) -> None:
        """The node could not be reached or did not answer in time."""
        with self._lock:
            self._move_on(report.address)
            known = self._known.get(report.address)
            if known is not None and known.standing.failed(report.started, report.now, hung=hung):
                self._has_moved(report.now)

    def refused(self, report: Report) -> None:
        """The node said itself that it serves no calls: it is out at once."""
        with self._lock:
            self._move_on(report.address)
            known = self._known.get(report.address)
            if known is not None and report.started >= known.standing.since:
                known.standing.throw_out(report.now)
                self._has_moved(report.now)

    def shed(self, report: Report, spill_to: tuple[str, ...]) -> None:
        """The node has too much to do, and named the node and region to go to, if it knew any."""
        with self._lock:
            self._move_on(report.address)
            if known := self._known.get(report.address):
                known.standing.answered(report.started, report.now)
                known.pressure.shed(report.now)
                known.spill_to = spill_to
                self._has_moved(report.now + max(_SHEDDING_S, self._ejection.return_s))

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
        wallet = wallet or self._own
        with self._lock:
            is_usual = not tried and now >= self._in_motion_until
            if is_usual and (usual := self._usual.get(wallet)):
                return usual
            order = self._order(wallet, tried, now, toward)
            best = order[0]
            if not is_usual and not tried and best.tier == IN and len(order) > 1 and self._chance.random() < best.pressure.share(now):
                best.pressure.diverted(now)
                order = self._order(wallet, [best.address], now, best.spill_to)
            if not self._is_listed:
                self._at = self._seeds.index(order[0].address)
            choice = self._choice(order, wallet, tried)
            if is_usual:
                if len(self._usual) >= _USUAL_MAX:
                    self._usual.clear()
                self._usual[wallet] = choice
            return choice

    @property
    def patience_s(self) -> float:
        """A call that takes longer than this is out of the ordinary."""
        return self._latency.patience_s

    def is_left(self, address: str) -> bool:
        """Whether a stream at this node is to be moved to another one: it is out, leaves or is gone, and another one is in."""
        with self._lock:
            known = self._known.get(address)
            return (known is None or known.tier != IN) and any(other.tier == IN for other in self._known.values())

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
                if not known.standing.out:
                    self._has_moved(known.standing.since + self._ejection.return_s)

    def to_ask(self, asked: str) -> str:
        """The node to ask for the list after `asked`: each in turn, those first that are in."""
        with self._lock:
            addresses = sorted(self._known, key=lambda address: (self._known[address].tier, address <= asked, address))
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

    def _order(self, wallet: str, tried: Sequence[str], now: float, toward: tuple[str, ...] = ()) -> list[Known]:
        if self._is_listed:
            return preference(self._known.values(), Wish(wallet, self._region, tried, toward), now)
        order = [self._known[address] for address in self._seeds[self._at :] + self._seeds[: self._at]]
        return sorted(order, key=lambda known: (known.tier, tried.count(known.address)))

    def _choice(self, order: Sequence[Known], wallet: str, tried: Sequence[str]) -> Choice:
        chosen = order[0]
        is_alone = not any(known.tier == IN and known.address not in tried for known in order[1:])
        is_preferred = is_preferred_by_servers(chosen, self._known.values(), wallet)
        return Choice(chosen.address, unforwarded=not is_preferred, alternative=not is_alone)

    def _move_on(self, address: str) -> None:
        """Without a list: calls leave a node that failed for the next."""
        if self._seeds[self._at] == address:
            self._at = (self._at + 1) % len(self._seeds)
            self._usual.clear()

    def _has_moved(self, until: float) -> None:
        """What was the best for a wallet may not be any more, and changes until then."""
        self._usual.clear()
        self._in_motion_until = max(self._in_motion_until, until)
