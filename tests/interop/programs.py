"""Programs from other languages that the tests run, installed at a pinned version and kept outside the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

NODE_CLIENT = Path(__file__).with_name("node")
GO_INTEROP_CLIENT = "google.golang.org/grpc/interop/client@v1.85.0"
H2SPEC = "github.com/summerwind/h2spec"
H2SPEC_MODULE = Path(__file__).with_name("h2spec")
SPEAKS_GRPC = (
    ('HeaderField(":method", "GET"),', 'HeaderField(":method", "POST"),'),
    (
        'HeaderField(":authority", authority),',
        'HeaderField(":authority", authority), HeaderField("content-type", "application/grpc"), HeaderField("te", "trailers"),',
    ),
)
"""What makes each request of h2spec a gRPC call. As it comes it sends GET, which a door for gRPC refuses at once with 405."""

needs_go = pytest.mark.skipif(shutil.which("go") is None and "CI" not in os.environ, reason="Go is not installed here")
needs_node = pytest.mark.skipif(shutil.which("npm") is None and "CI" not in os.environ, reason="Node is not installed here")


def cache_folder() -> Path:
    """$CROUPIER_TEST_CACHE, by default croupier-tests in the user's cache."""
    named = os.environ.get("CROUPIER_TEST_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "croupier-tests"


@cache
def go_program(package: str) -> Path:
    """The program of a Go package, named with its version: built by `go install` where it is not kept yet."""
    path, _, version = package.partition("@")
    built = cache_folder() / f"{path.rpartition('/')[2]}-{path.split('/')[1]}-{version}"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=built.parent) as folder:
            ran(["go", "install", package], Path(folder), GOBIN=folder)
            (Path(folder) / path.rpartition("/")[2]).replace(built)
    return built


@cache
def h2spec() -> Path:
    """h2spec, whose requests are gRPC calls, at the version that go.sum pins."""
    pinned = (H2SPEC_MODULE / "go.sum").read_bytes() + repr(SPEAKS_GRPC).encode()
    built = cache_folder() / f"h2spec-{hashlib.sha256(pinned).hexdigest()[:12]}"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=built.parent) as name:
            folder = Path(name)
            for file in ("go.mod", "go.sum"):
                shutil.copy(H2SPEC_MODULE / file, folder)
            ran(["go", "mod", "vendor"], folder)
            headers = folder / "vendor" / H2SPEC / "spec/util.go"
            text = headers.read_text()
            for said, wanted in SPEAKS_GRPC:
                assert text.count(said) == 1, f"{said} is not in h2spec's sources once"
                text = text.replace(said, wanted)
            headers.write_text(text)
            ran(["go", "build", "-mod=vendor", "-o", "program", f"{H2SPEC}/cmd/h2spec"], folder)
            (folder / "program").replace(built)
    return built


@cache
def node_client() -> Path:
    """The folder of the Node client with its packages installed, as the lock file pins them."""
    lock = (NODE_CLIENT / "package-lock.json").read_bytes()
    installed = cache_folder() / f"node-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not installed.exists():
        installed.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=installed.parent) as folder:
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(NODE_CLIENT / name, folder)
            ran(["npm", "ci", "--ignore-scripts", "--no-progress", "--loglevel=error"], Path(folder), **trusted())
            (Path(folder) / "node_modules").rename(installed)
    return installed


def trusted() -> dict[str, str]:
    """What tells Node to trust the system's certificates, where it can be told: since Node 22."""
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return {"NODE_OPTIONS": "--use-system-ca"} if int(said.lstrip("v").split(".")[0]) >= 22 else {}


def ran(command: list[str | Path], folder: Path, **environment: str) -> str:
    """What a program printed; it must end with 0."""
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4_000:]}{done.stderr[-4_000:]}"
    return done.stdout + done.stderr
