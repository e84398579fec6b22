"""Three regions in virtual time, each with a node, a limiter and a store that can do so much; callers of one of them come in multiples of that."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable

from msgspec import Struct, field

from croupier.cluster.membership import Member
from croupier.cluster.spilling import elsewhere
from croupier.runners.limiter import Bounds, Limiter

REGIONS = ("eu", "us", "asia")
DEADLINE_S = 2.0
_PUBLISHED_S = 1.0
_BOUNDS = Bounds()


class Site:
    """A region's node and store."""

    def __init__(self, region: str, places: int) -> None:
        self.region = region
        self.limiter = Limiter(_BOUNDS)
        self.places = places
        self.writing = 0
        self.queue: deque[Round] = deque()
        self.has_shed = False
        self.load = 0.0

    def publish(self) -> None:
        """Its load, as croupier.runners.load has it."""
        now = 1.0 if self.has_shed else max(self.writing / self.limiter.limit, self.limiter.queueing)
        self.load += (min(1.0, now) - self.load) / 2
        self.has_shed = False

    @property
    def member(self) -> Member:
        return Member(self.region, self.region, "", "", "serving", round(self.load * 1_000))


class Round(Struct):
    """A round that a player of `home` asks for."""

    home: str
    began_s: float
    write: int = 0
    was_sent_on: bool = False


class Told(Struct):
    """What came of it, from `steady_s` on."""

    asked: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REGIONS, 0))
    answered: dict[str, list[float]] = field(default_factory=lambda: {region: [] for region in REGIONS})
    """Latencies, by the player's home."""
    played: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REGIONS, 0))
    """By the region whose node did it."""
    given_up: int = 0


class Spreading:
    """One run."""

    def __init__(self, seed: int, places: int, service_s: float, *, spreads: bool = True) -> None:
        """Without `spreads`, whoever is turned away is told no place to go."""
        self._chance = random.Random(seed)
        self._service_s = service_s
        self._spreads = spreads
        self._sites = {region: Site(region, places) for region in REGIONS}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._now_s = 0.0
        self._steady_s = 0.0
        self.capacity = places / service_s
        self.told = Told()

    def run(self, factors: dict[str, float], seconds: float, steady_s: float) -> Told:
        """Callers of each region come so many times as often as its store can answer."""
        self._steady_s = steady_s
        for region, factor in factors.items():
            self._arrive(region, factor * self.capacity)
        self._at(_PUBLISHED_S, self._publish)
        while self._events[0][0] < seconds:
            self._now_s, _, do = heapq.heappop(self._events)
            do()
        return self.told

    def _at(self, in_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now_s + in_s, next(self._order), do))

    def _publish(self) -> None:
        for site in self._sites.values():
            site.publish()
        self._at(_PUBLISHED_S, self._publish)

    def _arrive(self, region: str, rate: float) -> None:
        def come() -> None:
            self.told.asked[region] += self._now_s > self._steady_s
            self._ask(Round(region, self._now_s), self._sites[region])
            self._arrive(region, rate)

        self._at(self._chance.expovariate(rate), come)

    def _ask(self, round_: Round, site: Site) -> None:
        """As the client does: sent on once, then again at home after a pause, until the deadline."""
        if site.writing < site.limiter.limit:
            round_.write = site.limiter.begin(self._now_s)
            site.writing += 1
            site.queue.append(round_)
            self._serve(site)
            return
        site.has_shed = True
        where = self._spreads and elsewhere([one.member for one in self._sites.values()], site.region, self._chance.random())
        if where and not round_.was_sent_on:
            round_.was_sent_on = True
            self._ask(round_, self._sites[where["node"]])
            return
        pause_s = max(0.05, 2 * site.limiter.latency_s) * self._chance.uniform(1.0, 1.5)
        if self._now_s + pause_s > round_.began_s + DEADLINE_S:
            self.told.given_up += self._now_s > self._steady_s
            return
        round_.was_sent_on = False
        self._at(pause_s, lambda: self._ask(round_, self._sites[round_.home]))

    def _serve(self, site: Site) -> None:
        while site.places and site.queue:
            site.places -= 1
            round_ = site.queue.popleft()
            took_s = 0.8 * self._service_s + self._chance.expovariate(5 / self._service_s)
            self._at(took_s, lambda round_=round_: self._answered(round_, site))

    def _answered(self, round_: Round, site: Site) -> None:
        latency_s = self._now_s - site.limiter.end(round_.write)
        site.limiter.observe(latency_s, site.writing, self._now_s)
        site.writing -= 1
        site.places += 1
        if self._now_s > self._steady_s:
            self.told.played[site.region] += 1
            self.told.answered[round_.home].append(self._now_s - round_.began_s)
        self._serve(site)
