"""Two versions side by side: what an earlier version wrote is read now, and what is written now can be read by it.

Each folder v* holds what that version stored and said (record.py). Where its commit is at hand, its own code and its own client read what is written now too.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from google.protobuf import symbol_database, unknown_fields
from google.protobuf.message import Message

import croupier.services.status  # noqa: F401 Makes every message of the API known.
from croupier.pb import games_pb2
from croupier.stores.sqlite import SqliteStore
from tests.faults.process import audit
from tests.golden.versions import record, tagged
from tests.golden.versions.tagged import HERE, RECORDED, ROOT
from tests.integration.live import LiveServer

FOREVER = "[limits]\ndedupe_window_ms = 3_000_000_000_000\nepoch_max_entries = 20\n"
"""What was recorded grows older than ids usually may."""
KINDS = {1: "session", 2: "seed", 3: "round", 4: "transfer", 5: "epoch"}


READ_WITH = tuple(f"pyserver/croupier/{name}" for name in ("__init__.py", "model.py", "errors.py", "stores"))
"""What it takes of a version to decode rows."""


class Served(NamedTuple):
    """A server of today on what an earlier version had stored."""

    server: LiveServer
    messages: dict[str, Any]
    recorder: record.Recorder


@pytest.fixture(params=RECORDED)
def earlier(request: pytest.FixtureRequest) -> Path:
    """What one earlier version wrote."""
    return HERE / str(request.param)


@pytest.fixture
def served(earlier: Path, tmp_path: Path) -> Iterator[Served]:
    """A server on an earlier version's data, with that version's key."""
    restore(earlier, tmp_path / "data")
    messages = messages_of(earlier)
    with LiveServer(tmp_path, FOREVER) as server:
        recorder = record.Recorder(server.facts["address"], messages["operator_key"])
        yield Served(server, messages, recorder)
        recorder.close()


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this version writes, recorded in the same way."""
    folder = tmp_path_factory.mktemp("now")
    record.record(folder)
    return folder


def restore(recorded: Path, data: Path) -> None:
    """A data folder as the version left it."""
    data.mkdir()
    connection = sqlite3.connect(data / "croupier.db")
    connection.executescript((recorded / "rows.sql").read_text())
    connection.close()
    (data / "croupier.keys").write_bytes((recorded / "croupier.keys").read_bytes())
    (data / "croupier.keys").chmod(0o600)


def messages_of(recorded: Path) -> dict[str, Any]:
    """What was said."""
    found: dict[str, Any] = json.loads((recorded / "messages.json").read_text())
    return found


def bodies(recorded: Path, folder: Path) -> list[tuple[str, bytes]]:
    """Every row that is stored as MessagePack, with its kind."""
    restore(recorded, folder / "rows")
    connection = sqlite3.connect(folder / "rows" / "croupier.db")
    rows = [(KINDS[kind], body) for kind, body in connection.execute("SELECT kind, body FROM record ORDER BY kind, id")]
    connection.close()
    return rows


def test_earlier_rows_are_proven(earlier: Path, tmp_path: Path) -> None:
    """The whole of an earlier version's database holds by today's audit: chains, sums, seals, and every round played again with the same bytes."""
    restore(earlier, tmp_path / "data")
    SqliteStore(tmp_path / "data" / "croupier.db").close()  # Brings the schema up to date, as a server does when it starts.
    report = audit(tmp_path / "data")
    assert report["ok"] is True, report["problems"]
    assert {kind for kind, _ in bodies(earlier, tmp_path)} == set(KINDS.values())
    assert report["replayed_rounds"] == report["rounds"]
    assert report["sealed_seeds_unopened"] == 0


def test_earlier_messages_are_understood(earlier: Path) -> None:
    """Every request and answer of an earlier version is known field by field, and written again in full; the order of fields may differ."""
    for call in messages_of(earlier)["calls"]:
        service, _, name = call["method"].partition("/")
        for part, suffix in (("request", "Request"), ("response", "Response")):
            if part in call:
                message = _message(f"croupier.v1.{name}{suffix}", bytes.fromhex(call[part]))
                assert not unknown(message), f"{service} {name} {part}"
                assert len(message.SerializeToString(deterministic=True)) == len(bytes.fromhex(call[part]))


def test_earlier_calls_are_answered_alike(served: Served) -> None:
    """A caller that retries, at a node of this version, what a node of an earlier one had answered gets the same
    answer, field by field, and there is no second effect.
    """
    before = served.recorder.say("WalletService/GetWallet", _wallet_request())
    compared = 0
    for call in served.messages["calls"]:
        said = served.recorder.say(call["method"], bytes.fromhex(call["request"]))
        if call["stable"] and not call["method"].startswith("CatalogService"):
            assert _answer(call["method"], said) == _answer(call["method"], call), call["method"]
            compared += 1
    assert compared > 20
    assert served.recorder.say("WalletService/GetWallet", _wallet_request()) == before


