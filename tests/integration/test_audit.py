"""The audit finds every byte that was changed after it was written, and nothing in what was not."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from croupier.audit.report import Report
from croupier.cli.audit import audit_file
from croupier.cli.options import Place
from croupier.config import MODELS
from croupier.model import WalletKey
from croupier.stores.backup import copy
from croupier.stores.codec import KIND_NUMBERS
from tests.integration import worlds

COLUMNS = {
    "wallet": "no operator player currency balance_micros revision chain_hash epoch epoch_first_revision deposited_micros withdrawn_micros "
    "staked_micros paid_micros create_time_ms",
    "entry": "seq wallet revision epoch kind reference session step stake_micros payout_micros transfer_micros balance_micros time_ms detail chain_hash",
    "record": "kind id wallet body",
    "document": "kind id version body digest",
}


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a played history; not to be changed."""
    return worlds.played(tmp_path_factory.mktemp("honest")).config.data_dir


@pytest.fixture
def place(honest: Path, tmp_path: Path) -> Place:
    """A copy of the history to tamper with."""
    folder = tmp_path / "data"
    shutil.copytree(honest, folder)
    return Place(folder / "croupier.db", folder / "croupier.keys", MODELS)


def audited(place: Place) -> Report:
    return audit_file(place, replays=True)


def tamper(place: Place, *statements: str) -> None:
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        connection.commit()


def test_an_honest_history_is_clean(place: Place) -> None:
    """Every chain, sum, session, round, seed and epoch of an untouched history holds, and every round replays (G4, S4)."""
    report = audited(place)
    assert report.is_clean, report.problems
    assert (report.wallets, report.drift, report.broken_chains) == (2, 0, 0)
    assert report.rounds == report.replayed_rounds > 20
    assert report.open_rounds == 2
    assert report.epochs > 4
    assert report.sealed_seeds_unopened == 0


def test_without_the_key_file_what_was_not_checked_is_counted(place: Place) -> None:
    """Sealed seeds need the key file; an audit without it says how many it could not open."""
    report = audit_file(Place(place.database, Path("none"), MODELS), replays=True)
    assert report.is_clean
    assert report.sealed_seeds_unopened > 0
    assert report.rounds_not_replayed > 0


def test_the_list_of_columns_is_complete(place: Place) -> None:
    """The next test covers every column that the schema has."""
    with closing(sqlite3.connect(place.database)) as connection:
        found = {table: " ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})")) for table in COLUMNS}
    assert found == COLUMNS


