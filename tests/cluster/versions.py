"""A version of Croupier other than the one under test, ready to run: the newest released one that knows the Cassandra store."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.cluster.node import Node
from tests.cluster.wheels import install
from tests.faults.launcher import die_with_parent
from tests.faults.process import START_S_MAX, Server
from tests.golden.versions import tagged
from tests.golden.versions.tagged import ROOT

KNOWS_CASSANDRA = "pyserver/croupier/stores/cassandra/store.py"
OTHER = "0.0.0+other"


class Version(NamedTuple):
    """What can be started in place of the version under test."""

    name: str
    """As its nodes say of themselves."""
    sources: Path
    """Holds the package."""
    about: str
    """Which one it is, for people."""


def other_version(folder: Path) -> Version:
    """The newest release before this version that knows the Cassandra store, or, where this clone has none, this one under another number."""
    known = [tag for tag in tagged.COMMITS if tagged.is_at_hand(tag) and tagged.holds(tag, KNOWS_CASSANDRA) and not tagged.is_here(tag)]
    if not known:
        return Version(
            OTHER,
            _renumbered(folder),
            "this clone has no commit of an earlier release that knows the Cassandra store: this one stands in for it, under another number",
        )
    tag = known[-1]
    installed = install(tag, folder)
    command = [sys.executable, "-c", "import croupier; print(croupier.__path__[0], croupier.VERSION)"]
    ran = subprocess.run(command, env=_environment(installed.sources), cwd=folder, capture_output=True, text=True, check=True)
    found, _, named = ran.stdout.strip().rpartition(" ")
    assert Path(found) == installed.sources / "croupier", f"{found} would run in place of {installed.sources}"
    return Version(named, installed.sources, f"{tag} (commit {tagged.COMMITS[tag][:12]}), {installed.about}")


async def start_as(node: Node, version: Version | None) -> None:
    """Starts a node that has ended, in that version; None is the one under test."""
    if version is None:
        await node.start()
        return
    file = node.folder / "settings.toml"
    arguments = ["serve", "--demo", "--listen", node.address, "--data-dir", str(node.folder), "--config", str(file)]
    with (node.folder / "server.log").open("a") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "croupier", *arguments, stdout=-1, stderr=log, env=_environment(version.sources), cwd=node.folder, preexec_fn=die_with_parent
        )  # fmt: skip
    node.becomes(await asyncio.wait_for(Server.serving(node.folder, process), START_S_MAX))


def _environment(sources: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(sources)}


def _renumbered(folder: Path) -> Path:
    """The package under test, all of it by links but for the file that says the number."""
    package, sources = ROOT / "pyserver/croupier", folder / "renumbered"
    (sources / "croupier").mkdir(parents=True)
    for path in package.iterdir():
        if path.name not in {"__init__.py", "__pycache__"}:
            (sources / "croupier" / path.name).symlink_to(path)
    (sources / "croupier/__init__.py").write_text(f'"""Another version."""\n\nVERSION = "{OTHER}"\n')
    return sources
