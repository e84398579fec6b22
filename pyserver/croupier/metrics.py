"""What Prometheus sees. Names begin with croupier_; durations are seconds."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from croupier.cluster.membership import Elections, Membership
from croupier.door import Front
from croupier.runners.awaiting import Awaiting
from croupier.runners.load import LoadMeter
from croupier.runners.taker import Taker
from croupier.stores.cassandra.store import CassandraWrites
from croupier.stores.cassandra.watch import ServerWatch

LATENCY_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Archiving(Protocol):
    """What the archiver counts: see jobs/archive.py."""

    wallets: int
    entries: int
    failures: int

    @property
    def behind_s(self) -> float | None:
        """See Archiver.behind_s."""
        ...


Observe = Callable[[str, float], None]
"""Takes the reason of a refusal (empty for a success) and how long the call took in seconds."""


class Metrics:
    """Counts calls; what the runner counts is read when Prometheus asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "croupier_call_seconds", "How long calls took, by method.", ["method"], buckets=LATENCY_BUCKETS_S, registry=None
        )
        self._refusals = Counter(
            "croupier_call_errors",
            "Failed calls, and plays refused in batches and streams, by method and reason.",
            ["method", "reason"],
            registry=None,
        )
        self._peer_calls = Counter(
            "croupier_peer_calls",
            "Calls taken to the node that is preferred for their wallet, by what came of it.",
            ["result"],
            registry=self.registry,
        )
        self._calls = _CallCollector(self._seconds, self._refusals)
        self.registry.register(self._calls)

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

    def peer_calls(self, result: str) -> None:
        """Counts a call that was taken to another node: "answered", "refused" there, or "unanswered"."""
        self._peer_calls.labels(result).inc()

    def watch_door(self, front: Front) -> None:
        """Adds what the front door counts itself: its calls' latencies, and those that it ended."""
        self._calls.front = front
        self.registry.register(_DoorCollector(front))

    def watch_cluster(self, membership: Membership, elections: Elections) -> None:
        """Adds the members that are known, and the terms that are held."""
        self.registry.register(_ClusterCollector(membership, elections))

    def watch_servers(self, servers: ServerWatch) -> None:
        """Adds how far the clocks of the store's servers and the node's own are apart, and how large the servers' Paxos state is."""
        self.registry.register(_ServerCollector(servers))

    def watch_archiving(self, archiving: Archiving) -> None:
        """Adds what the archiver did here, and where it holds the term how far it is behind."""
        self.registry.register(_ArchiveCollector(archiving))

    def watch(self, owner: Taker, load: LoadMeter) -> None:
        """Adds the runner's own counts."""
        self.registry.register(_RunnerCollector(owner, load))
        store = owner.runner.store
        if isinstance(store, CassandraWrites):
            self.registry.register(_CassandraCollector(store))


class _CallCollector(Collector):
    """Calls of both doors, as two families: a hot method that came through the front door was timed there."""

    def __init__(self, seconds: Histogram, refusals: Counter) -> None:
        self.front: Front | None = None
        self._seconds = seconds
        self._refusals = refusals

    def collect(self) -> Iterator[Metric]:
        (seconds,), (refusals,) = self._seconds.collect(), self._refusals.collect()
        for path, buckets, sum_us, ended in self.front.method_counts() if self.front else ():
            method, calls = {"method": path}, 0
            for bound, count in zip((*map(str, LATENCY_BUCKETS_S), "+Inf"), buckets, strict=True):
                calls += count
                seconds.add_sample("croupier_call_seconds_bucket", {**method, "le": bound}, calls)
            seconds.add_sample("croupier_call_seconds_count", method, calls)
            seconds.add_sample("croupier_call_seconds_sum", method, sum_us / 1e6)
            for name, count in ended.items():
                _add(refusals, {**method, "reason": name.upper()}, count)
        yield seconds
        yield refusals


