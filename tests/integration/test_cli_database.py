"""Commands on a database file: what they show, what they refuse, and that each failure is one sentence with its exit code."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from croupier.cli import croupier, exits
from croupier.stores.sqlite import SqliteStore, migrations
from tests.integration import worlds


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds.played(tmp_path_factory.mktemp("cli"), players=["ada"]).config.data_dir


@pytest.fixture
def data(honest: Path, tmp_path: Path) -> Path:
    """A data folder with a played history."""
    folder = tmp_path / "data"
    shutil.copytree(honest, folder)
    return folder


def run(*args: object) -> Result:
    result = CliRunner().invoke(croupier, [str(arg) for arg in args])
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") <= 1, "one sentence"
    return result


def rounds_of(data: Path) -> list[str]:
    """Names of the stored rounds, oldest first."""
    with closing(sqlite3.connect(data / "croupier.db")) as connection:
        ids = [id_.hex() for (id_,) in connection.execute("SELECT id FROM record WHERE kind = 3 ORDER BY id")]
    uuids = [f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for i in ids]
    return [f"operators/acme/players/ada/wallets/EUR/rounds/{uuid}" for uuid in uuids]


UNUSABLE = {
    "missing": lambda data: (data / "croupier.db").unlink(),
    "not a database": lambda data: (data / "croupier.db").write_bytes(b"a letter to my bank " * 1_000),
    "another program's": lambda data: _sql(data, "PRAGMA application_id = 7"),
    "newer": lambda data: _sql(data, "PRAGMA user_version = 999"),
    "a wrong key": lambda data: (data / "croupier.keys").write_text(json.dumps({"1": "ab" * 32})),
    "a lost key": lambda data: (data / "croupier.keys").write_text(json.dumps({"2": "ab" * 32})),
    "a key file that is none": lambda data: (data / "croupier.keys").write_text("sesame"),
}


def _sql(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "croupier.db")) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("name", list(UNUSABLE))
def test_an_unusable_database_or_key_is_one_sentence(data: Path, name: str) -> None:
    """Corrupt, foreign, newer or missing, or under another key: audit, backup and serve say so and touch nothing."""
    UNUSABLE[name](data)
    before = {path.name: path.read_bytes() for path in data.iterdir() if path.suffix in (".db", ".keys")}
    commands = [("audit", data), ("backup", data / "copy.db", "--data-dir", data)]
    if name != "missing":
        commands.append(("serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--metrics-listen", ""))
    for command in commands:
        result = run(*command)
        assert result.exit_code == exits.UNUSABLE, (command, result.stderr)
        assert result.stderr.startswith("croupier: ")
    after = {path.name: path.read_bytes() for path in data.iterdir() if path.suffix in (".db", ".keys")}
    assert before == after


def test_a_schema_version_is_shown_and_applied(data: Path) -> None:
    """Migrate shows, and applies only when told to; a newer file is refused."""
    shown = json.loads(run("migrate", "--data-dir", data, "--json").stdout)
    assert shown["version"] == shown["newest"] == len(migrations())
    assert run("migrate", "--data-dir", data, "--apply").exit_code == 0
    empty = data / "empty.db"
    sqlite3.connect(empty).close()
    assert json.loads(run("migrate", "--database", empty, "--json").stdout)["pending"] == len(migrations())
    assert run("migrate", "--database", empty, "--apply").exit_code == 0
    assert json.loads(run("migrate", "--database", empty, "--json").stdout)["pending"] == 0


def test_the_life_of_an_operator(tmp_path: Path) -> None:
    """An operator and its keys: created once, shown once, listed without the secret, revoked once."""
    at = ("--data-dir", tmp_path / "new")
    made = json.loads(run("operator", "create", "acme", "--title", "Acme", *at, "--json").stdout)
    assert made["key"].startswith(f"ck_{made['key_id']}_")
    assert run("operator", "create", "acme", *at).exit_code == exits.REFUSED
    second = json.loads(run("operator", "add-key", "acme", "--label", "second", *at, "--json").stdout)
    assert run("operator", "add-key", "nobody", *at).exit_code == exits.NOT_FOUND
    assert run("operator", "revoke-key", made["key_id"], *at).exit_code == 0
    assert run("operator", "revoke-key", made["key_id"], *at).exit_code == exits.REFUSED
    assert run("operator", "revoke-key", "ffff", *at).exit_code == exits.NOT_FOUND
    listed = run("operator", "list", *at, "--json").stdout
    assert made["key"] not in listed
    assert second["key"] not in listed
    keys = {key["key"]: bool(key["revoke_time"]) for key in json.loads(listed)["operators"][0]["keys"]}
    assert keys == {made["key_id"]: True, second["key_id"]: False}
    secret = made["key"].rpartition("_")[2]
    assert secret.encode() not in (tmp_path / "new" / "croupier.db").read_bytes()
    assert run("operator", "create", "no spaces", *at).exit_code == exits.USAGE


def test_rounds_are_shown_and_verified(data: Path) -> None:
    """G3, G4: a stored round shows bet, draws, outcome, choices and balances; a revealed seed lets anybody with the file verify it."""
    names = rounds_of(data)
    shown = json.loads(run("round", "show", names[0], "--data-dir", data, "--json").stdout)
    assert shown["name"] == names[0]
    assert {"bet", "outcome", "balance_before_micros", "balance_micros", "stake_micros", "model", "create_time", "steps"} <= shown.keys()
    assert "a record, not a round" in run("round", "show", names[0], "--data-dir", data).stdout
    for name in names[:11]:
        assert json.loads(run("round", "verify", name, "--data-dir", data, "--json").stdout)["matches"] is True


def test_a_sealed_round_is_verified_with_the_key_file_only(data: Path) -> None:
    """A round under a seed in force needs --sealed and the key file, and the seed is not printed."""
    last = rounds_of(data)[-1]
    assert run("round", "verify", last, "--data-dir", data).exit_code == exits.UNUSABLE
    verified = json.loads(run("round", "verify", last, "--data-dir", data, "--sealed", "--json").stdout)
    assert (verified["matches"], verified["server_seed"]) == (True, "")
    (data / "croupier.keys").unlink()
    assert run("round", "verify", last, "--data-dir", data, "--sealed").exit_code == exits.UNUSABLE
    assert run("round", "show", last[:-12] + "0" * 12, "--data-dir", data).exit_code == exits.NOT_FOUND


def test_an_altered_outcome_fails_its_verification(data: Path) -> None:
    """A round whose outcome was changed in the file does not verify: exit code 1."""
    name = rounds_of(data)[0]
    id_ = bytes.fromhex(name.rpartition("/")[2].replace("-", ""))
    with closing(sqlite3.connect(data / "croupier.db")) as connection:
        (body,) = connection.execute("SELECT body FROM record WHERE kind = 3 AND id = ?", (id_,)).fetchone()
        changed = body.replace(b"\x08\x03\x10\x91N\x18", b"\x08\x03\x10\x90N\x18", 1)
        assert changed != body
        connection.execute("UPDATE record SET body = ? WHERE kind = 3 AND id = ?", (changed, id_))
        connection.commit()
    result = run("round", "verify", name, "--data-dir", data)
    assert result.exit_code == exits.FAILED
    assert "differs" in result.stdout


def test_an_audit_says_what_it_found(data: Path) -> None:
    """S6: figures for monitors as JSON, problems for people, exit code 1 when there are any."""
    clean = json.loads(run("audit", data, "--replay", "--json").stdout)
    assert {"wallets": 1, "drift": 0, "broken_chains": 0, "ok": True}.items() <= clean.items()
    assert clean["entries"] > 20
    assert "ok: every chain" in run("audit", "--data-dir", data).stdout
    _sql(data, "UPDATE entry SET payout_micros = payout_micros + 1 WHERE seq = 4")
    result = run("audit", data / "croupier.db")
    assert result.exit_code == exits.FAILED
    assert "players/ada/wallets/EUR at revision 4: the chain hash does not follow" in result.stdout


def test_documents_work_beside_an_owner_and_migrations_do_not(data: Path) -> None:
    """Operators may be changed while a server owns the file; what needs ownership is refused."""
    store = SqliteStore(data / "croupier.db")
    try:
        assert run("operator", "create", "beside", "--data-dir", data).exit_code == 0
        assert run("audit", data).exit_code == 0
        result = run("serve", "--data-dir", data, "--metrics-listen", "", "--listen", "127.0.0.1:0")
        assert result.exit_code == exits.UNUSABLE
        assert "in use by another croupier process" in result.stderr
    finally:
        store.close()
