"""The cluster as one table for people, and as one value for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from croupier.cli.cluster_facts import Facts
from croupier.cli.output import table
from croupier.config import Config
from croupier.stores.cassandra.checks import CLOCKS_APART_MAX_MS

Clocks = Mapping[str, int | None]
"""How far each node's clock is ahead of this machine's, in milliseconds, as far as it was asked and told."""


def overview(settings: Config, facts: Facts, clocks: Clocks, problems: Sequence[str]) -> str:
    """Everything that runs, a line each; then what holds for all of it; then what is wrong."""
    rows: list[tuple[str, ...]] = [("KIND", "NAME", "REGION", "ADDRESS", "STATE", "LOAD", "CLOCK", "VERSION", "TERMS")]
    rows += _nodes(facts, clocks) + _servers(facts) + _members(facts)
    return "\n".join((table(rows), "", *_summary(settings, facts), *(f"problem: {problem}" for problem in problems)))


def value_of(settings: Config, facts: Facts, clocks: Clocks, problems: Sequence[str]) -> dict[str, Any]:
    """The same for programs."""
    view, store = (facts.etcd.view if facts.etcd else None), facts.store
    return {
        "nodes": [{**structs.asdict(member), "clock_ahead_ms": clocks.get(member.node)} for member in view.members] if view else [],
        "terms": {
            name: {
                "node": queue[0].node,
                "fence": queue[0].fence,
                "since_ms": queue[0].since_ms,
                "waiting": [one.node for one in queue[1:]],
            }
            for name, queue in (view.terms if view else {}).items()
            if queue
        },
        "paused": structs.asdict(view.paused) if view and view.paused else None,
        "etcd": [structs.asdict(member) for member in facts.etcd.members] if facts.etcd else [],
        "durability": settings.cassandra.durability if store else None,
        "keyspace": settings.cassandra.keyspace if store else None,
        "schema_version": store.schema_version if store else None,
        "replicas": store.replicas if store else {},
        "store": [structs.asdict(server) for server in store.servers] if store else [],
        "given_up": store.given_up if store else {},
        "advice": store.advice if store else "",
        "problems": list(problems),
    }


def clock_problems(clocks: Clocks) -> list[str]:
    """Nodes whose clocks are too far from this machine's: ids are made, and windows of time kept, by them."""
    limit_s = CLOCKS_APART_MAX_MS // 1000
    return [
        f"the clock of {node} is {abs(ahead_ms) / 1000:.1f} s {'ahead of' if ahead_ms > 0 else 'behind'} this machine's, more than {limit_s} s"
        for node, ahead_ms in clocks.items()
        if ahead_ms is not None and abs(ahead_ms) > CLOCKS_APART_MAX_MS
    ]


def _nodes(facts: Facts, clocks: Clocks) -> list[tuple[str, ...]]:
    view = facts.etcd.view if facts.etcd else None
    if view is None:
        return []
    held = {name: queue[0] for name, queue in view.terms.items() if queue and queue[0].fence}
    rows: list[tuple[str, ...]] = []
    for member in view.members:
        terms = ", ".join(f"{name} ({term.fence})" for name, term in sorted(held.items()) if term.node == member.node)
        load, state = f"{member.load_permille / 10:.0f} %", member.state.replace("_", " ")
        clock = clocks.get(member.node)
        shown = "" if clock is None else _clock(clock)
        rows.append(("node", member.node, member.region, member.address, state, load, shown, member.version, terms))
    return rows


def _servers(facts: Facts) -> list[tuple[str, ...]]:
    if facts.store is None:
        return []
    rows: list[tuple[str, ...]] = []
    for server in facts.store.servers:
        clock = "" if server.problem else _clock(server.clock_ahead_ms)
        rows.append(("cassandra", "", server.region, server.address, "down" if server.problem else "up", "", clock, server.version, ""))
    return rows


def _members(facts: Facts) -> list[tuple[str, ...]]:
    members = facts.etcd.members if facts.etcd else ()
    return [("etcd", "", "", member.endpoint, "down" if member.problem else "up", "", "", "", "") for member in members]


def _summary(settings: Config, facts: Facts) -> list[str]:
    lines: list[str] = []
    if facts.store is not None:
        replicas = ", ".join(f"{region} {count}" for region, count in sorted(facts.store.replicas.items())) or "unknown"
        keyspace = f"keyspace {settings.cassandra.keyspace}, schema version {facts.store.schema_version}"
        up = sum(not server.problem for server in facts.store.servers)
        answer = f"{up} of {len(facts.store.servers)} servers answer"
        lines.append(f"store: {answer}, class {settings.cassandra.durability}, {keyspace}, replicas: {replicas}")
        paxos = [server.paxos_mib for server in facts.store.servers if server.paxos_mib is not None]
        lines += [f"Paxos state: {max(paxos)} MiB at most on a server"] if paxos else []
        lines += [
            f"given up: region {lost}; {heir} decides for its wallets until croupier cluster region take-back {lost}"
            for lost, heir in facts.store.given_up.items()
        ]
        lines += [f"note: {facts.store.advice}"] if facts.store.advice else []
    if facts.etcd is not None:
        up = sum(not member.problem for member in facts.etcd.members)
        lines.append(f"etcd: {up} of {len(facts.etcd.members)} members answer under {settings.etcd.prefix}{_standing(facts)}")
    return lines


def _standing(facts: Facts) -> str:
    view = facts.etcd.view if facts.etcd else None
    if view is None:
        return ""
    if view.paused is None:
        return "; singletons move freely"
    since = datetime.fromtimestamp(view.paused.since_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"; PAUSED by {view.paused.by} since {since}" + (f": {view.paused.reason}" if view.paused.reason else "")


def _clock(ahead_ms: int) -> str:
    return f"{ahead_ms:+d} ms"