def _add(family: Metric, labels: dict[str, str], count: float) -> None:
    """Adds to a counter's sample, for what both doors may have counted."""
    for position, sample in enumerate(family.samples):
        if sample.name.endswith("_total") and sample.labels == labels:
            family.samples[position] = sample._replace(value=sample.value + count)
            return
    if count:
        family.add_sample("croupier_call_errors_total", labels, count)


class _DoorCollector(Collector):
    def __init__(self, front: Front) -> None:
        self._front = front

    def collect(self) -> Iterator[Metric]:
        counts = self._front.counts()
        yield GaugeMetricFamily("croupier_connections", "Connections that are open.", value=counts["connections"])
        yield CounterMetricFamily(
            "croupier_connections_refused", "Connections closed at once, because too many are open.", value=counts["connections_refused"]
        )
        yield GaugeMetricFamily("croupier_hot_calls", "Hot calls that wait for an answer.", value=counts["waiting"])
        yield GaugeMetricFamily("croupier_forwarded_calls", "Calls that are forwarded to gRPC's own server.", value=counts["forwarded"])


class _ClusterCollector(Collector):
    """What the node knows of the cluster, and what it leads."""

    def __init__(self, membership: Membership, elections: Elections) -> None:
        self._membership = membership
        self._elections = elections

    def collect(self) -> Iterator[Metric]:
        healthy = 1 if self._membership.healthy else 0
        yield GaugeMetricFamily("croupier_cluster_healthy", "1 while the node is a full member of its cluster.", value=healthy)
        members = GaugeMetricFamily("croupier_cluster_members", "Nodes that this one knows, itself included, by state.", labels=["state"])
        for state, count in Counts(member.state for member in self._membership.members).items():
            members.add_metric([state], count)
        yield members
        fences = GaugeMetricFamily("croupier_term_fence", "The fence of each term that this node holds.", labels=["singleton"])
        for term in self._elections.terms:
            fences.add_metric([term.singleton], term.fence)
        yield fences


class _CassandraCollector(Collector):
    """Every conditional write that was sent to Cassandra, by what became of it."""

    def __init__(self, store: CassandraWrites) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        counts = self._store.counts
        sent = CounterMetricFamily("croupier_cassandra_conditional", "Conditional statements, by what became of them.", labels=["result"])
        for result, value in (
            ("applied", counts.applied),
            ("refused", counts.refused),
            ("unknown", counts.unknown),
            ("unsent", counts.unsent),
        ):
            sent.add_metric([result], value)
        yield sent
        resolved = CounterMetricFamily(
            "croupier_cassandra_resolved", "Unknown writes of wallets that were sent again, by the definite answer.", labels=["result"]
        )
        resolved.add_metric(["applied"], counts.resolved_applied)
        resolved.add_metric(["refused"], counts.resolved_refused)
        yield resolved
        for name, text, value in (
            ("cassandra_partitions_closed", "Partitions of wallets closed by this node, because an epoch had ended.", counts.rolls),
            (
                "cassandra_partitions_opened",
                "Partitions opened by this node, after those that it or another node had closed.",
                counts.opened,
            ),
            ("cassandra_reads_failed", "Reads that no coordinator answered.", counts.reads_failed),
        ):
            yield CounterMetricFamily(f"croupier_{name}", text, value=value)


class _ServerCollector(Collector):
    def __init__(self, servers: ServerWatch) -> None:
        self._servers = servers

    def collect(self) -> Iterator[Metric]:
        apart = GaugeMetricFamily("croupier_clocks_apart_seconds", "How far this node's clock and those of Cassandra's servers are apart.")
        if self._servers.apart_s is not None:
            apart.add_metric([], self._servers.apart_s)
        yield apart
        paxos = GaugeMetricFamily("croupier_cassandra_paxos_mebibytes", "Disk that a server's Paxos state takes.", labels=["server"])
        for server, mebibytes in self._servers.paxos_mib.items():
            paxos.add_metric([server], mebibytes)
        yield paxos


