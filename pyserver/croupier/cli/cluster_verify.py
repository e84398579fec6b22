"""`croupier cluster verify`."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import click
from msgspec import structs

from croupier import keyfile, server
from croupier.audit.live import audit_live
from croupier.audit.report import Report
from croupier.audit.wallet import Tools
from croupier.cli.exits import FAILED, UNUSABLE, Failure
from croupier.cli.options import config_option, json_option, load_catalog, load_config
from croupier.cli.output import Progress, emit, money, table
from croupier.config import Config
from croupier.errors import Refusal

_SHOWN_PROBLEMS = 20


@click.command()
@click.option("--replay", "replays", is_flag=True, help="Play every round again whose seed is revealed, or opens with the key file.")
@click.option("--through", metavar="REGION", default="", help="Ask this region's nodes of Cassandra alone.  [default: all regions]")
@json_option
@config_option
def verify(config_file: Path | None, through: str, *, replays: bool, as_json: bool) -> None:
    """Prove the money of all wallets while play goes on: each balance is the sum of its entries, each chain valid, each row as its entry says.

    Exit code 1 if anything is not as it must be. Run it through each region in turn to see that they tell the same.
    """
    settings = _through(load_config(config_file), through)
    started = time.perf_counter()
    report, restless = asyncio.run(_verified(settings, replays=replays))
    took_s = time.perf_counter() - started
    value = {**structs.asdict(report), "ok": report.is_clean, "restless_wallets": restless, "through": through, "took_s": round(took_s, 2)}
    emit(value, _text(report, restless, took_s), as_json=as_json)
    if not report.is_clean:
        sys.exit(FAILED)


def _through(settings: Config, region: str) -> Config:
    if not settings.is_clustered:
        raise Failure("the settings name no cluster's store; croupier audit proves a database file", UNUSABLE)
    points = settings.cassandra.contact_points
    if not region:
        return settings
    if region not in points:
        raise Failure(f"the settings know no region {region}; there are {', '.join(points) or 'none'}", UNUSABLE)
    return structs.replace(settings, region=region, cassandra=structs.replace(settings.cassandra, contact_points={region: points[region]}))


async def _verified(settings: Config, *, replays: bool) -> tuple[Report, int]:
    vault = keyfile.load(settings.keys) if settings.keys.exists() else None
    tools, report = Tools(load_catalog(settings.models_dir), vault, replays), Report()
    store = server.open_store(settings)
    await store.open()
    try:
        reads = store.reads()
        with Progress("wallets", sum(one.wallets for one in await reads.sums(""))) as progress:
            restless = await audit_live(reads, tools, report, progress.add)
    except Refusal as refusal:
        raise Failure(refusal.message, UNUSABLE) from refusal
    finally:
        store.close()
    return report, restless


def _text(report: Report, restless: int, took_s: float) -> str:
    rows: list[tuple[str, ...]] = [("CURRENCY", "WALLETS", "DEPOSITED", "WITHDRAWN", "STAKED", "PAID", "BALANCES")]
    for sums in report.trial_balance:
        amounts = (sums.deposited_micros, sums.withdrawn_micros, sums.staked_micros, sums.paid_micros, sums.balance_micros)
        rows.append((sums.currency, f"{sums.wallets:,}", *(money(amount) for amount in amounts)))
    counts = (
        f"{report.wallets:,} wallets, {report.entries:,} entries, {report.rounds:,} rounds ({report.open_rounds:,} open) in {took_s:.1f} s"
    )
    lines = [counts, "", table(rows), ""]
    if restless:
        lines.append(f"not checked: {restless:,} wallets that changed all the while; run it again")
    if report.is_clean:
        return "\n".join((*lines, "ok: every balance is the sum of its entries, every chain is whole"))
    shown = [f"  {problem}" for problem in report.problems[:_SHOWN_PROBLEMS]]
    found = f"FAILED: {report.problem_count:,} problems, {report.broken_chains:,} broken chains, drift {money(report.drift)}"
    return "\n".join((*lines, found, *shown))
