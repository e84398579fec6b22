"""The golden scenarios through the Python client against a live server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from croupier_client import new_id
from tests.integration.live import LiveServer
from tests.integration.scenarios import FOLDER, Scenario


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("scenarios")) as server:
        yield server


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_scenario(server: LiveServer, path: Path) -> None:
    """Every call of the scenario comes out as written; clients/go plays the same files."""
    Scenario(path, server.address, _names(server)).run()


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"amountMicros": "20000000", "balanceMicros": "30000000", "revision": "2"', '"balanceMicros": "30000001"'),
        ('"reason": "INSUFFICIENT_FUNDS"', '"reason": "LIMIT_EXCEEDED"'),
        ('{"balance_micros": "50000000"}', '{"balance_micros": "50000001"}'),
        ('"same": "deposit"', '"same": "withdrawal"'),
        ('{"page": "nextPageToken"}', '{"page": "noSuchField"}'),
    ],
)
def test_a_wrong_expectation_fails(server: LiveServer, tmp_path: Path, right: str, wrong: str) -> None:
    """The runner itself: a scenario that expects something else does not pass."""
    text = (FOLDER / "wallet.json").read_text(encoding="utf-8")
    assert right in text
    path = tmp_path / "wrong.json"
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises((AssertionError, KeyError)):
        Scenario(path, server.address, _names(server)).run()


def _names(server: LiveServer) -> dict[str, str]:
    facts = server.facts
    return {"operator": facts["operator"], "player": new_id(), "operatorKey": facts["operator_key"], "adminKey": facts["admin_key"]}
