"""Backups: taken while rounds are played, proven, restored, and safe against being killed."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from croupier.cli import croupier, exits
from croupier.model import WalletKey
from croupier.stores.backup import manifest_path
from croupier.stores.sqlite import SqliteStore, restoring_path
from tests.integration import worlds

WALLET = WalletKey("acme", "ada", "EUR")
WRITER = """
import sys
from pathlib import Path
from croupier.model import WalletKey
from tests.integration import worlds
world = worlds.World(Path(sys.argv[1]))
wallet = WalletKey("acme", "writer", "EUR")
world.now_ms += 10_000_000
world.deposit(wallet, 900_000_000_000)
session = world.open(wallet, "dice-10000")
print("writing", flush=True)
while True:
    print(world.play(wallet, session, worlds.DICE).round.number, flush=True)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return worlds.played(tmp_path / "data").config.data_dir


def run(*args: object) -> Result:
    result = CliRunner().invoke(croupier, [str(arg) for arg in args])
    assert "Traceback" not in result.stderr
    return result


def value_of(*args: object) -> dict[str, object]:
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_backup_while_rounds_are_played(data: Path, tmp_path: Path) -> None:
    """S5: each copy taken under load is one moment of the file, passes its audit, and the writer goes on meanwhile."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(data)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    try:
        assert writer.stdout.readline() == "writing\n"
        entries = []
        for number in range(3):
            value_of("backup", tmp_path / f"{number}.db", "--data-dir", data)
            entries.append(json.loads(manifest_path(tmp_path / f"{number}.db").read_text())["entries"])
            assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    assert entries[0] < entries[1] < entries[2]
    assert run("audit", tmp_path / "2.db").exit_code == 0
    assert run("audit", data).exit_code == 0


def test_the_restore_drill(data: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """S5: a lost folder comes back whole from backup and keys; RTO is what the restore took, RPO the rounds after the backup."""
    backup = tmp_path / "vault" / "day.db"
    backup.parent.mkdir()
    value_of("backup", backup, "--data-dir", data, "--with-keys")
    heads = value_of("audit", data)["heads_sha256"]
    world = worlds.World(data)
    world.now_ms += 10_000_000
    world.deposit(WALLET, 1_000_000)
    world.close()
    for path in data.iterdir():
        path.unlink()
    started = time.perf_counter()
    restored = value_of("restore", backup, "--data-dir", data)
    rto_s = time.perf_counter() - started
    record_property("rto_s", round(rto_s, 3))
    assert rto_s < 10
    assert restored["audited"] is True
    after = value_of("audit", data, "--replay")
    assert (restored["seeds_rotated"], restored["sessions_in_round"]) == (2, 2)
    assert after["ok"] is True
    assert after["heads_sha256"] != heads
    assert (data / "croupier.keys").stat().st_mode & 0o777 == 0o600
    world = worlds.World(data)
    world.now_ms += 20_000_000
    world.deposit(WALLET, 1_000_000)
    world.close()
    assert run("audit", data).exit_code == 0


def test_a_restore_gives_players_no_second_chance(data: Path, tmp_path: Path) -> None:
    """R8: rounds that were played after the backup and are lost by the restore don't come out the same again."""
    backup = tmp_path / "day.db"
    value_of("backup", backup, "--data-dir", data)

    def outcomes() -> list[bytes]:
        world = worlds.World(data)
        world.now_ms += 10_000_000
        views = [world.play(wallet, session, worlds.RED) for _ in range(10)]
        world.close()
        return [view.round.steps[0].outcome for view in views]

    wallet = WalletKey("acme", "ada", "EUR")
    session = roulette_session(data)
    seen = outcomes()
    value_of("restore", backup, "--data-dir", data, "--force", "--keep-seeds")
    assert outcomes() == seen, "the hazard itself: the same seed gives the same rounds"
    assert value_of("restore", backup, "--data-dir", data, "--force")["seeds_rotated"] == 2
    assert outcomes() != seen
    assert run("audit", data, "--replay").exit_code == 0


def roulette_session(data: Path) -> bytes:
    """The open session at roulette of the first player."""
    with closing(sqlite3.connect(data / "croupier.db")) as connection:
        (id_,) = connection.execute("SELECT id FROM record WHERE kind = 1 AND wallet = 1 ORDER BY id DESC").fetchone()
    return bytes(id_)


