"""A version of Croupier other than the one under test, ready to run: the newest tagged one that knows the Cassandra store."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.cluster.node import Node
from tests.faults.launcher import die_with_parent
from tests.faults.process import START_S_MAX, Server
from tests.golden.versions import tagged
from tests.golden.versions.tagged import ROOT
from tests.interop.programs import cache_folder

KNOWS_CASSANDRA = "pyserver/croupier/stores/cassandra/store.py"
NATIVE = ("pyserver/native", "engine_core", "proto", "Cargo.toml", "Cargo.lock", ".cargo")
"""What the native module is built from."""
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
    """The newest tagged version before this one that knows the Cassandra store, or, where there is none, this one under another number."""
    known = [tag for tag in tagged.tags() if tagged.holds(tag, KNOWS_CASSANDRA) and not tagged.is_here(tag)]
    if not known:
        return Version(
            OTHER,
            _renumbered(folder),
            "no earlier tagged version knows the Cassandra store: this one stands in for it, under another number",
        )
    tag = known[-1]
    sources = tagged.unpack(tag, folder, "pyserver/croupier") / "pyserver"
    module = _native(tag)
    shutil.copy(module, sources / "croupier" / module.name)
    command = [sys.executable, "-c", "import croupier; print(croupier.VERSION)"]
    named = subprocess.run(command, env=_environment(sources), cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    return Version(named, sources, f"{tag} out of its tag")


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


def _native(tag: str) -> Path:
    """The tag's native module: the one that is here where it is built from the same sources, otherwise built once and kept."""
    (here,) = (ROOT / "pyserver/croupier").glob("_engine*.so")
    if subprocess.run(["git", "diff", "--quiet", tag, "--", *NATIVE], cwd=ROOT, check=False).returncode == 0:
        return here
    kept = cache_folder() / "versions" / tag
    if not (kept / here.name).exists():
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        sources = tagged.unpack(tag, kept, *(path for path in NATIVE if tagged.holds(tag, path)))
        build = ["cargo", "build", "--release", "--locked", "--package", "croupier_native"]
        subprocess.run(build, cwd=sources, env={**os.environ, "PYO3_PYTHON": sys.executable}, check=True)
        shutil.copy(next((sources / "target/release").glob("*_engine.so")), kept / here.name)
        shutil.rmtree(sources)
    return kept / here.name