def test_an_earlier_versions_open_round_goes_on(served: Served, tmp_path: Path) -> None:
    """A round of several steps that an earlier version left open is played to its end, and the ledger of both versions is one."""
    opened = next(call for call in served.messages["calls"] if call["method"] == "RoundService/GetOpenRound")
    round_ = _message("croupier.v1.GetOpenRoundResponse", bytes.fromhex(opened["response"])).round  # type: ignore[attr-defined]
    stand = games_pb2.Action(blackjack={"kind": "BLACKJACK_ACTION_KIND_STAND"})
    act = _message("croupier.v1.ActRequest", b"")
    act.round, act.step = round_.name, round_.step + 1  # type: ignore[attr-defined]
    act.action.CopyFrom(stand)  # type: ignore[attr-defined]
    answer = served.recorder.say("RoundService/Act", act.SerializeToString())
    assert _message("croupier.v1.ActResponse", bytes.fromhex(answer["response"])).round.state == 2  # type: ignore[attr-defined]
    served.server.kill()
    report = audit(tmp_path / "data")
    assert report["ok"] is True, report["problems"]


def test_rows_keep_the_shape_that_earlier_versions_know(earlier: Path, now: Path, tmp_path: Path) -> None:
    """Rows only grow at their ends: what is written now begins, field by field, with what an earlier version knows, in the same types."""
    known: dict[str, list[Any]] = {}
    for kind, body in bodies(earlier, tmp_path):
        known.setdefault(kind, []).append(shape(msgspec.msgpack.decode(body)))
    (tmp_path / "now").mkdir()
    for kind, body in bodies(now, tmp_path / "now"):
        found = shape(msgspec.msgpack.decode(body))
        assert any(begins_with(found, one) for one in known[kind]), f"{kind}: {found} is none of {known[kind]}"


@pytest.mark.parametrize("tag", RECORDED)
def test_rows_are_read_by_the_earlier_version_itself(tag: str, now: Path, tmp_path: Path) -> None:
    """A node of the earlier version, beside one of today, decodes every row that today's writes."""
    sources = _sources(
        tag,
        tmp_path,
        "pyserver/croupier/__init__.py",
        *(f"pyserver/croupier/{name}.py" for name in ("model", "errors")),
        "pyserver/croupier/stores",
    )
    rows = [(kind, body.hex()) for kind, body in bodies(now, tmp_path)]
    ran = subprocess.run(
        [sys.executable, "-c", READER], input=json.dumps(rows), env={**os.environ, "PYTHONPATH": str(sources / "pyserver")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) == len(rows) > 20


@pytest.mark.parametrize("tag", RECORDED)
def test_the_earlier_client_plays_on_this_version(tag: str, tmp_path: Path) -> None:
    """The earlier version's Python client plays every family at a node of today, and verifies each round, seed and sum."""
    sources = _sources(tag, tmp_path, "clients/python")
    with LiveServer(tmp_path) as server:
        command = [
            sys.executable,
            "-m",
            "croupier_client.demo",
            "--address",
            server.facts["address"],
            "--key",
            server.facts["operator_key"],
        ]
        ran = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": str(sources / "clients/python")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr


READER = """
import json, sys
from croupier.model import Key, WalletKey
from croupier.stores import codec
rows = json.load(sys.stdin)
for kind, body in rows:
    codec.decode(Key(WalletKey("demo", "ann", "EUR"), kind, b""), bytes.fromhex(body))
print(len(rows))
"""


def shape(value: Any) -> Any:
    """The types of a row's fields; of arrays, those of their items."""
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


def begins_with(found: Any, known: Any) -> bool:
    """Each array has at least the items that are known, and they have the same shapes; lists of steps may have other lengths."""
    if not isinstance(known, list) or not isinstance(found, list):
        return found == known
    if known and found and all(isinstance(item, list) for item in (*known, *found)):
        return all(begins_with(item, known[0]) for item in found)
    return not found or not known or (len(found) >= len(known) and all(begins_with(*pair) for pair in zip(found, known, strict=False)))


def unknown(message: Message) -> bool:
    """The message, or one inside it, has a field that this version does not know."""
    if len(unknown_fields.UnknownFieldSet(message)):
        return True
    inner = [value for field, value in message.ListFields() if field.type == field.TYPE_MESSAGE]
    return any(
        unknown(one) for value in inner for one in ([value] if isinstance(value, Message) else list(value)) if isinstance(one, Message)
    )


def _message(name: str, body: bytes) -> Message:
    message = symbol_database.Default().GetSymbol(name)()  # type: ignore[no-untyped-call]
    message.ParseFromString(body)
    assert isinstance(message, Message)
    return message


def _answer(method: str, said: dict[str, Any]) -> Message | tuple[str, str]:
    """What was said, as a message: its fields count, not their order."""
    if "response" in said:
        return _message(f"croupier.v1.{method.partition('/')[2]}Response", bytes.fromhex(said["response"]))
    return said["code"], said["details"]


def _wallet_request() -> bytes:
    request = _message("croupier.v1.GetWalletRequest", b"")
    request.name = record.WALLET  # type: ignore[attr-defined]
    return request.SerializeToString()


def _sources(tag: str, folder: Path, *paths: str) -> Path:
    if not tagged.is_at_hand(tag):
        pytest.skip(f"this clone of {ROOT.name} has no commit of {tag}: only what was recorded of it is compared")
    return tagged.unpack(tag, folder, *paths)
