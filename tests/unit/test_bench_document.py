"""The performance document takes results: every block that it has is known, and is filled with a table."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bench import paste, targets
from tests.repo.sources import ROOT

DOCUMENT = (ROOT / "docs/performance.md").read_text()
SPREAD = {"median": 2.0, "min": 1.5, "max": 2.5}
MACHINE = {
    "cores": 2,
    "processor": "p",
    "memory_gib": 24.0,
    "file_system": "ext4",
    "kernel": "6",
    "python": "3.11",
    "time": "t",
    "load_before": 0.1,
    "commit": "c",
}


def test_every_block_is_known() -> None:
    """The document's marks name blocks that the results fill, each once."""
    assert sorted(re.findall(r"<!-- bench: (\w+) -->", DOCUMENT)) == sorted(paste.BLOCKS)
    assert DOCUMENT.count("<!-- end -->") == len(paste.BLOCKS)


def test_a_block_is_filled(tmp_path: Path) -> None:
    """What was in it goes, the marks stay, and blocks without results are left alone."""
    found = {"machine": MACHINE, "play_64": {"ratio": SPREAD}}
    (tmp_path / "quick.json").write_text(json.dumps(found))
    text = "a\n<!-- bench: targets -->\nold\n<!-- end -->\nb\n<!-- bench: profile -->\nkept\n<!-- end -->\n"
    filled = paste.filled(text, tmp_path)
    assert "old" not in filled
    assert "kept" in filled
    assert "| Play at 64 callers over the bare grpc.aio echo | **2.00** (1.50-2.50) | at least 6 |" in filled
    assert paste.filled(filled, tmp_path) == filled


def test_the_last_line_has_what_was_measured() -> None:
    """A figure whose section was left out is left out, not made up."""
    assert targets.last_line({"play_64": {"ratio": SPREAD}}) == {"play_vs_echo": 2.0}


def test_every_figure_is_explained() -> None:
    """bench/README.md says what each name of the last line is."""
    explained = (ROOT / "bench/README.md").read_text()
    assert [target.name for target in targets.TARGETS if f"| {target.name} |" not in explained] == []
