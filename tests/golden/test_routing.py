"""Server and client agree on which node a wallet prefers, by one table that every SDK is held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from croupier.cluster import routing as server
from croupier.cluster.membership import Member
from croupier_client import routing as client

TABLE = json.loads(Path(__file__).with_name("routing.json").read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["wallet"])
def test_both_compute_the_table(row: dict[str, Any]) -> None:
    """Weights, the preferred node, and the order of those that follow when it is gone."""
    nodes, wallet = list(row["weights"]), row["wallet"]
    assert {node: str(client.weight(node, wallet)) for node in nodes} == row["weights"]
    assert {node: str(server.weight(node, wallet)) for node in nodes} == row["weights"]
    assert client.ranked(nodes, wallet) == row["order"]
    members = [Member(node, "here", f"{node}:7400", "1", "serving", 0, 0) for node in nodes]
    for best in row["order"]:
        preferred = server.preferred(wallet, members, "here")
        assert preferred is not None
        assert preferred.node == best
        members = [member for member in members if member.node != best]
