"""The repository's own files, as git knows them, and what the rules leave out: generated code."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE_SUFFIXES = frozenset({".py", ".pyi", ".rs", ".proto", ".go", ".ts", ".java", ".sql", ".sh"})


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is committed or about to be, relative to the root; ignored ones are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(Path(name) for name in set(listed.split("\0")) if name and (ROOT / name).is_file()))


def sources() -> tuple[Path, ...]:
    """Hand-written source files, relative to the root."""
    return tuple(path for path in tracked() if path.suffix in SOURCE_SUFFIXES and not is_generated(path))


def is_generated(path: Path) -> bool:
    """Generated stubs live in folders named pb, and nowhere else."""
    return "pb" in path.parts


def text_of(path: Path) -> str:
    """A tracked file's text; what is not text reads as empty."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def report(offences: list[str], rule: str) -> str:
    """The message of a failed rule: the rule, then each offence on its own line."""
    return "\n  ".join([rule, *offences])
