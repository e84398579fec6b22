"""`croupier cluster archive`: a wallet's history of a month, as it was copied out of the ledger."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from croupier.cli.exits import FAILED, NOT_FOUND, UNUSABLE, Failure
from croupier.cli.options import config_option, json_option, load_config, parse_wallet
from croupier.cli.output import emit, money, table
from croupier.config import Config
from croupier.errors import Refusal
from croupier.model import Entry, Wallet, WalletKey
from croupier.operations import ledger
from croupier.operations.command import wallet_key
from croupier.operations.play_round import format_id
from croupier.services.recall import recall_entry
from croupier.stores.cassandra.opening import CassandraStore

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_LIMIT_MAX = 10_000


class _Found(NamedTuple):
    entries: Sequence[Entry]
    has_more: bool
    reached: int
    """The revision that the wallet's archive reaches to."""
    revision: int
    """The wallet's own."""


@click.command()
@click.option("--wallet", "wallet_name", required=True, help="operators/{operator}/players/{player}/wallets/{currency}.")
@click.option("--month", "month_name", metavar="YYYY-MM", required=True, help="In UTC.")
@click.option("--after", default=0, show_default=True, help="Only entries above this revision: where the answer before ended.")
@click.option("--limit", type=click.IntRange(1, _LIMIT_MAX), default=1_000, show_default=True, help="At most so many entries.")
@json_option
@config_option
def archive(config_file: Path | None, wallet_name: str, month_name: str, after: int, limit: int, *, as_json: bool) -> None:
    """Show a wallet's entries of a month from the archive, oldest first, with their hash chain checked; and how far the archive reaches.

    It has what is older than cassandra.archive_after_days, of the wallet's closed epochs; the rest is in the ledger alone. Exit code 1 if the chain is broken.
    """
    wallet, month = parse_wallet(wallet_name), _MONTH.fullmatch(month_name)
    if month is None:
        raise click.UsageError(f"--month is a year and a month, such as 2026-11, not {month_name!r}")
    found = asyncio.run(_found(load_config(config_file), wallet, int(month[1]) * 100 + int(month[2]), after, limit))
    broken = _broken(wallet, found.entries)
    following = found.entries[-1].revision if found.has_more else None
    value = {
        "wallet": str(wallet),
        "month": month_name,
        "entries": [recall_entry(wallet, entry) for entry in found.entries],
        "after": following,
        "archived_until_revision": found.reached,
        "wallet_revision": found.revision,
        "broken_chain_at": broken,
    }
    emit(value, "\n".join(_lines(wallet, found, broken, following)), as_json=as_json)
    if broken:
        sys.exit(FAILED)


async def _found(settings: Config, wallet: WalletKey, month: int, after: int, limit: int) -> _Found:
    if not settings.is_clustered:
        raise Failure("the settings name no cluster's store; a database file keeps all of its ledger", UNUSABLE)
    store = CassandraStore(settings)
    await store.open()
    with closing(store):
        try:
            head = (await store.load([wallet_key(wallet)]))[wallet_key(wallet)]
            if not isinstance(head, Wallet):
                raise Failure(f"there is no wallet {wallet}", NOT_FOUND)
            entries = await store.archived(wallet, month, after, limit + 1)
            return _Found(entries[:limit], len(entries) > limit, await store.archived_until(wallet), head.revision)
        except Refusal as refusal:
            raise Failure(refusal.message, UNUSABLE) from refusal


def _broken(wallet: WalletKey, entries: Sequence[Entry]) -> int | None:
    """The first revision whose hash does not follow from the entry before, where that is among them or there is none."""
    before = ledger.new_wallet(wallet, 0).chain_hash
    revision = 0
    for entry in entries:
        if entry.revision == revision + 1 and ledger.chain(before, entry) != entry.chain_hash:
            return entry.revision
        before, revision = entry.chain_hash, entry.revision
    return None


def _lines(wallet: WalletKey, found: _Found, broken: int | None, following: int | None) -> list[str]:
    rows: list[tuple[str, ...]] = [("REVISION", "TIME", "KIND", "REFERENCE", "STEP", "STAKE", "PAYOUT", "TRANSFER", "BALANCE")]
    for entry in found.entries:
        time = datetime.fromtimestamp(entry.time_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        kind = entry.kind.name.lower().replace("_", " ")
        amounts = (entry.stake_micros, entry.payout_micros, entry.transfer_micros, entry.balance_micros)
        shown = tuple(money(amount) if amount else "" for amount in amounts[:-1])
        rows.append(
            (str(entry.revision), time, kind, format_id(entry.reference), str(entry.step), *shown, money(amounts[-1], wallet.currency))
        )
    lines = [table(rows), ""] if found.entries else ["nothing of that month is in the archive"]
    lines.append(f"the archive of this wallet reaches to revision {found.reached:,} of {found.revision:,}")
    if following:
        lines.append(f"there are more: go on with --after {following}")
    if broken:
        lines.append(f"FAILED: the hash chain is broken at revision {broken:,}")
    return lines