@pytest.mark.parametrize(("table", "column"), [(table, column) for table, columns in COLUMNS.items() for column in columns.split()])
def test_a_change_in_any_column_is_found(place: Place, table: str, column: str) -> None:
    """One value of one row changed, in the first, the middle and the last row of each table: found each time (S6)."""
    with closing(sqlite3.connect(place.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        names = COLUMNS[table].split()
        for row in (rows[0], rows[len(rows) // 2], rows[-1]):
            where = " AND ".join(f"{name} = ?" for name in names)
            value = row[names.index(column)]
            connection.execute("BEGIN")
            changed = connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (_changed(value), *row)).rowcount
            assert changed == 1
            connection.execute("COMMIT")
            assert not audited(place).is_clean, f"{table}.{column} of {row[:4]}"
            keys = [_changed(value) if name == column else one for name, one in zip(names, row, strict=True)]
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *keys))
        assert audited(place).is_clean


def _changed(value: int | str | bytes) -> int | str | bytes:
    if isinstance(value, int):
        return value ^ (1 << 20)
    if isinstance(value, str):
        return value[:-1] + chr(ord(value[-1]) ^ 1)
    return value[:-1] + bytes([value[-1] ^ 1])


@pytest.mark.parametrize("kind", list(KIND_NUMBERS))
def test_a_flipped_bit_anywhere_in_a_record_is_found(place: Place, kind: str) -> None:
    """Each byte of one row of each kind, flipped in its lowest bit: none goes unnoticed."""
    with closing(sqlite3.connect(place.database, isolation_level=None)) as connection:
        key = f"kind = {KIND_NUMBERS[kind]}"  # type: ignore[index]
        id_, wallet, body = connection.execute(f"SELECT id, wallet, body FROM record WHERE {key} ORDER BY length(body) DESC").fetchone()
        missed = []
        for position in range(len(body)):
            flipped = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
            connection.execute("UPDATE record SET body = ? WHERE id = ? AND wallet = ?", (flipped, id_, wallet))
            if audit_file(place, replays=False).is_clean:
                missed.append(position)
    assert not missed, f"of {len(body)} bytes"


TAMPERINGS = {
    "a balance raised": ["UPDATE wallet SET balance_micros = balance_micros + 10000 WHERE no = 1"],
    "a balance and its deposits raised": [
        "UPDATE wallet SET balance_micros = balance_micros + 10000, deposited_micros = deposited_micros + 10000 WHERE no = 1"
    ],
    "the last entry cut off": ["DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)"],
    "an entry taken out": ["DELETE FROM entry WHERE seq = 5"],
    "an entry inserted": [
        (
            "INSERT INTO entry SELECT 1000, wallet, 1000, epoch, kind, reference, session, step, stake_micros, payout_micros, transfer_micros, "
            "balance_micros, time_ms, detail, chain_hash FROM entry WHERE seq = 5"
        )
    ],
    "two wallets' names swapped": [
        "UPDATE wallet SET player = 'x' WHERE player = 'ada'",
        "UPDATE wallet SET player = 'ada' WHERE player = 'bob'",
        "UPDATE wallet SET player = 'bob' WHERE player = 'x'",
    ],
    "a round deleted": ["DELETE FROM record WHERE kind = 3 AND id = (SELECT min(id) FROM record WHERE kind = 3)"],
    "a round copied under a new id": [
        "INSERT INTO record SELECT kind, CAST(id || x'00' AS BLOB), wallet, body FROM record WHERE kind = 3 LIMIT 1"
    ],
    "a seed deleted": ["DELETE FROM record WHERE kind = 2 AND id = (SELECT min(id) FROM record WHERE kind = 2)"],
    "a wallet deleted": ["DELETE FROM wallet WHERE no = 2"],
}


@pytest.mark.parametrize("name", list(TAMPERINGS))
def test_rewritten_history_is_found(place: Place, name: str) -> None:
    """Whole rows changed, taken out, added or swapped: found, and named in a sentence (S6)."""
    tamper(place, *TAMPERINGS[name])
    report = audited(place)
    assert not report.is_clean
    assert all(str(problem) for problem in report.problems)


def test_drift_and_broken_chains_are_counted(place: Place) -> None:
    """The figures that a monitor reads: drift in micros, wallets whose chain is broken."""
    tamper(
        place, TAMPERINGS["a balance raised"][0], "UPDATE entry SET payout_micros = payout_micros + 10000 WHERE wallet = 2 AND revision = 3"
    )
    report = audited(place)
    assert report.drift == 20_000
    assert report.broken_chains == 1


def test_a_corrupt_page_is_found(place: Place) -> None:
    """Bytes overwritten under SQLite's feet are reported as problems, not as a crash."""
    raw = bytearray(place.database.read_bytes())
    raw[4096 * 3 + 8 : 4096 * 3 + 400] = b"\xff" * 392
    place.database.write_bytes(raw)
    assert not audited(place).is_clean


def test_a_history_made_anew_is_found_against_an_earlier_copy(place: Place, tmp_path: Path) -> None:
    """A chain that holds by itself, but is not the one of an earlier copy, is found wallet by wallet; a longer history is not."""
    other = worlds.played(tmp_path / "other", rounds=9, players=["bob", "ada"])
    kept = tmp_path / "kept.db"
    copy(place.database, kept, lambda done, total: None)
    assert audit_file(place, replays=False, earlier=kept).is_clean
    rewritten = Place(other.database, other.config.keys, MODELS)
    assert audited(rewritten).is_clean
    report = audit_file(rewritten, replays=False, earlier=kept)
    assert {problem.place for problem in report.problems} == {f"operators/acme/players/{name}/wallets/EUR" for name in ("ada", "bob")}
    assert "history was rewritten" in str(report.problems[0])


def test_a_longer_history_goes_on_from_an_earlier_copy(place: Place, tmp_path: Path) -> None:
    """What was written since the copy is no problem."""
    kept = tmp_path / "kept.db"
    copy(place.database, kept, lambda done, total: None)
    later = worlds.World(place.database.parent)
    later.now_ms += 10_000_000
    later.deposit(WalletKey("acme", "ada", "EUR"), 1_000_000)
    later.close()
    assert audit_file(place, replays=False, earlier=kept).is_clean
    assert not audit_file(Place(kept, place.keys, MODELS), replays=False, earlier=place.database).is_clean
