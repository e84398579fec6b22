"""A spike in one region, in virtual time: how it spreads over the regions, and what is turned away."""

from __future__ import annotations

import pytest

from tests.simulation.spreading import REGIONS, Spreading

SECONDS, STEADY_S = 12.0, 5.0
SPIKE = {"eu": 5.0, "us": 0.2, "asia": 0.2}


@pytest.mark.parametrize("seed", range(3))
def test_a_spike_spreads_over_the_regions(seed: int) -> None:
    """Five times what one region can do: nine tenths of what all three can do together are played, by all of them, in bounded time. The callers of the
    other regions hardly notice.
    """
    run = Spreading(seed, 4, 0.02)
    told = run.run(SPIKE, SECONDS, STEADY_S)
    seconds = SECONDS - STEADY_S
    assert sum(told.played.values()) >= 0.9 * run.capacity * len(REGIONS) * seconds
    assert min(told.played.values()) >= 0.9 * run.capacity * seconds
    for region in REGIONS:
        latencies = sorted(told.answered[region])
        assert latencies[int(len(latencies) * 0.99)] < 2.5
    for region in ("us", "asia"):
        assert len(told.answered[region]) >= 0.9 * told.asked[region]


def test_without_a_place_to_go_one_region_does_its_own_part() -> None:
    """Negative control: where nobody is told where to go, the region plays what it can do alone, and the others stay idle."""
    run = Spreading(0, 4, 0.02, spreads=False)
    told = run.run(SPIKE, SECONDS, STEADY_S)
    assert sum(told.played.values()) < 1.5 * run.capacity * (SECONDS - STEADY_S)


def test_three_times_too_much_everywhere_is_no_storm() -> None:
    """Where all regions have too much, sending on costs nobody goodput."""
    run = Spreading(0, 4, 0.02)
    told = run.run(dict.fromkeys(REGIONS, 3.0), SECONDS, STEADY_S)
    assert sum(told.played.values()) >= 0.9 * run.capacity * len(REGIONS) * (SECONDS - STEADY_S)
