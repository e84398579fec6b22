"""Programs and libraries that the fault suite needs beside the cluster's own, fetched once and kept outside the repository."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.interop.programs import cache_folder, go_program, ran

_TOXIPROXY = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0"
_FAKETIME = "libfaketimeMT.so.1"
"""The build for programs with threads."""


def toxiproxy() -> Path:
    """A proxy that delays and cuts what goes through it."""
    return go_program(_TOXIPROXY)


@cache
def faketime() -> Path | None:
    """The library that sets a process's clock; None where it is neither installed nor to be had by apt."""
    installed = sorted(Path("/usr/lib").glob(f"*/faketime/{_FAKETIME}"))
    kept = sorted((cache_folder() / "faketime").rglob(_FAKETIME))
    for found in (*installed, *kept):
        return found
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return None
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
        folder = Path(name)
        if subprocess.run(["apt-get", "download", "libfaketime"], cwd=folder, capture_output=True, check=False).returncode:
            return None
        (package,) = folder.glob("*.deb")
        ran(["dpkg", "-x", package, "unpacked"], folder)
        (folder / "unpacked").replace(cache_folder() / "faketime")
    return next((cache_folder() / "faketime").rglob(_FAKETIME), None)
