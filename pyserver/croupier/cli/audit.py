"""`croupier audit`."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

import click
from msgspec import structs

from croupier import keyfile
from croupier.audit import history
from croupier.audit.report import Report
from croupier.audit.run import audit as run_audit
from croupier.audit.run import check_counts
from croupier.audit.wallet import Tools
from croupier.cli.exits import FAILED
from croupier.cli.options import Place, json_option, load_catalog, place_options
from croupier.cli.output import Progress, emit, money, table
from croupier.errors import StoreFailed
from croupier.stores.sqlite import open_snapshot
from croupier.stores.store import drive
from croupier.vault import Vault

_SHOWN_PROBLEMS = 20


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--replay", "replays", is_flag=True, help="Play every round again whose seed is revealed, or opens with the key file.")
@click.option(
    "--against",
    "earlier",
    type=click.Path(path_type=Path),
    help="An earlier backup: every wallet's ledger must go on from where it stood there.",
)
@json_option
@place_options
def audit(place: Place, path: Path | None, *, replays: bool, earlier: Path | None, as_json: bool) -> None:
    """Prove a database from its own rows: every wallet's hash chain, balances, sums, sessions, rounds, seeds, and the file itself.

    PATH is a database file or a data folder. A server may run on it: the audit reads one moment. With the key file, sealed seeds are opened too.
    Exit code 1 if anything is not as it must be.
    """
    if path is not None:
        place = place.at(path)
    started = time.perf_counter()
    report = audit_file(place, replays=replays, earlier=earlier)
    took_s = time.perf_counter() - started
    value = {**structs.asdict(report), "ok": report.is_clean, "took_s": round(took_s, 2), "database": str(place.database)}
    emit(value, _text(report, took_s), as_json=as_json)
    if not report.is_clean:
        sys.exit(FAILED)


def open_vault(place: Place) -> Vault | None:
    """The key file's vault; None where none was named and none is there."""
    return keyfile.load(place.keys) if place.keys_named or place.keys.exists() else None


def audit_file(place: Place, *, replays: bool, earlier: Path | None = None) -> Report:
    """Audits one moment of a file, with a progress bar. Raises StoreUnusable where it is no database of Croupier's, or the key file is another's."""
    tools = Tools(load_catalog(place.models_dir), open_vault(place), replays)
    report = Report()
    with closing(open_snapshot(place.database)) as snapshot:
        try:
            if tools.vault is not None:
                drive(keyfile.refuse_foreign(snapshot, tools.vault, place.keys))
            entries, records = snapshot.entry_count(), snapshot.record_counts()
            with Progress("entries", entries) as progress:
                drive(run_audit(snapshot, tools, report, progress.add))
            check_counts(report, entries, records)
            if earlier is not None:
                with closing(open_snapshot(earlier)) as then:
                    drive(history.compare(snapshot, then, report))
        except StoreFailed as error:
            report.add("store", 0, str(error))
        for problem in snapshot.problems():
            report.add("store", 0, problem)
    return report


def _text(report: Report, took_s: float) -> str:
    rows: list[tuple[str, ...]] = [("CURRENCY", "WALLETS", "DEPOSITED", "WITHDRAWN", "STAKED", "PAID", "BALANCES")]
    for sums in report.trial_balance:
        amounts = (sums.deposited_micros, sums.withdrawn_micros, sums.staked_micros, sums.paid_micros, sums.balance_micros)
        rows.append((sums.currency, f"{sums.wallets:,}", *(money(amount) for amount in amounts)))
    lines = [
        (
            f"{report.wallets:,} wallets, {report.entries:,} entries, {report.sessions:,} sessions, {report.rounds:,} rounds ({report.open_rounds:,} open), "
            f"{report.transfers:,} transfers, {report.epochs:,} closed epochs in {took_s:.1f} s"
        ),
        f"replayed {report.replayed_rounds:,} rounds; opened {report.sealed_seeds_opened:,} sealed seeds",
        *_gaps(report),
        "",
        table(rows),
        "",
        f"heads {report.heads_sha256}",
    ]
    if report.is_clean:
        return "\n".join((*lines, "ok: every chain, balance, row and sum is as the ledger says"))
    shown = [f"  {problem}" for problem in report.problems[:_SHOWN_PROBLEMS]]
    more = report.problem_count - len(shown)
    found = f"FAILED: {report.problem_count:,} problems, {report.broken_chains:,} broken chains, drift {money(report.drift)}"
    return "\n".join((*lines, found, *shown, *([f"  and {more:,} more"] if more else [])))


def _gaps(report: Report) -> list[str]:
    """What could not be checked."""
    gaps: list[str] = []
    if report.sealed_seeds_unopened:
        gaps.append(f"not checked: {report.sealed_seeds_unopened:,} sealed seeds, for want of the key file (--key-file)")
    if report.rounds_not_replayed:
        gaps.append(f"not replayed: {report.rounds_not_replayed:,} rounds, whose seed or model is not at hand")
    return gaps
