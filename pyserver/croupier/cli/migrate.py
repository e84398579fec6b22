"""`croupier migrate`."""

from __future__ import annotations

import click

from croupier.cli.exits import REFUSED, Failure
from croupier.cli.options import Place, json_option, place_options
from croupier.cli.output import emit
from croupier.stores.sqlite import InUse, SqliteStore, migrations, schema_version


@click.command()
@click.option("--apply", "applies", is_flag=True, help="Bring the file up to date; a server must not run on it.")
@json_option
@place_options
def migrate(place: Place, *, applies: bool, as_json: bool) -> None:
    """Show a database's schema version, or bring it up to date. Back it up first."""
    before, known = schema_version(place.database), len(migrations())
    after = before
    if applies and before < known:
        try:
            SqliteStore(place.database).close()
        except InUse as error:
            raise Failure(str(error), REFUSED) from error
        after = schema_version(place.database)
    value = {"database": str(place.database), "version": after, "was": before, "newest": known, "pending": known - after}
    if after == known:
        done = f", brought up from {before}" if before != after else ""
        text = f"{place.database} has schema version {after}, the newest{done}"
    else:
        text = f"{place.database} has schema version {after}; {known - after} to go to {known}, with --apply"
    emit(value, text, as_json=as_json)
