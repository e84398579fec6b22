"""The limit of writes under way against a simulated store: what it lets through under five times the store's capacity, and how long that takes."""

from __future__ import annotations

from typing import Any

import pytest

from croupier.runners.limiter import Bounds, Limiter
from tests.simulation.queueing import Load, run

BOUNDS = Bounds()
STORES = {
    "one node beside it": (3, 0.0018),
    "one place": (1, 0.0018),
    "a small cluster": (8, 0.005),
    "regions near each other": (64, 0.04),
    "regions far apart": (250, 0.15),
    "a slow one": (2, 0.05),
}


def admits(limiter: Limiter, in_flight: int, extra: int, settles: bool) -> bool:  # noqa: FBT001 - A fact about the call, no switch.
    """The rule of Awaiting and Shedding."""
    if in_flight < limiter.limit:
        return True
    return settles and (in_flight < limiter.limit + limiter.settling_share or extra < limiter.settling_share)


@pytest.mark.parametrize("is_wild", [False, True])
@pytest.mark.parametrize("store", STORES)
def test_five_times_the_capacity(store: str, is_wild: Any) -> None:
    """With five times what the store can do, nine tenths of that at least are answered, in bounded time; what is too much is turned away."""
    load = Load(*STORES[store], 5.0, is_wild=is_wild, seconds=36.0 if store == "a slow one" else 12.0)
    figures, limiter = run(load, 1, BOUNDS, admits)
    assert figures.goodput >= 0.9 * load.capacity
    lowest_s = BOUNDS.lowest / load.capacity  # What the lowest limit takes to be worked off.
    assert figures.latency_s(0.5) <= 1.2 * max(0.125, 3 * load.service_s, 2 * lowest_s)
    assert figures.latency_s(0.99) <= max(0.3, 6 * load.service_s, 8 * lowest_s)
    assert figures.shed[False] > 0.7 * figures.asked[False]
    assert BOUNDS.lowest <= limiter.limit <= BOUNDS.highest


@pytest.mark.parametrize("store", STORES)
def test_nobody_is_turned_away_below_the_capacity(store: str) -> None:
    """At four fifths of the capacity, every call is taken."""
    load = Load(*STORES[store], 0.8)
    figures, limiter = run(load, 2, BOUNDS, admits)
    assert not figures.shed[False]
    assert limiter.queueing < 0.5


def test_without_a_limit_calls_wait_for_ever() -> None:
    """Negative control: a rule that takes everything has the same goodput, and latencies that grow with the time that the load lasts."""
    load = Load(*STORES["one node beside it"], 5.0, seconds=6.0)
    figures, _ = run(load, 1, BOUNDS, lambda *_: True)
    assert figures.latency_s(0.5) > 2.0


def test_settling_has_its_own_share() -> None:
    """Where a tenth of five times the capacity settles rounds in play, all of it is taken at any time, and new rounds get what is left."""
    load = Load(*STORES["one node beside it"], 5.0, settling=0.1)
    figures, _ = run(load, 3, BOUNDS, admits)
    assert figures.asked[True] > 4_000
    assert figures.shed[True] == 0
    assert figures.goodput >= 0.9 * load.capacity


def test_without_a_share_settling_is_turned_away() -> None:
    """Negative control: where both are treated alike, most of what settles is turned away too."""
    load = Load(*STORES["one node beside it"], 5.0, settling=0.1)
    figures, _ = run(load, 3, BOUNDS, lambda limiter, in_flight, *_: in_flight < limiter.limit)
    assert figures.shed[True] > 0.5 * figures.asked[True]


@pytest.mark.parametrize(("store", "slower"), [("one node beside it", 4.0), ("regions near each other", 4.0), ("regions far apart", 3.0)])
def test_a_store_that_becomes_slower_and_stays_so(store: str, slower: float) -> None:
    """The limit follows: the smaller capacity is used, in bounded time."""
    load = Load(*STORES[store], 5.0, seconds=40.0, slower_from_s=4.0, slower=slower)
    figures, _ = run(load, 4, BOUNDS, admits)
    assert figures.goodput >= 0.8 * load.capacity / slower
    assert figures.latency_s(0.5) <= max(0.2, 4 * slower * load.service_s)


def test_a_load_that_is_over_leaves_no_trace() -> None:
    """After a slow spell the limit recovers: it is back above a hundred within three seconds of a healthy store."""
    limiter = Limiter(BOUNDS)
    now_s = 1.0
    for _ in range(1_000):
        now_s += 0.01
        limiter.observe(0.002, 10, now_s)
    while limiter.limit > 50:
        now_s += 0.01
        limiter.observe(limiter.limit / 100, limiter.limit, now_s)
    healthy_from_s = now_s
    while limiter.limit < 100:
        now_s += 0.002
        limiter.observe(0.002, limiter.limit, now_s)
    assert now_s - healthy_from_s < 3.0
