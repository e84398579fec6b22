"""What a node on Cassandra refuses to start on: one clear sentence each, and a name where the operator may accept it."""

from __future__ import annotations

import pytest
from msgspec import structs

from croupier.errors import StoreUnusable
from croupier.stores.cassandra import checks, schema
from croupier.stores.cassandra.checks import Durability, Finding, Node

GOOD = Node("10.0.0.1:9042", "eu", "5.0.9", {"paxos_variant": "v2", "commitlog_sync": "batch", "max_mutation_size": "16MiB"}, 3.0)


def node(version: str = "5.0.9", clock_ahead_ms: float = 0.0, **settings: str) -> Node:
    return structs.replace(GOOD, version=version, clock_ahead_ms=clock_ahead_ms, settings={**GOOD.settings, **settings})


@pytest.mark.parametrize(
    ("bad", "names", "accepted_by"),
    [
        (node(version="4.1.5"), "4.1.5 at 10.0.0.1:9042 is too old", ""),
        (node(version="4.0.12-SNAPSHOT"), "is too old", ""),
        (node(paxos_variant="v2_without_linearizable_reads"), "reads would miss money that was moved", ""),
        (node(paxos_variant="v1_without_linearizable_reads_or_rejected_writes"), "reads would miss money", ""),
        (node(paxos_variant="v1"), "paxos_variant is v1", "paxos_variant"),
        (node(commitlog_sync="periodic"), "power cut", "commitlog_sync"),
        (node(max_mutation_size="512KiB"), "max_mutation_size is 524288 bytes", ""),
        (node(clock_ahead_ms=7_000), "clocks are 7.0 s apart", "clocks"),
        (node(clock_ahead_ms=-6_500), "clocks are 6.5 s apart", "clocks"),
    ],
)
def test_unsafe_settings_are_refused(bad: Node, names: str, accepted_by: str) -> None:
    """Each unsafe setting of any server is refused in a sentence that names it, and accepted only where it may be, and only by its name."""
    findings = list(checks.of_nodes([GOOD, bad]))
    assert [finding.accepted_by for finding in findings] == [accepted_by]
    with pytest.raises(StoreUnusable, match=names):
        checks.refuse(findings, ["something_else"])
    if accepted_by:
        assert names in checks.refuse(findings, [accepted_by])[0]
    else:
        with pytest.raises(StoreUnusable):
            checks.refuse(findings, ["", "all"])


def test_safe_settings_are_not_refused() -> None:
    """Servers as they should be, with clocks a little apart, and 4.1 with its older names of settings."""
    older = node(version="4.1.6", commitlog_sync="group", commitlog_segment_size="32MiB", max_mutation_size="")
    assert list(checks.of_nodes([GOOD, node(clock_ahead_ms=-900), older, node(version="5.1")])) == []
    assert list(checks.of_nodes([])) == []


@pytest.mark.parametrize(
    ("replicas", "durability", "names"),
    [
        ({"eu": 3}, "local", ""),
        ({"eu": 1}, "local", ""),
        ({"eu": 3, "us": 3}, "local", "class local is for one region"),
        ({"us": 3}, "local", "no replicas in region eu"),
        ({"eu": 3, "us": 3}, "home", ""),
        ({"eu": 3, "us": 1}, "home", "the keyspace has 1 in us"),
        ({"eu": 1, "us": 1, "asia": 1}, "geo", ""),
        ({"eu": 3}, "geo", "class geo needs three replicas"),
        ({"eu": 1, "us": 1}, "geo", "class geo needs three replicas"),
        ({}, "geo", "but none; a node needs some"),
    ],
)
def test_too_few_replicas_are_refused(replicas: dict[str, int], durability: Durability, names: str) -> None:
    """Each class needs its replicas; what would let two regions decide for one wallet cannot be accepted."""
    findings = list(checks.of_replicas(replicas, durability, "eu"))
    assert len(findings) == bool(names)
    if names:
        with pytest.raises(StoreUnusable, match=names):
            checks.refuse(findings, ["commitlog_sync"])
        assert findings[0].accepted_by in ("", "replicas") and (durability != "local" or not findings[0].accepted_by)


@pytest.mark.parametrize(
    ("replicas", "durability", "names"),
    [
        ({"eu": 3, "us": 3}, "geo", "play stops when region eu or us is lost: 4 of 6"),
        ({"eu": 3, "us": 3, "witness": 1}, "geo", ""),
        ({"eu": 1, "us": 1, "asia": 1}, "geo", ""),
        ({"eu": 5, "us": 1, "asia": 1}, "geo", "region eu is lost"),
        ({"eu": 1}, "local", "play stops when a node of Cassandra is lost"),
        ({"eu": 3}, "local", ""),
        ({"eu": 3, "us": 3}, "home", "no region can be given up, nor a wallet be made, when region eu or us is lost: 4 of 6"),
        ({"eu": 3, "us": 3, "witness": 1}, "home", ""),
    ],
)
def test_what_a_loss_would_stop_is_said_at_the_start(replicas: dict[str, int], durability: Durability, names: str) -> None:
    """Two equal regions are both needed, and a witness is recommended."""
    said = checks.advice(replicas, durability, "eu")
    assert bool(said) == bool(names) and names in said


def test_refusals_keep_their_order_and_accepted_ones_are_said() -> None:
    """Accepted findings are told; the first that is not stops the start and says how to accept it."""
    findings = [Finding("one.", "a"), Finding("two", "b"), Finding("three")]
    with pytest.raises(StoreUnusable, match=r'two; mend it, or accept it by name: cassandra.accept = \["b"\]'):
        checks.refuse(findings, ["a"])
    with pytest.raises(StoreUnusable, match=r"^three$"):
        checks.refuse(findings, ["a", "b"])
    assert checks.refuse(findings[:2], ["b", "a"]) == ["accepted as a: one.", "accepted as b: two"]


def test_the_schema_only_adds() -> None:
    """Every statement of every version may be run again: it makes what is not there, and neither drops nor changes anything."""
    statements = [statement for version in schema.migrations() for statement in version]
    assert statements
    for statement in statements:
        assert statement.startswith(("CREATE TABLE IF NOT EXISTS", "ALTER TABLE")), statement
        assert "ADD IF NOT EXISTS" in statement or statement.startswith("CREATE"), statement


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (schema.SchemaVersion(0), "has schema version 0, this program needs"),
        (schema.SchemaVersion(0, "node-1", 5, "geo"), "a migration of the keyspace to version 1 was begun by node-1 and has not ended"),
        (schema.SchemaVersion(99, "", 0, "geo", 98), "has schema version 99, for programs that know version 98, and this one knows"),
        (schema.SchemaVersion(len(schema.migrations()), "", 0, "home"), "was made for durability class home, not geo"),
    ],
)
def test_another_schema_is_refused(found: schema.SchemaVersion, names: str) -> None:
    """A keyspace that is old, half migrated, only for newer programs or of another class is refused in one sentence."""
    with pytest.raises(StoreUnusable, match=names):
        schema.refuse(found, "geo")


@pytest.mark.parametrize("by", ["", "node-9"])
def test_what_a_newer_program_only_added_is_no_refusal(by: str) -> None:
    """A node of this version may start, and start again, on a keyspace that the next version has added to or is adding to."""
    newest = len(schema.migrations())
    schema.refuse(schema.SchemaVersion(newest + 1, by, 5 if by else 0, "geo", newest), "geo")
    schema.refuse(schema.SchemaVersion(newest, by, 5 if by else 0, "geo", newest), "geo")
