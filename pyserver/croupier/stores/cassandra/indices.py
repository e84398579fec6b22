"""Where wallets are found without their names: an index that may lag, or name a wallet that was never made. Plain rows; nothing about money rests on them."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
from collections.abc import AsyncIterator
from typing import NamedTuple

from croupier.model import GENESIS_EPOCH, WalletKey
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.link import Link
from croupier.stores.store import DirtyNote

BUCKETS = 16
"""Parts of an operator's index, so that none grows beyond what a partition should hold; fixed for the life of a keyspace."""
DIRTY_SHARDS = 16
DIRTY_BUCKET_MS = 600_000
"""Notes of dirty wallets lie together by time, so that a sweeper reads no more than what is new."""
_PAGE_ROWS = 500


class Indexed(NamedTuple):
    """A wallet as the index has it."""

    wallet: WalletKey
    epoch: int
    """A partition that was open once."""


class Spot(NamedTuple):
    """A place in the index, in the order in which `some` goes through it."""

    operator: str
    bucket: int
    player: str = ""
    currency: str = ""


def bucket(player: str) -> int:
    """Which part of the index a player's wallets are in."""
    return hashlib.sha256(player.encode()).digest()[0] % BUCKETS


async def note_wallet(link: Link, wallet: WalletKey, epoch: int) -> None:
    """Puts a wallet into the index, or moves its hint. Raises StoreUnreachable."""
    await link.note(statements.INDEX_WALLET, [wallet.operator, bucket(wallet.player), wallet.player, wallet.currency, epoch])


async def note_operator(link: Link, operator: str) -> None:
    """Puts an operator into the index. Raises StoreUnreachable."""
    await link.note(statements.INDEX_OPERATOR, [operator])


async def hint(link: Link, wallet: WalletKey) -> int:
    """A partition of the wallet that was open once. Raises StoreUnreachable."""
    rows = await link.look(statements.READ_HINT, [wallet.operator, bucket(wallet.player), wallet.player, wallet.currency])
    return rows[0][0] if rows else GENESIS_EPOCH


async def operators(link: Link, start: str = "") -> list[str]:
    """Operators from `start` on, in order. Raises StoreUnreachable."""
    return [operator for (operator,) in await link.look(statements.READ_OPERATORS, [start])]


async def after(link: Link, operator: str, player: str, currency: str, limit: int) -> list[Indexed]:
    """At most `limit` of an operator's wallets in order, from the one after (player, currency). Raises StoreUnreachable."""
    pages = await asyncio.gather(
        *(link.look(statements.READ_BUCKET, [operator, number, player, currency, limit]) for number in range(BUCKETS))
    )
    rows = heapq.nsmallest(limit, (row for page in pages for row in page))
    return [Indexed(WalletKey(operator, *name), epoch) for *name, epoch in rows]


async def walk(link: Link, operator: str) -> AsyncIterator[list[Indexed]]:
    """All of an operator's wallets, some at a time, in no order. Raises StoreUnreachable."""
    for number in range(BUCKETS):
        player, currency = "", ""
        while rows := await link.look(statements.READ_BUCKET, [operator, number, player, currency, _PAGE_ROWS]):
            yield [Indexed(WalletKey(operator, *name), epoch) for *name, epoch in rows]
            player, currency, _ = rows[-1]


async def some(link: Link, after: Spot | None, limit: int) -> tuple[list[Indexed], Spot | None]:
    """At most `limit` of all wallets, from the one after a place in the index, or from the first; and where to go on, None at the end.

    There may be none on the way to there: one request looks into one part of one operator's index. Raises StoreUnreachable.
    """
    if after is None:
        first = await operators(link)
        return [], Spot(first[0], 0) if first else None
    rows = await link.look(statements.READ_BUCKET, [*after, limit])
    found = [Indexed(WalletKey(after.operator, *name), epoch) for *name, epoch in rows]
    if len(found) == limit:
        return found, Spot(after.operator, after.bucket, *found[-1].wallet[1:])
    if after.bucket + 1 < BUCKETS:
        return found, Spot(after.operator, after.bucket + 1)
    following = await operators(link, f"{after.operator}\0")
    return found, Spot(following[0], 0) if following else None


async def note_dirty(link: Link, wallet: WalletKey, node: str, now_ms: int) -> None:
    """Notes that `node` is about to change a wallet, so that others finish and tell of what it did should it die. Raises StoreUnreachable."""
    shard = hashlib.sha256("/".join(wallet).encode()).digest()[0] % DIRTY_SHARDS
    await link.note(statements.NOTE_DIRTY, [shard, now_ms // DIRTY_BUCKET_MS, node, *wallet])


async def dirty(link: Link, bucket_: int) -> list[DirtyNote]:
    """What was noted in a bucket of time; of a wallet written to in two, the first may have the only note. Raises StoreUnreachable."""
    shards = await asyncio.gather(*(link.look(statements.READ_DIRTY, [shard, bucket_]) for shard in range(DIRTY_SHARDS)))
    return [DirtyNote(node, WalletKey(*name)) for rows in shards for node, *name in rows]
