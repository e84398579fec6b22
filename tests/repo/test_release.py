"""One number names the version wherever it stands, and what was released is pinned and recorded."""

from __future__ import annotations

import tomllib

from croupier import VERSION
from tests.golden.versions import tagged
from tests.repo.sources import ROOT


def test_one_number() -> None:
    """The server, its wheel, the Python client and the crates say the same version."""
    projects = [tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"] for folder in ("", "clients/python")]
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    own = [package["version"] for package in locked if "source" not in package]
    assert {VERSION} == {*(project["version"] for project in projects), workspace["version"], *own}


def test_releases_are_pinned_in_order_and_recorded() -> None:
    """Each release has a commit, and what it stored and said is kept; all of them came before the version that is worked on."""
    numbers = [tuple(map(int, tag.removeprefix("v").split("."))) for tag in tagged.COMMITS]
    assert numbers == sorted(numbers) and numbers[-1] < tuple(map(int, VERSION.split(".")))
    assert list(tagged.COMMITS) == tagged.RECORDED
    assert all(len(commit) == 40 for commit in tagged.COMMITS.values())
