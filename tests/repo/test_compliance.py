"""docs/compliance.md leaves no requirement out, and each proof that it names is there."""

from __future__ import annotations

import re

import pytest

from tests.repo.sources import ROOT

ROW = re.compile(r"^\| ([RFGJPSW]\d+) \| (.+?) \| (built|partly|not built|elsewhere) \| (.+) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "compliance.md").read_text())
COUNTS = {"R": 15, "F": 8, "G": 8, "J": 12, "P": 7, "S": 14, "W": 8}
"""How many requirements each chapter has."""


def test_no_requirement_is_left_out() -> None:
    """Every id stands there once, with a state."""
    assert [row[0] for row in ROWS] == [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]


@pytest.mark.parametrize(("id_", "state", "text"), [(row[0], row[2], row[3]) for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_claim_names_a_proof_that_exists(id_: str, state: str, text: str) -> None:
    """What is called built names a file that is there; so does every file that any row names."""
    paths = [path for path in re.findall(r"`([^`]+)`", text) if re.search(r"\.(py|rs|md)$", path)]
    missing = [path for path in paths if not (ROOT / path).is_file()]
    assert not missing, f"{id_} names what is not there"
    assert state != "built" or any(path.startswith(("tests/", "engine_core/")) for path in paths), f"{id_} is called built without a test"
