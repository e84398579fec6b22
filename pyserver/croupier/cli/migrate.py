"""`croupier migrate`."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import click

from croupier.cli.exits import REFUSED, USAGE, Failure
from croupier.cli.options import Place, json_option, place_options
from croupier.cli.output import emit
from croupier.config import Config
from croupier.stores.sqlite import InUse, SqliteStore, migrations, schema_version

_REPLICAS = 3
"""In each region, unless said otherwise: one may be lost."""


@click.command()
@click.option("--apply", "applies", is_flag=True, help="Bring the file up to date; a server must not run on it. A keyspace may be in use.")
@click.option("--create-keyspace", "creates", is_flag=True, help="With --apply, on Cassandra: make the keyspace first, if it is not there.")
@click.option(
    "--replicas",
    multiple=True,
    metavar="REGION=NUMBER",
    help="How often the new keyspace is kept in a region, as often as there are regions, witnesses too.  [default: 3 in each region with contact points]",
)
@json_option
@place_options
def migrate(place: Place, *, applies: bool, creates: bool, replicas: tuple[str, ...], as_json: bool) -> None:
    """Show a database's schema version, or bring it up to date. Back it up first."""
    if creates > applies or (replicas and not creates):
        raise Failure("--replicas is for --create-keyspace, and that for --apply", USAGE)
    if place.settings.store == "cassandra":
        value, name = asyncio.run(_keyspace(place.settings, _replicas(place.settings, replicas) if creates else {}, applies=applies))
    else:
        value, name = _file(place, applies=applies), str(place.database)
    before, after, known = value["was"], value["version"], value["newest"]
    if after == known:
        done = f", brought up from {before}" if before != after else ""
        text = f"{name} has schema version {after}, the newest{done}"
    elif after > known:
        text = f"{name} has schema version {after}, of a newer program; this one knows {known}"
    else:
        text = f"{name} has schema version {after}; {known - after} to go to {known}, with --apply"
    emit(value, text, as_json=as_json)


def _file(place: Place, *, applies: bool) -> dict[str, Any]:
    before, known = schema_version(place.database), len(migrations())
    after = before
    if applies and before < known:
        try:
            SqliteStore(place.database).close()
        except InUse as error:
            raise Failure(str(error), REFUSED) from error
        after = schema_version(place.database)
    return {"database": str(place.database), "version": after, "was": before, "newest": known, "pending": max(0, known - after)}


async def _keyspace(config: Config, replicas: dict[str, int], *, applies: bool) -> tuple[dict[str, Any], str]:
    from croupier.stores.cassandra import opening, schema  # noqa: PLC0415 - Only who is on Cassandra needs its driver.

    if replicas:
        await opening.create_keyspace(config, replicas)
    before = await opening.version(config)
    after = await opening.migrate(config, f"{socket.gethostname()}, process {os.getpid()}") if applies else before
    known, name = len(schema.migrations()), f"keyspace {config.cassandra.keyspace}"
    value = {"keyspace": config.cassandra.keyspace, "version": after.version, "was": before.version, "newest": known}
    return {**value, "pending": max(0, known - after.version), "begun_by": after.migrating_by, "durability": after.durability}, name


def _replicas(config: Config, named: tuple[str, ...]) -> dict[str, int]:
    if not named:
        return dict.fromkeys(config.cassandra.contact_points, _REPLICAS)
    replicas: dict[str, int] = {}
    for text in named:
        region, _, count = text.partition("=")
        if not region.replace("-", "").replace("_", "").isalnum() or not count.isdigit() or int(count) < 1:
            raise Failure(f"--replicas {text} is not REGION=NUMBER", USAGE)
        replicas[region] = int(count)
    return replicas
