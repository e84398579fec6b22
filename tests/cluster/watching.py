"""What nodes count, read from their metrics while something happens to them."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections import defaultdict
from itertools import pairwise

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

SAMPLE_S = 0.5


class Sample(Struct, frozen=True):
    """What a node counted up to a moment."""

    at_s: float
    rounds: float
    shed: float
    limit: float
    load: float
    write_s: float


class Watcher:
    """Reads every node's metrics while the scenario runs."""

    def __init__(self, metrics: dict[str, str], begin_s: float) -> None:
        """`metrics` are the addresses by region."""
        self.samples: dict[str, list[Sample]] = {region: [] for region in metrics}
        self._metrics = metrics
        self._begin_s = begin_s

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.gather(*(self._sample(region) for region in self.samples), asyncio.sleep(SAMPLE_S))

    async def _sample(self, region: str) -> None:
        found = await asyncio.to_thread(_metrics, self._metrics[region])
        at_s = time.monotonic() - self._begin_s
        names = ("croupier_rounds_total", "croupier_calls_shed_total", "croupier_write_limit", "croupier_load", "croupier_write_seconds")
        self.samples[region].append(Sample(at_s, *(found[name] for name in names)))

    def rate(self, region: str, what: str, from_s: float, to_s: float) -> float:
        """How much a count rose a second, within that time."""
        within = [sample for sample in self.samples[region] if from_s <= sample.at_s <= to_s]
        return (getattr(within[-1], what) - getattr(within[0], what)) / (within[-1].at_s - within[0].at_s)

    def mean(self, region: str, what: str, from_s: float, to_s: float) -> float:
        """The mean of a value, within that time."""
        within = [getattr(sample, what) for sample in self.samples[region] if from_s <= sample.at_s <= to_s]
        return sum(within) / len(within)

    def rates(self, what: str) -> dict[str, list[tuple[float, float]]]:
        """Lines of how much a count rose a second."""
        return {
            region: [(b.at_s, (getattr(b, what) - getattr(a, what)) / (b.at_s - a.at_s)) for a, b in pairwise(samples)]
            for region, samples in self.samples.items()
        }

    def values(self, what: str, scale: float = 1.0) -> dict[str, list[tuple[float, float]]]:
        """Lines of a value."""
        return {region: [(one.at_s, getattr(one, what) * scale) for one in samples] for region, samples in self.samples.items()}


def _metrics(address: str) -> defaultdict[str, float]:
    """Values by name, summed over labels."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as page:
        text = page.read().decode()
    found: defaultdict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] += sample.value
    return found
