"""What a node refuses to start on, decided from what the servers tell about themselves: pure.

A refusal may be accepted by the operator, by the name that it gives, in `cassandra.accept`; those that would break the promise outright have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from croupier.errors import StoreUnusable
from croupier.stores.cassandra.partition import MAX_WRITE_BYTES

OLDEST = (4, 1, 6)
"""The oldest Cassandra whose Paxos is known to keep its word."""
CLOCKS_APART_MAX_MS = 5_000
SETTINGS = ("paxos_variant", "commitlog_sync", "max_mutation_size", "commitlog_segment_size", "write_request_timeout")

Durability = Literal["local", "home", "geo"]


class Node(Struct, frozen=True):
    """What one server says of itself."""

    address: str
    region: str
    version: str
    settings: Mapping[str, str]
    clock_ahead_ms: float
    """Of this program's own clock, by at least so much; below 0 where it is behind."""
    paxos_mib: int | None = None
    """How much disk its promises take (system.paxos), in MiB; None where the login may not see it."""


class Look(Struct, frozen=True):
    """What one server tells that may change while it runs."""

    address: str
    ahead_ms: float
    """See Node.clock_ahead_ms."""
    paxos_mib: int | None = None
    """See Node.paxos_mib."""


class Finding(Struct, frozen=True):
    """Something that is not as it must be."""

    sentence: str
    accepted_by: str = ""
    """The name in `cassandra.accept` that lets the node start all the same; empty where nothing does."""


def refuse(findings: Iterable[Finding], accept: Sequence[str]) -> list[str]:
    """Raises StoreUnusable for the first finding that is not accepted; sentences about those that are."""
    accepted: list[str] = []
    for finding in findings:
        if not finding.accepted_by or finding.accepted_by not in accept:
            how = f'; mend it, or accept it by name: cassandra.accept = ["{finding.accepted_by}"]' if finding.accepted_by else ""
            raise StoreUnusable(finding.sentence + how)
        accepted.append(f"accepted as {finding.accepted_by}: {finding.sentence}")
    return accepted


def of_nodes(nodes: Sequence[Node]) -> Iterator[Finding]:
    """What the servers' own settings lack."""
    for node in nodes:
        yield from _of_node(node)
    yield from of_clocks([Look(node.address, node.clock_ahead_ms) for node in nodes])


def of_clocks(clocks: Sequence[Look]) -> Iterator[Finding]:
    """What the servers' clocks lack."""
    apart = apart_ms(clocks)
    if apart > CLOCKS_APART_MAX_MS:
        first, last = min(clocks, key=lambda one: one.ahead_ms), max(clocks, key=lambda one: one.ahead_ms)
        servers = " and ".join(dict.fromkeys((first.address, last.address)))
        between = f"this node{', ' if first.address != last.address else ' and '}{servers}"
        yield Finding(f"clocks are {apart / 1000:.1f} s apart between {between}, more than {CLOCKS_APART_MAX_MS // 1000} s", "clocks")


def apart_ms(clocks: Iterable[Look]) -> float:
    """How far the clocks are apart, this program's own included, at least."""
    ahead = [0.0, *(clock.ahead_ms for clock in clocks)]
    return max(ahead) - min(ahead)


def ahead_ms(before_ms: float, then_ms: float, after_ms: float) -> float:
    """How far a clock that told `then_ms` is ahead of the one that told the other two, before it was asked and once it had answered: by at least so much."""
    return max(then_ms - after_ms, 0) or min(then_ms - before_ms, 0)


def of_replicas(replicas: Mapping[str, int], durability: Durability, region: str) -> Iterator[Finding]:
    """What the keyspace's replicas, by region, lack for the class."""
    total = sum(replicas.values())
    if region not in replicas:
        yield Finding(f"the keyspace has no replicas in region {region}, but {_listed(replicas)}; a node needs some in its own region")
    elif durability == "local":
        if len(replicas) > 1:
            yield Finding(
                f"class local is for one region, and the keyspace has {_listed(replicas)}: each would decide for itself, and money be spent twice"
            )
    elif durability == "geo":
        if total < 3 or len(replicas) < 2:
            yield Finding(
                f"class geo needs three replicas at least, over two regions or more; the keyspace has {_listed(replicas)}", "replicas"
            )
    elif durability == "home":
        for name, count in replicas.items():
            if count < 3:
                yield Finding(f"class home needs three replicas in each region; the keyspace has {count} in {name}", "replicas")


def advice(replicas: Mapping[str, int], durability: Durability, region: str) -> str:
    """What the operator should know of these replicas, though the node starts; empty where there is nothing to say."""
    total = sum(replicas.values())
    needed = [name for name, count in replicas.items() if total - count < total // 2 + 1]
    quorum = (
        f"{total // 2 + 1} of {total} replicas make a quorum; a third region with one replica and no engine nodes, a witness, mends that"
    )
    if durability == "geo" and needed:
        return f"play stops when region {' or '.join(needed)} is lost: {quorum}"
    if durability == "home" and needed:
        return f"no region can be given up, nor a wallet be made, when region {' or '.join(needed)} is lost: {quorum}"
    if durability == "local" and replicas.get(region, 0) < 3:
        return f"play stops when a node of Cassandra is lost: the keyspace has {replicas.get(region, 0)} replicas in {region}, and three survive one loss"
    return ""


def _of_node(node: Node) -> Iterator[Finding]:
    at, paxos, sync = node.address, node.settings.get("paxos_variant", ""), node.settings.get("commitlog_sync", "")
    if _version(node.version) < OLDEST:
        yield Finding(f"Cassandra {node.version} at {at} is too old; 5.0, or {'.'.join(map(str, OLDEST))} at least, is needed")
    if "without_linearizable_reads" in paxos:
        yield Finding(f"paxos_variant is {paxos} at {at}: reads would miss money that was moved; set paxos_variant: v2")
    elif paxos != "v2":
        yield Finding(
            f"paxos_variant is {paxos or 'not known'} at {at}; set paxos_variant: v2, and paxos_state_purging: repaired", "paxos_variant"
        )
    if sync not in ("batch", "group"):
        yield Finding(
            f"commitlog_sync is {sync or 'not known'} at {at}: a power cut takes back acknowledged rounds of its last seconds; set commitlog_sync: batch",
            "commitlog_sync",
        )
    mutation = _bytes(node.settings.get("max_mutation_size") or "") or _bytes(node.settings.get("commitlog_segment_size") or "") // 2
    if mutation < 2 * MAX_WRITE_BYTES:
        yield Finding(
            f"max_mutation_size is {mutation} bytes at {at}, too small for a wallet's batches; {2 * MAX_WRITE_BYTES} at least is needed"
        )


def _listed(replicas: Mapping[str, int]) -> str:
    return ", ".join(f"{count} in {name}" for name, count in sorted(replicas.items())) or "none"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _bytes(text: str) -> int:
    """A size as Cassandra writes it: 8MiB, 4096KiB."""
    match = re.fullmatch(r"(\d+)(B|KiB|MiB|GiB)", text)
    return int(match[1]) << {"B": 0, "KiB": 10, "MiB": 20, "GiB": 30}[match[2]] if match else 0
