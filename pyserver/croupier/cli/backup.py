"""`croupier backup`."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec import structs

from croupier.audit.report import Report
from croupier.cli.audit import audit_file
from croupier.cli.exits import FAILED, REFUSED, Failure
from croupier.cli.options import Place, json_option, place_options
from croupier.cli.output import Progress, emit
from croupier.private_file import sync_folder
from croupier.stores import backup as copies
from croupier.stores.sqlite import schema_version


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--with-keys", is_flag=True, help="Copy the key file too. Whoever has both can read sealed seeds: keep such a backup like a key."
)
@json_option
@place_options
def backup(place: Place, target: Path, *, with_keys: bool, as_json: bool) -> None:
    """Copy a database to TARGET (a file, or a folder) while a server runs on it, and prove the copy: file check, full audit, SHA-256 in a manifest.

    Only a copy that passed gets its name and its manifest TARGET.json.
    """
    started = time.perf_counter()
    now = datetime.now(UTC)
    if target.is_dir():
        target = target / f"croupier-{now:%Y%m%dT%H%M%SZ}.db"
    if target.exists():
        raise Failure(f"{target} exists already; name another file", REFUSED)
    schema = schema_version(place.database)
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    with Progress("pages", 1) as progress:
        copies.copy(place.database, partial, progress.reach_of)
    report = audit_file(structs.replace(place, database=partial), replays=False)
    _refuse_damaged(report, partial, place.database)
    keys = _copy_keys(place.keys, target) if with_keys else None
    manifest = copies.Manifest(
        target.name,
        copies.digest(partial),
        partial.stat().st_size,
        schema,
        int(now.timestamp() * 1_000),
        report.entries,
        report.wallets,
        report.heads_sha256,
        keys.name if keys else "",
        copies.digest(keys) if keys else "",
    )
    copies.write_manifest(target, manifest)
    partial.replace(target)
    sync_folder(target.parent)
    took_s = time.perf_counter() - started
    value = {"backup": str(target), "manifest": structs.asdict(manifest), "took_s": round(took_s, 2), "audit": "ok"}
    text = (
        f"{target}: {report.wallets:,} wallets, {report.entries:,} entries, {manifest.size_bytes:,} bytes in {took_s:.1f} s\n"
        f"sha256 {manifest.sha256}, audited: ok"
    )
    without = "" if with_keys else f"\nthe key file {place.keys} is not in it: keep a copy of it elsewhere, a restore needs it"
    emit(value, text + without, as_json=as_json)


def _refuse_damaged(report: Report, partial: Path, database: Path) -> None:
    if report.is_clean:
        return
    partial.unlink()
    raise Failure(
        f"no backup was made: a copy of {database} fails its audit with {report.problem_count} problems, the first: {report.problems[0]}; "
        "run croupier audit, and restore an older backup if need be",
        FAILED,
    )


def _copy_keys(keys: Path, target: Path) -> Path:
    copy = target.with_name(target.name + ".keys")
    copy.touch(mode=0o600)
    shutil.copyfile(keys, copy)
    return copy
