"""Puts the last results into docs/performance.md, between its marks: `<!-- bench: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import report, stages, targets

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
_BLOCK = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

BLOCKS: dict[str, tuple[str, Callable[[dict[str, Any]], list[str]]]] = {
    "targets": ("quick.json", targets.table),
    "rates": ("quick.json", report.rates),
    "memory": ("memory.json", lambda found: report.memory(found["memory"])),
    "profile": ("profile.json", stages.table),
}
"""The file of results and what to make of it, by the name of the block."""


def filled(text: str, results: Path) -> str:
    """The document with every block that there are results for."""

    def fill(block: re.Match[str]) -> str:
        file, rows = BLOCKS[block[2]]
        path = results / file
        if not path.exists():
            return block[0]
        found = json.loads(path.read_text())
        return "\n".join([block[1].rstrip(), _where(found["machine"]), "", *rows(found), block[3]])

    return _BLOCK.sub(fill, text)


def _where(machine: dict[str, Any]) -> str:
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']:.0f} GiB, {machine['file_system']}, kernel {machine['kernel']}, "
        f"Python {machine['python']}; {machine['time']}, load before the run {machine['load_before']}, commit {machine['commit']}."
    )


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text(), RESULTS))
