"""What is fetched is what was pinned; what is missing is named, with the command that brings it."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pytest

from croupier.dev import fetch
from croupier.dev.failure import ToolMissing

SAID: list[str] = []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what the test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CROUPIER_ETCD", raising=False)
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_lock_lists_names_and_hashes_alone() -> None:
    """Every jar once, each with a SHA-256, Cassandra's own among them; no address."""
    hashes = fetch.locked_hashes()
    assert f"cassandra-all-{fetch.CASSANDRA}.jar" in hashes
    assert all(re.fullmatch(r"[\w.+-]+\.jar", name) and re.fullmatch(r"[0-9a-f]{64}", digest) for name, digest in hashes.items())


def test_a_changed_jar_is_refused(tmp_path: Path) -> None:
    """One byte is enough; a jar that is not listed is left out, one that lacks is named."""
    good = hashlib.sha256(b"good").hexdigest()
    for name, content in (("a.jar", b"good"), ("extra.jar", b"x")):
        (tmp_path / name).write_bytes(content)
    fetch.check_hashes(tmp_path, {"a.jar": good})
    assert [path.name for path in tmp_path.iterdir()] == ["a.jar"]
    (tmp_path / "a.jar").write_bytes(b"gooe")
    with pytest.raises(ToolMissing, match=r"a\.jar, as Maven fetched it, is not the file that is pinned"):
        fetch.check_hashes(tmp_path, {"a.jar": good})
    with pytest.raises(ToolMissing, match=r"b\.jar is missing"):
        fetch.check_hashes(tmp_path, {"b.jar": good})


def test_a_cache_that_was_tampered_with_is_noticed(tmp_path: Path) -> None:
    """A jar that was put among the others would be run with them."""
    folder = tmp_path / f"cassandra-{fetch.CASSANDRA}"
    folder.mkdir()
    (folder / "stranger.jar").touch()
    with pytest.raises(ToolMissing, match="is not what was fetched into it"):
        fetch.tools(tmp_path, SAID.append, cassandra=True, etcd=False)


@pytest.mark.usefixtures("programs")
def test_without_root_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, with the command."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ToolMissing, match=r"^(Java 17|Maven) is needed and was not found: install it \(Debian: apt-get install [\w-]+\)$"):
        fetch.tools(tmp_path, SAID.append, cassandra=True, etcd=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_root_installs_what_is_missing_and_says_so(tmp_path: Path, programs: Path) -> None:
    """apt-get is asked for Maven, its lists are brought up to date when that fails, and what cannot be had is told."""
    program(programs, "apt-get", f'echo "$@" >> {tmp_path}/asked; [ "$1" = update ]')
    if not any(Path("/usr/lib/jvm").glob("*17*")):
        pytest.skip("Java 17 is not here, so Java would be asked for first")
    said: list[str] = []
    with pytest.raises(ToolMissing, match="apt-get could not install maven"):
        fetch.tools(tmp_path, said.append, cassandra=True, etcd=False)
    assert said == ["Installing Maven: apt-get install maven"]
    install = "install -y -q --no-install-recommends maven"
    assert (tmp_path / "asked").read_text().splitlines() == [install, "update -q", install]


def test_maven_that_fetches_nothing_leaves_no_cache(tmp_path: Path, programs: Path) -> None:
    """What it said last is in the message, and the next try begins anew."""
    program(programs, "mvn", "echo no route to anywhere; exit 1")
    if not any(Path("/usr/lib/jvm").glob("*17*")):
        pytest.skip("Java 17 is not here, so Java would be asked for first")
    with pytest.raises(ToolMissing, match="Cassandra's jars could not be fetched by Maven: no route to anywhere"):
        fetch.tools(tmp_path, SAID.append, cassandra=True, etcd=False)
    assert not (tmp_path / f"cassandra-{fetch.CASSANDRA}").exists()


def test_etcd_is_built_once(tmp_path: Path, programs: Path) -> None:
    """By Go, into the cache; the second time it is there."""
    program(programs, "go", f'echo built >> {tmp_path}/asked; while [ "$1" != -o ]; do shift; done; echo etcd > "$2"')
    for _ in range(2):
        found = fetch.tools(tmp_path, SAID.append, cassandra=False, etcd=True).etcd
        assert found == tmp_path / f"etcd-{fetch.ETCD}"
    assert (tmp_path / "asked").read_text() == "built\n"


def test_without_go_debians_etcd_is_unpacked(tmp_path: Path, programs: Path) -> None:
    """Downloaded and unpacked into the cache, not installed."""
    for name in ("touch", "mkdir"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    program(programs, "apt-get", '[ "$*" = "download etcd-server" ] && touch etcd-server_3.deb')
    program(programs, "dpkg-deb", '[ "$1 $3" = "-x ." ] && mkdir -p usr/bin && touch usr/bin/etcd')
    assert fetch.tools(tmp_path, SAID.append, cassandra=False, etcd=True).etcd == tmp_path / "etcd-debian"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("etcd")) == ["etcd-debian"]


def test_a_named_etcd_must_run(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable goes before everything, and a wrong one is no reason to build."""
    monkeypatch.setenv("CROUPIER_ETCD", str(tmp_path / "nothing"))
    with pytest.raises(ToolMissing, match=r"CROUPIER_ETCD names .*nothing, which cannot be run"):
        fetch.tools(tmp_path, SAID.append, cassandra=False, etcd=True)
    program(programs, "my-etcd", "exit 0")
    monkeypatch.setenv("CROUPIER_ETCD", str(programs / "my-etcd"))
    assert fetch.tools(tmp_path, SAID.append, cassandra=False, etcd=True).etcd == programs / "my-etcd"