class _ArchiveCollector(Collector):
    def __init__(self, archiving: Archiving) -> None:
        self._archiving = archiving

    def collect(self) -> Iterator[Metric]:
        archiving = self._archiving
        for name, text, value in (
            ("archive_wallets", "Wallets that this node looked at for the archive.", archiving.wallets),
            ("archive_entries", "Entries that this node copied into the archive.", archiving.entries),
            ("archive_failures", "Wallets passed over by the archiver, because something of theirs cannot be read.", archiving.failures),
        ):
            yield CounterMetricFamily(f"croupier_{name}", text, value=value)
        behind = GaugeMetricFamily(
            "croupier_archive_behind_seconds", "Everything older than the window and this is archived; told by the node that archives."
        )
        if archiving.behind_s is not None:
            behind.add_metric([], archiving.behind_s)
        yield behind


class _RunnerCollector(Collector):
    def __init__(self, owner: Taker, load: LoadMeter) -> None:
        self._owner = owner
        self._load = load

    def collect(self) -> Iterator[Metric]:
        counts = self._owner.runner.counts
        for name, text, value in (
            ("rounds", "Rounds played and committed.", counts.rounds),
            ("store_commits", "Transactions handed to the store.", counts.commits),
            ("store_writes", "Conditional writes, one a wallet and transaction.", counts.writes),
            (
                "store_writes_refused",
                "Conditional writes refused: the call was done before, or another writer was first.",
                counts.refused_writes,
            ),
            ("store_writes_unknown", "Conditional writes whose fate was unknown at first.", counts.unknown_writes),
            ("store_writes_unsent", "Conditional writes that could not be sent: no node of the store, or no quorum.", counts.unsent_writes),
            ("store_writes_unresolved", "Conditional writes whose fate stayed unknown.", counts.unresolved_writes),
            ("entries", "Ledger entries committed.", counts.entries),
            ("calls_expired", "Calls dropped before a decision because their deadline had passed.", counts.expired_calls),
        ):
            yield CounterMetricFamily(f"croupier_{name}", text, value=value)
        yield GaugeMetricFamily(
            "croupier_load", "How busy the node is: 0 idle, 1 where it turns calls away.", value=self._load.latest / 1_000
        )
        yield from _shedding(self._owner)
        yield CounterMetricFamily("croupier_store_commit_seconds", "Time spent in commits.", value=counts.commit_s)
        yield GaugeMetricFamily("croupier_queue_calls", "Calls that wait for an answer.", value=self._owner.queued)
        yield GaugeMetricFamily("croupier_owner_busy_seconds", "How long the batch at hand has taken so far.", value=self._owner.busy_s)
        yield GaugeMetricFamily("croupier_cached_wallets", "Wallets in the cache.", value=len(self._owner.runner.cached))
        yield GaugeMetricFamily("croupier_serving", "1 while the store is in service.", value=0 if self._owner.runner.failure else 1)


def _shedding(owner: Taker) -> Iterator[Metric]:
    """What a runner with a limit of writes adds."""
    if not isinstance(owner, Awaiting) or owner.shedding is None:
        return
    limiter = owner.shedding.limiter
    for name, text, value in (
        ("write_limit", "Writes that may be on their way before new rounds are turned away.", limiter.limit),
        ("writes_in_flight", "Writes that are on their way to the store.", owner.writing),
        ("write_seconds", "The median time of a write lately.", limiter.latency_s),
        ("write_unloaded_seconds", "What a write takes without load, as far as that was seen.", limiter.unloaded_s),
    ):
        yield GaugeMetricFamily(f"croupier_{name}", text, value=value)
    shed = CounterMetricFamily("croupier_calls_shed", "Calls that were turned away at the limit, by class.", labels=["class"])
    for class_, count in owner.shedding.counts.items():
        shed.add_metric([class_], count)
    yield shed
