"""A server with so many places and a queue before them, in virtual time, with a limiter that decides who comes in."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable

from msgspec import Struct, field

from croupier.runners.limiter import Bounds, Limiter

STEADY_PART = 1 / 3
"""Figures leave out that part of a run, from its beginning."""


class Load(Struct, frozen=True):
    """What comes, and what it comes to."""

    places: int
    service_s: float
    """Mean; a fifth of it is drawn from an exponential distribution, or all where `is_wild`."""
    factor: float
    """Arrivals, as a multiple of the capacity."""
    seconds: float = 12.0
    settling: float = 0.0
    """Which part of the arrivals settles something."""
    slower_from_s: float = float("inf")
    slower: float = 1.0
    """How many times longer everything takes from then on."""
    is_wild: bool = False

    @property
    def capacity(self) -> float:
        """Calls a second."""
        return self.places / self.service_s


class Figures(Struct):
    """What happened, after the beginning."""

    goodput: float = 0.0
    """Calls answered a second."""
    latencies_s: list[float] = field(default_factory=list[float])
    """Of those answered, in ascending order."""
    asked: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    """Calls that came, by whether they settle."""
    shed: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})

    def latency_s(self, part: float) -> float:
        """A quantile."""
        return self.latencies_s[int(len(self.latencies_s) * part)]


def run(load: Load, seed: int, bounds: Bounds, admits: Callable[[Limiter, int, int, bool], bool]) -> tuple[Figures, Limiter]:
    """Runs a load. `admits(limiter, in flight, of them beyond the limit, settles)` is the rule under test."""
    chance, limiter, figures = random.Random(seed), Limiter(bounds), Figures()
    rate = load.capacity * load.factor
    # When, in which order, which write ends (0 for an arrival), whether it is beyond the limit.
    events: list[tuple[float, int, int, bool]] = [(chance.expovariate(rate), 0, 0, False)]
    queue: deque[tuple[int, bool]] = deque()
    busy = in_flight = extra = number = 0
    now_s, answered, steady_s = 0.0, 0, load.seconds * STEADY_PART

    def serve(write: int, is_extra: bool) -> None:  # noqa: FBT001 - A fact about the call, no switch.
        nonlocal number
        mean_s = load.service_s * (load.slower if now_s >= load.slower_from_s else 1.0)
        random_s = mean_s if load.is_wild else mean_s / 5
        number += 1
        heapq.heappush(events, (now_s + mean_s - random_s + chance.expovariate(1 / random_s), number, write, is_extra))

    while events[0][0] < load.seconds:
        now_s, _, write, is_extra = heapq.heappop(events)
        if write:  # It is answered, and the next takes its place.
            began_s = limiter.end(write)
            limiter.observe(now_s - began_s, in_flight, now_s)
            in_flight, extra = in_flight - 1, extra - is_extra
            if now_s > steady_s:
                answered += 1
                figures.latencies_s.append(now_s - began_s)
            if queue:
                serve(*queue.popleft())
            else:
                busy -= 1
            continue
        number += 1
        heapq.heappush(events, (now_s + chance.expovariate(rate), number, 0, False))
        is_settling = chance.random() < load.settling
        is_in = admits(limiter, in_flight, extra, is_settling)
        figures.asked[is_settling] += now_s > steady_s
        figures.shed[is_settling] += now_s > steady_s and not is_in
        if not is_in:
            continue
        is_extra = in_flight >= limiter.limit
        in_flight, extra = in_flight + 1, extra + is_extra
        write = limiter.begin(now_s)
        if busy < load.places:
            busy += 1
            serve(write, is_extra)
        else:
            queue.append((write, is_extra))
    figures.goodput = answered / (load.seconds - steady_s)
    figures.latencies_s.sort()
    return figures, limiter
