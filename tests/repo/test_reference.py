"""The exact figures in docs/reference.md are those of the PAR sheets."""

from __future__ import annotations

import json
import re

import pytest

from tests.repo.sources import ROOT

ROW = re.compile(r"^\| ([a-z0-9-]+) \| ([a-z ]+) \| .+? \| (\d+/\d+) \| ([\d.]+) % \| ", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "reference.md").read_text())


def test_the_table_is_found() -> None:
    """All eleven bets are checked below."""
    assert len(ROWS) == 11


@pytest.mark.parametrize(("model", "bet", "exact", "value"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_exact_figures_are_those_of_the_par_sheet(model: str, bet: str, exact: str, value: str) -> None:
    """The fraction and its decimal form."""
    sheet = json.loads((ROOT / "pyserver" / "croupier" / "models" / f"{model}.par.json").read_text())
    label = "" if bet == "reference bet" else bet
    found = next(one for one in sheet["bets"] if one["bet"].startswith(label))["return"]
    assert found["exact"] == exact
    assert f"{found['value'] * 100:.4f}" == value
