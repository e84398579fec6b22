"""`croupier operator`: tenants and their API keys, in the store; running servers notice changes within a second."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import click
import msgspec

from croupier import engine
from croupier.access import ADMIN_OPERATOR, KEY_KIND, OPERATOR_KIND, ApiKey, Operator, make_key, revoked
from croupier.cli.exits import NOT_FOUND, REFUSED, Failure
from croupier.cli.options import Place, json_option, place_options
from croupier.cli.output import emit, table
from croupier.cli.records import Records, open_records
from croupier.stores.store import Document

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}\Z")
_KEY_ENTROPY_BYTES = 40


@click.group()
def operator() -> None:
    """Operators (tenants) and their API keys."""


@operator.command()
@click.argument("name")
@click.option("--title", default="", help="Name for people.  [default: NAME]")
@click.option("--label", default="first", show_default=True, help="What the key is for.")
@json_option
@place_options
def create(place: Place, name: str, title: str, label: str, *, as_json: bool) -> None:
    """Create operator NAME with one API key, which is shown once; only its hash is kept.

    Keys of the operator `admin` carry the admin role: they may see and steer nodes and games of all tenants.
    """
    if not _NAME.match(name):
        raise click.UsageError(
            f"an operator's name is 1 to 64 letters, digits, '.', '_', '~' or '-', starting with a letter or digit, not {name!r}"
        )
    with open_records(place, creates=True) as records:
        body = msgspec.json.encode(Operator(title or name, _now_ms()))
        if not records.put(Document(OPERATOR_KIND, name, 1, body)):
            raise Failure(f"operator {name} exists already; add a key with croupier operator add-key {name}", REFUSED)
        _add_key(records, name, label, as_json=as_json)


@operator.command("add-key")
@click.argument("name")
@click.option("--label", default="", help="What the key is for.")
@json_option
@place_options
def add_key(place: Place, name: str, label: str, *, as_json: bool) -> None:
    """Add an API key to operator NAME; it is shown once. Revoke the old one when callers have moved over."""
    with open_records(place) as records:
        if name not in {document.id for document in records.of_kind(OPERATOR_KIND)}:
            raise Failure(f"there is no operator {name}; croupier operator list names them", NOT_FOUND)
        _add_key(records, name, label, as_json=as_json)


@operator.command("list")
@json_option
@place_options
def list_(place: Place, *, as_json: bool) -> None:
    """List operators and their keys."""
    with open_records(place) as records:
        operators = {document.id: msgspec.json.decode(document.body, type=Operator) for document in records.of_kind(OPERATOR_KIND)}
        keys = {document.id: msgspec.json.decode(document.body, type=ApiKey) for document in records.of_kind(KEY_KIND)}
    value = [
        {
            "operator": name,
            "title": found.title,
            "role": "admin" if name == ADMIN_OPERATOR else "operator",
            "create_time": _time(found.create_time_ms),
            "keys": [
                {"key": key_id, "label": key.label, "create_time": _time(key.create_time_ms), "revoke_time": _time(key.revoke_time_ms)}
                for key_id, key in keys.items()
                if key.operator == name
            ],
        }
        for name, found in operators.items()
    ]
    rows = [("OPERATOR", "KEY", "LABEL", "CREATED", "STATE")]
    for name in operators:
        held = [(key_id, key) for key_id, key in keys.items() if key.operator == name]
        rows += [
            (name, key_id, key.label, _time(key.create_time_ms), "revoked" if key.revoke_time_ms else "in force") for key_id, key in held
        ]
        rows += [(name, "", "", "", "no key")] if not held else []
    emit({"operators": value}, table(rows) if operators else "no operators yet; croupier operator create NAME makes one", as_json=as_json)


@operator.command("revoke-key")
@click.argument("key")
@json_option
@place_options
def revoke_key(place: Place, key: str, *, as_json: bool) -> None:
    """Revoke API key KEY: its id, as `operator list` shows it. A running server refuses it within a second."""
    with open_records(place) as records:
        found = next((document for document in records.of_kind(KEY_KIND) if document.id == key), None)
        if found is None:
            raise Failure(f"there is no key {key}; croupier operator list shows the ids", NOT_FOUND)
        if msgspec.json.decode(found.body, type=ApiKey).revoke_time_ms:
            raise Failure(f"key {key} is revoked already", REFUSED)
        if not records.put(revoked(found, _now_ms())):
            raise Failure(f"key {key} was changed by another process just now; try again", REFUSED)
    emit({"key": key, "revoked": True}, f"revoked key {key}", as_json=as_json)


def _add_key(records: Records, name: str, label: str, *, as_json: bool) -> None:
    text, document = make_key(name, label, _now_ms(), engine.entropy(_KEY_ENTROPY_BYTES))
    written = records.put(document)
    assert written, "a fresh key id is new"
    value = {"operator": name, "key_id": document.id, "key": text, "database": records.place}
    emit(value, f"operator {name}, key {document.id}\n{text}\nKeep it: it can't be shown again.", as_json=as_json)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _time(time_ms: int) -> str:
    """RFC 3339, empty for 0."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if time_ms else ""
