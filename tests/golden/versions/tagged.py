"""The sources of a tagged version, out of git; they may be absent, as in a clone without tags."""

from __future__ import annotations

import io
import subprocess
import tarfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
RECORDED = sorted(folder.name for folder in HERE.glob("v*") if folder.is_dir())
"""Tags of the versions whose rows and messages are kept here."""


def is_tagged(tag: str) -> bool:
    """Whether the repository knows the tag."""
    return tag in tags()


@cache
def tags() -> tuple[str, ...]:
    """Every version that this repository has a tag of, oldest first; none where it is no clone."""
    ran = subprocess.run(["git", "tag", "--list", "v*", "--sort=version:refname"], cwd=ROOT, capture_output=True, text=True, check=False)
    return tuple(ran.stdout.split())


def holds(tag: str, path: str) -> bool:
    """The tagged version has this file."""
    return subprocess.run(["git", "cat-file", "-e", f"{tag}:{path}"], cwd=ROOT, capture_output=True, check=False).returncode == 0


def is_here(tag: str) -> bool:
    """Whether the tagged version is the one that is checked out."""
    commits = subprocess.run(
        ["git", "rev-parse", f"{tag}^{{commit}}", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return commits[0] == commits[1]


def unpack(tag: str, folder: Path, *paths: str) -> Path:
    """Writes the tag's files under `paths` into a folder of their own below `folder`; that folder."""
    archive = subprocess.run(["git", "archive", "--format=tar", tag, *paths], cwd=ROOT, capture_output=True, check=True).stdout
    into = folder / tag
    into.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(into, filter="data")
    return into
