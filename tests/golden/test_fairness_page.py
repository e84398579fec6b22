"""docs/fairness.md keeps its word: the program on the page recomputes golden rounds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_page_recomputes_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier written from the page alone, with a ChaCha20 library that is not the engine's, gives the golden rounds (R5, R8)."""
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "fairness.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 1
    exec(compile(blocks[0], "docs/fairness.md", "exec"), {})