def test_a_restore_refuses_what_it_should(data: Path, tmp_path: Path) -> None:
    """It never overwrites unasked, never a file that is in use, and never with a copy that is not what was backed up."""
    backup = tmp_path / "day.db"
    value_of("backup", backup, "--data-dir", data)
    assert run("backup", backup, "--data-dir", data).exit_code == exits.REFUSED
    before = (data / "croupier.db").read_bytes()
    assert run("restore", backup, "--data-dir", data).exit_code == exits.REFUSED
    owner = SqliteStore(data / "croupier.db")
    assert run("restore", backup, "--data-dir", data, "--force").exit_code == exits.REFUSED
    owner.close()
    raw = bytearray(backup.read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bent.db").write_bytes(raw)
    manifest_path(tmp_path / "bent.db").write_text(manifest_path(backup).read_text())
    assert run("restore", tmp_path / "bent.db", "--data-dir", data, "--force").exit_code == exits.FAILED
    assert run("restore", tmp_path / "none.db", "--data-dir", data, "--force").exit_code == exits.UNUSABLE
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "croupier.keys").write_text(json.dumps({"1": "ab" * 32}))
    for trust in ((), ("--digest-only",)):
        assert run("restore", backup, "--data-dir", tmp_path / "other", *trust).exit_code == exits.UNUSABLE
    assert (data / "croupier.db").read_bytes() == before
    assert not (tmp_path / "other" / "croupier.db").exists()


def test_a_forced_restore_keeps_what_was_there(data: Path, tmp_path: Path) -> None:
    """The database before is kept under another name, whole."""
    backup = tmp_path / "day.db"
    value_of("backup", backup, "--data-dir", data)
    world = worlds.World(data)
    world.now_ms += 10_000_000
    world.deposit(WALLET, 1_000_000)
    world.close()
    heads = value_of("audit", data)["heads_sha256"]
    kept = value_of("restore", backup, "--data-dir", data, "--force", "--digest-only")["kept"]
    assert value_of("audit", "--database", kept, "--key-file", data / "croupier.keys")["heads_sha256"] == heads
    assert value_of("audit", data)["heads_sha256"] != heads


def test_a_damaged_database_gives_no_backup(data: Path, tmp_path: Path) -> None:
    """A copy that fails its audit gets neither name nor manifest."""
    with sqlite3.connect(data / "croupier.db") as connection:
        connection.execute("UPDATE wallet SET balance_micros = balance_micros + 1 WHERE no = 1")
    connection.close()
    result = run("backup", tmp_path / "day.db", "--data-dir", data)
    assert result.exit_code == exits.FAILED
    assert "no backup was made" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("delay_s", [0.15, 0.3, 0.45, 0.6])
def test_a_killed_backup_leaves_nothing_that_looks_like_one(data: Path, tmp_path: Path, delay_s: float) -> None:
    """Kill -9 at any point of a backup: no file of its name without a sound manifest, the source unharmed, and the next one works."""
    target = tmp_path / "day.db"
    command = [sys.executable, "-m", "croupier", "backup", str(target), "--data-dir", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if target.exists():
        assert run("restore", target, "--data-dir", tmp_path / "again", "--key-file", data / "croupier.keys").exit_code == 0
    else:
        value_of("backup", target, "--data-dir", data)
    assert run("audit", data).exit_code == 0


def test_an_interrupted_restore_keeps_servers_out(data: Path, tmp_path: Path) -> None:
    """Killed between setting the old file aside and putting the new one in place: no server opens it until the restore is run again."""
    backup = tmp_path / "day.db"
    value_of("backup", backup, "--data-dir", data)
    restoring_path(data / "croupier.db").write_bytes(backup.read_bytes())
    (data / "croupier.db").unlink()
    result = run("serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--metrics-listen", "")
    assert result.exit_code == exits.UNUSABLE
    assert "run croupier restore again" in result.stderr
    value_of("restore", backup, "--data-dir", data)
    assert run("audit", data).exit_code == 0


@pytest.mark.parametrize("delay_s", [0.2, 0.35, 0.5, 0.65])
def test_a_killed_restore_can_be_run_again(data: Path, tmp_path: Path, delay_s: float) -> None:
    """Kill -9 at any point of a restore: what lies there is a whole database, old or new, or servers are kept out; running it again ends well."""
    backup = tmp_path / "day.db"
    value_of("backup", backup, "--data-dir", data)
    command = [sys.executable, "-m", "croupier", "restore", str(backup), "--data-dir", str(data), "--force"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if not restoring_path(data / "croupier.db").exists():
        assert run("audit", data).exit_code == 0
    value_of("restore", backup, "--data-dir", data, "--force")
    assert run("audit", data, "--replay").exit_code == 0
