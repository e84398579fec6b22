"""The wheel of a released version, built out of git by the toolchain that is here, once, and kept outside the repository by the release's commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.golden.versions import tagged
from tests.golden.versions.tagged import ROOT
from tests.interop.programs import cache_folder

RUST = ("engine_core", "pyserver/front", "pyserver/native", "proto")
"""What the native module is built from, but for the numbers of versions."""
_BUILT = ROOT / "target/release"
_REUSED = ("deps", "build", ".fingerprint")
"""What cargo keeps of the crates that it compiled."""


class Installed(NamedTuple):
    """A released version in a folder of its own."""

    sources: Path
    """Holds the package."""
    about: str
    """How it came there, for people."""


def install(tag: str, folder: Path) -> Installed:
    """Installs the released version into `folder`: from its wheel, or where that would take minutes for the same Rust, with the native module of here."""
    rust = "its Rust is byte by byte that of today" if tagged.is_as_here(tag, *RUST) else "its Rust is not that of today"
    kept = cache_folder() / "versions" / tagged.COMMITS[tag]
    wheels, seconds = list(kept.glob("*.whl")), 0.0
    if not wheels and not (_BUILT / "deps").exists() and tagged.is_as_here(tag, *RUST):
        return Installed(
            _with_todays_module(tag, folder), f"out of git with today's native module, since {rust} and nothing of it is built yet"
        )
    if not wheels:
        began = time.monotonic()
        wheels = [_build(tag, kept)]
        seconds = time.monotonic() - began
    site = folder / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
    ]
    subprocess.run([*pip, str(wheels[0])], check=True)
    how = f"built now in {seconds:.0f} s" if seconds else "built before"
    return Installed(site, f"its wheel, {how}; {rust}")


def _build(tag: str, kept: Path) -> Path:
    """Builds the wheel. What cargo compiled here of others' crates is copied, not shared: in one folder the two versions' modules would have one name."""
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept) as name:
        work = Path(name)
        sources = tagged.unpack(tag, work)
        for part in _REUSED:
            if (_BUILT / part).exists():
                shutil.copytree(_BUILT / part, work / "target/release" / part, symlinks=True)
        command = [sys.executable, "-m", "maturin", "build", "--release", "--locked", "--quiet", "--out", str(work / "wheels")]
        environment = {**os.environ, "CARGO_TARGET_DIR": str(work / "target"), "PYO3_PYTHON": sys.executable}
        done = subprocess.run(command, cwd=sources, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (wheel,) = (work / "wheels").glob("*.whl")
        return wheel.replace(kept / wheel.name)


def _with_todays_module(tag: str, folder: Path) -> Path:
    sources = tagged.unpack(tag, folder, "pyserver/croupier") / "pyserver"
    (module,) = (ROOT / "pyserver/croupier").glob("_engine*.so")
    shutil.copy(module, sources / "croupier" / module.name)
    return sources
