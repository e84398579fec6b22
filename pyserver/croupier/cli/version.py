"""`croupier version`."""

from __future__ import annotations

import hashlib
import platform

import click

from croupier import VERSION, engine
from croupier.cli.options import json_option
from croupier.cli.output import emit
from croupier.stores.sqlite import migrations


@click.command()
@json_option
def version(*, as_json: bool) -> None:
    """Print the version, the schema that it writes and the engine's digest."""
    digest = hashlib.sha256(engine.BINARY.read_bytes()).hexdigest()
    value = {"version": VERSION, "schema": len(migrations()), "python": platform.python_version(), "engine_sha256": digest}
    emit(value, f"croupier {VERSION}, schema {value['schema']}, Python {value['python']}, engine {digest}", as_json=as_json)
