"""The sources of a released version, out of git; they may be absent, as in a clone without history. RELEASES pins each by its commit: no tag is needed."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
RECORDED = sorted(folder.name for folder in HERE.glob("v*") if folder.is_dir())
"""Tags of the versions whose rows and messages are kept here."""
COMMITS = dict(line.split() for line in (HERE / "RELEASES").read_text().splitlines())
"""The commit of each released version by its tag, oldest first."""


def is_at_hand(tag: str) -> bool:
    """Whether this clone has the released version."""
    return tag in COMMITS and _git("cat-file", "-e", f"{COMMITS[tag]}^{{commit}}")


def holds(tag: str, path: str) -> bool:
    """The released version has this file."""
    return _git("cat-file", "-e", f"{COMMITS[tag]}:{path}")


def is_here(tag: str) -> bool:
    """Whether the released version is the one that is checked out."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    return COMMITS[tag] == head


def is_as_here(tag: str, *paths: str) -> bool:
    """Whether these files are, byte by byte, what they were in the released version."""
    return _git("diff", "--quiet", COMMITS[tag], "--", *paths)


def unpack(tag: str, folder: Path, *paths: str) -> Path:
    """Writes the released version's files under `paths`, or all of them, into a folder of their own below `folder`; that folder."""
    archive = subprocess.run(["git", "archive", "--format=tar", COMMITS[tag], *paths], cwd=ROOT, capture_output=True, check=True).stdout
    into = folder / tag
    into.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(into, filter="data")
    return into


def _git(*arguments: str) -> bool:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False).returncode == 0
