"""`croupier restore`."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec import structs

from croupier import engine, keyfile, private_file
from croupier.cli.audit import audit_file
from croupier.cli.exits import FAILED, REFUSED, UNUSABLE, Failure
from croupier.cli.options import Place, json_option, load_catalog, place_options
from croupier.cli.output import emit
from croupier.errors import Refusal
from croupier.jobs.rotate_seeds import Rotated, rotate_open_sessions
from croupier.limits import Limits
from croupier.operations.house import House
from croupier.runners.embedded import EmbeddedRunner
from croupier.stores import backup as copies
from croupier.stores.sqlite import InUse, SqliteStore, open_snapshot, schema_version
from croupier.stores.store import drive


@click.command()
@click.argument("source", metavar="BACKUP", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace a database that exists; it is kept under another name.")
@click.option("--keep-seeds", is_flag=True, help="Don't rotate the seeds of open sessions: for a drill, or if nothing was played since.")
@click.option("--digest-only", is_flag=True, help="Trust the audit that was made at the backup: faster, same bytes.")
@json_option
@place_options
def restore(place: Place, source: Path, *, force: bool, digest_only: bool, keep_seeds: bool, as_json: bool) -> None:
    """Put BACKUP in the place of a database: checks its SHA-256 against its manifest and audits it first, then replaces all at once.

    Refuses to replace a database without --force, and one that a server runs on in any case. In the end it rotates the seeds of open sessions, for
    players may have seen rounds that are lost now; that needs the key file.
    """
    started = time.perf_counter()
    manifest = copies.read_manifest(source)
    if place.database.exists() and not force:
        raise Failure(f"{place.database} exists already; --force replaces it and keeps it under another name", REFUSED)
    if not source.is_file():
        raise Failure(f"there is no backup {source}", UNUSABLE)
    if copies.digest(source) != manifest.sha256:
        raise Failure(f"{source} is not what was backed up: its SHA-256 is not the manifest's; use another backup", FAILED)
    schema_version(source)
    keys, backed_up_keys = _keys(place, source, manifest)
    if not keep_seeds and not keys.exists():
        raise Failure(f"the key file {keys} is missing, so seeds can't be rotated; bring it back, or use --keep-seeds", UNUSABLE)
    if keys.exists():
        with closing(open_snapshot(source)) as snapshot:
            drive(keyfile.refuse_foreign(snapshot, keyfile.load(keys), keys))
    if not digest_only:
        _audit(structs.replace(place, database=source, keys=keys), manifest)
    kept = _replace(source, place)
    if backed_up_keys and not place.keys.exists():
        private_file.write(place.keys, backed_up_keys.read_text())
    rotated = None if keep_seeds else _rotate_seeds(place)
    taken = datetime.fromtimestamp(manifest.create_time_ms / 1_000, UTC)
    value = {
        "database": str(place.database),
        "backup": str(source),
        "backup_time": taken.isoformat(timespec="seconds"),
        "entries": manifest.entries,
        "kept": str(kept) if kept else "",
        "audited": not digest_only,
        "seeds_rotated": rotated.sessions if rotated else 0,
        "sessions_in_round": rotated.in_round if rotated else 0,
        "took_s": round(time.perf_counter() - started, 2),
    }
    lines = [f"{place.database} is the backup of {taken:%Y-%m-%d %H:%M:%S} UTC: {manifest.wallets:,} wallets, {manifest.entries:,} entries"]
    if rotated:
        lines.append(f"rotated the seeds of {rotated.sessions:,} open sessions; {rotated.in_round:,} are in a round and keep theirs")
    if kept:
        lines.append(f"the database before is kept as {kept}")
    emit(value, "\n".join((*lines, f"took {value['took_s']} s")), as_json=as_json)


def _replace(source: Path, place: Place) -> Path | None:
    place.database.parent.mkdir(parents=True, exist_ok=True)
    try:
        return copies.replace(source, place.database, f".replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    except InUse as error:
        raise Failure(str(error), REFUSED) from error


def _rotate_seeds(place: Place) -> Rotated:
    vault = keyfile.load(place.keys)
    store = SqliteStore(place.database)
    try:
        drive(keyfile.check(store, vault, place.keys))
        house = House(load_catalog(place.models_dir), vault, Limits())
        return drive(rotate_open_sessions(EmbeddedRunner(store, house, lambda: time.time_ns() // 1_000_000, engine.entropy)))
    except Refusal as refusal:
        raise Failure(
            f"{place.database} was restored, but its seeds were not rotated: {refusal.message}; restore it again", FAILED
        ) from refusal
    finally:
        store.close()


def _keys(place: Place, source: Path, manifest: copies.Manifest) -> tuple[Path, Path | None]:
    """The key file to check the backup with, and the one in the backup, if there is one."""
    if not manifest.key_file:
        return place.keys, None
    backed_up = source.with_name(manifest.key_file)
    if not backed_up.is_file() or copies.digest(backed_up) != manifest.key_sha256:
        raise Failure(f"the backup's key file {backed_up} is missing or not what was backed up", FAILED)
    return (place.keys if place.keys.exists() else backed_up), backed_up


def _audit(place: Place, manifest: copies.Manifest) -> None:
    report = audit_file(place, replays=False)
    if not report.is_clean:
        raise Failure(f"nothing was restored: the backup fails its audit, first: {report.problems[0]}", FAILED)
    if (report.entries, report.heads_sha256) != (manifest.entries, manifest.heads_sha256):
        raise Failure("nothing was restored: the backup's ledger is not the one that its manifest names", FAILED)
