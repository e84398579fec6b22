"""What Prometheus sees. Names begin with croupier_; durations are seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from croupier.runners.taker import Taker

_LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

Observe = Callable[[str, float], None]
"""Takes the reason of a refusal (empty for a success) and how long the call took in seconds."""


class Metrics:
    """Counts calls; what the runner counts is read when Prometheus asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "croupier_call_seconds", "How long calls took, by method.", ["method"], buckets=_LATENCY_BUCKETS_S, registry=self.registry
        )
        self._refusals = Counter(
            "croupier_call_errors",
            "Failed calls, and plays refused in batches and streams, by method and reason.",
            ["method", "reason"],
            registry=self.registry,
        )

    def observer(self, method: str) -> Observe:
        """Where one method reports its calls."""
        seconds, refusals = self._seconds.labels(method), self._refusals

        def observe(reason: str, duration_s: float) -> None:
            seconds.observe(duration_s)
            if reason:
                refusals.labels(method, reason).inc()

        return observe

    def refusals(self, method: str) -> Callable[[str], None]:
        """Where one method reports the reason of each play that it refused in a call that succeeds."""
        return lambda reason: self._refusals.labels(method, reason).inc()

    def watch(self, owner: Taker) -> None:
        """Adds the runner's own counts."""
        self.registry.register(_RunnerCollector(owner))


class _RunnerCollector(Collector):
    def __init__(self, owner: Taker) -> None:
        self._owner = owner

    def collect(self) -> Iterator[Metric]:
        counts = self._owner.runner.counts
        for name, text, value in (
            ("rounds", "Rounds played and committed.", counts.rounds),
            ("store_commits", "Transactions handed to the store.", counts.commits),
            ("store_writes", "Conditional writes, one a wallet and transaction.", counts.writes),
            ("store_writes_refused", "Conditional writes that lost a race.", counts.refused_writes),
            ("store_writes_unknown", "Conditional writes whose fate was unknown at first.", counts.unknown_writes),
            ("store_writes_unresolved", "Conditional writes whose fate stayed unknown.", counts.unresolved_writes),
            ("entries", "Ledger entries committed.", counts.entries),
            ("calls_expired", "Calls dropped before a decision because their deadline had passed.", counts.expired_calls),
        ):
            yield CounterMetricFamily(f"croupier_{name}", text, value=value)
        yield CounterMetricFamily("croupier_store_commit_seconds", "Time spent in commits.", value=counts.commit_s)
        yield GaugeMetricFamily("croupier_queue_calls", "Calls that wait for an answer.", value=self._owner.queued)
        yield GaugeMetricFamily("croupier_cached_wallets", "Wallets in the cache.", value=self._owner.runner.cached_wallets)
        yield GaugeMetricFamily("croupier_serving", "1 while the store is in service.", value=0 if self._owner.runner.failure else 1)
