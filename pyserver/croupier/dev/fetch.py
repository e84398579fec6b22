"""Java, Cassandra's jars and etcd: found on this machine, or fetched once into the cache and checked against committed hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from croupier.dev.failure import ToolMissing
from croupier.dev.places import locked

CASSANDRA = "5.0.9"
ETCD = "3.6.16"
_HERE = Path(__file__).parent
_ATTEMPTS = 3
_PACKAGES = {"java": "openjdk-17-jre-headless", "mvn": "maven"}
"""Debian's package of each program."""

Say = Callable[[str], None]


class Tools(Struct, frozen=True):
    """What machines are started with."""

    java: Path
    jars: list[Path]
    """Cassandra's own first."""
    etcd: Path


def tools(cache: Path, say: Say, *, cassandra: bool, etcd: bool) -> Tools:
    """Everything that a cluster needs; `say` hears what is fetched or installed before it is. What is not asked for is an empty path."""
    with locked(cache / "fetch.lock"):
        java = _java(say) if cassandra else Path()
        jars = _jars(cache, say) if cassandra else []
        return Tools(java, jars, _etcd(cache, say) if etcd else Path())


def locked_hashes() -> dict[str, str]:
    """SHA-256 of each jar that Cassandra is run from, by file name."""
    lines = (_HERE / f"cassandra-{CASSANDRA}.sha256").read_text().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _java(say: Say) -> Path:
    """A Java 17, which is what Cassandra 5.0 runs on."""
    if found := _find_java():
        return found
    _install("java", "Java 17", say)
    if found := _find_java():
        return found
    raise ToolMissing("Cassandra 5.0 needs Java 17: name its folder in CROUPIER_JAVA_HOME")


def _find_java() -> Path | None:
    homes = [os.environ.get("CROUPIER_JAVA_HOME"), os.environ.get("JAVA_HOME"), *sorted(map(str, Path("/usr/lib/jvm").glob("*17*")))]
    on_path = shutil.which("java")
    candidates = [Path(home) / "bin" / "java" for home in homes if home] + ([Path(on_path)] if on_path else [])
    return next((java for java in candidates if java.is_file() and _is_17(java)), None)


def _is_17(java: Path) -> bool:
    release = java.resolve().parents[1] / "release"
    if release.is_file():
        return 'JAVA_VERSION="17' in release.read_text()
    said = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False, timeout=30)
    return ' version "17.' in said.stderr


def _jars(cache: Path, say: Say) -> list[Path]:
    folder = cache / f"cassandra-{CASSANDRA}"
    if not folder.is_dir():
        _fetch_jars(folder, say)
    jars = sorted(folder.glob("*.jar"))
    if {jar.name for jar in jars} != locked_hashes().keys():
        raise ToolMissing(f"{folder} is not what was fetched into it; remove it, and it is fetched anew")
    # Its classes must be found before those that its dependencies bring along under the same names.
    return sorted(jars, key=lambda jar: not jar.name.startswith("cassandra-all-"))


def _fetch_jars(folder: Path, say: Say) -> None:
    if not shutil.which("mvn"):
        _install("mvn", "Maven", say)
    say(f"Fetching Cassandra {CASSANDRA} by Maven: {len(locked_hashes())} jars, 66 MB")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    shutil.copy(_HERE / "cassandra.pom.xml", part / "pom.xml")
    copied = ["mvn", "-B", "-q", "-f", str(part / "pom.xml"), f"-Dcassandra.version={CASSANDRA}", "dependency:copy-dependencies"]
    _run(copied, part, "Cassandra's jars could not be fetched by Maven", attempts=_ATTEMPTS)
    check_hashes(part / "jars", locked_hashes())
    (part / "jars").rename(folder)
    shutil.rmtree(part)


def check_hashes(folder: Path, hashes: dict[str, str]) -> None:
    """Removes what is not listed, and raises ToolMissing unless everything that is listed is there and has its hash."""
    for jar in folder.iterdir():
        if jar.name not in hashes:
            jar.unlink()
    for name, digest in hashes.items():
        jar = folder / name
        if not jar.is_file():
            raise ToolMissing(f"{name} is missing among what Maven fetched")
        if hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
            raise ToolMissing(f"{name}, as Maven fetched it, is not the file that is pinned: its SHA-256 differs")


def _etcd(cache: Path, say: Say) -> Path:
    """The server of etcd: the one that CROUPIER_ETCD names, or built once from pinned sources, or Debian's."""
    if named := os.environ.get("CROUPIER_ETCD"):
        if not os.access(named, os.X_OK):
            raise ToolMissing(f"CROUPIER_ETCD names {named}, which cannot be run")
        return Path(named)
    built, unpacked = cache / f"etcd-{ETCD}", cache / "etcd-debian"
    if not built.is_file() and shutil.which("go"):
        _build_etcd(built, say)
    if built.is_file():
        return built
    if not unpacked.is_file():
        _unpack_etcd(unpacked, say)
    return unpacked


def _build_etcd(binary: Path, say: Say) -> None:
    say(f"Building etcd {ETCD} by Go: about a minute and a half, once")
    part = binary.with_name(f"{binary.name}.part")
    env = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false"}
    _run(["go", "build", "-ldflags=-s", "-o", str(part), "."], _HERE / "etcd_server", "etcd could not be built by Go", env=env)
    part.rename(binary)


def _unpack_etcd(binary: Path, say: Say) -> None:
    """Debian's package, unpacked and not installed: that needs no root, and starts no service."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise ToolMissing("etcd is needed: install Go 1.21 or newer, which builds it, or name an etcd server in CROUPIER_ETCD")
    say("There is no Go to build etcd: fetching Debian's package etcd-server, which is unpacked and not installed")
    part = binary.with_name(f"{binary.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    _run(["apt-get", "download", "etcd-server"], part, "apt-get could not download etcd-server")
    _run(["dpkg-deb", "-x", str(next(part.glob("*.deb"))), "."], part, "Debian's etcd-server could not be unpacked")
    (part / "usr" / "bin" / "etcd").rename(binary)
    shutil.rmtree(part)


def _install(program: str, what: str, say: Say) -> None:
    """Installs Debian's package, where that is possible."""
    package = _PACKAGES[program]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ToolMissing(f"{what} is needed and was not found: install it (Debian: apt-get install {package})")
    say(f"Installing {what}: apt-get install {package}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
    if subprocess.run(install, env=env, capture_output=True, check=False).returncode != 0:
        _run(["apt-get", "update", "-q"], Path("/"), "apt-get could not update its lists", env=env)
        _run(install, Path("/"), f"apt-get could not install {package}", env=env)


def _run(argv: Sequence[str], folder: Path, failure: str, *, env: dict[str, str] | None = None, attempts: int = 1) -> None:
    for attempt in range(1, attempts + 1):
        done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if attempt == attempts:
            said = (done.stdout + done.stderr).strip().splitlines()
            raise ToolMissing(f"{failure}: {said[-1] if said else f'exit code {done.returncode}'}")
