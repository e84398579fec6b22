"""Measurements side by side: every round runs each candidate once, so that what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Sample = dict[str, float]
Samples = dict[str, list[Sample]]


def interleave(candidates: Mapping[str, Callable[[], Sample]], rounds: int) -> Samples:
    """A B A B …: the samples of each candidate, in order of rounds."""
    samples: Samples = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, measure in candidates.items():
            samples[name].append(measure())
    return samples


def ratio(samples: Samples, over: str, under: str, what: str) -> dict[str, float]:
    """`what` of one candidate over that of the other, round by round."""
    return spread([above[what] / below[what] for above, below in zip(samples[over], samples[under], strict=True)])


def spread(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": median(values), "min": min(values), "max": max(values)}


def summary(samples: Samples) -> dict[str, Any]:
    """Median and range of every figure of every candidate."""
    return {name: {what: spread([sample[what] for sample in found]) for what in found[0]} for name, found in samples.items()}
