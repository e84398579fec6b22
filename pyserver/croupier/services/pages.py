"""Pages: their sizes, their tokens (AIP-158), and what is on them."""

from __future__ import annotations

from msgspec import Struct, structs

from croupier.errors import FieldInvalid, TokenOutOfRange
from croupier.model import Entry, Key, Kind, Row, Wallet
from croupier.operations.command import wallet_key
from croupier.stores.store import EntryQuery, Reads

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000
SCAN_MAX = 10_000
"""Entries that one page looks at: in a long ledger what is asked for may be rare, and others want to read too."""
_MAX_DIGITS = 18
_LAST_POSITION = 10**_MAX_DIGITS - 1


def page_size(requested: int) -> int:
    """How many to return: 100 where nothing is asked for, 1,000 at most."""
    if not 0 <= requested <= PAGE_SIZE_MAX:
        raise FieldInvalid(f"page_size must be 0 to {PAGE_SIZE_MAX}, not {requested}", field="page_size")
    return requested or PAGE_SIZE_DEFAULT


def position(token: str, *, last: int = _LAST_POSITION) -> int:
    """The number inside a page token, 1 to `last`; 0 for an empty one, which asks for the first page."""
    if not token:
        return 0
    found = number(token, "page_token")
    if not 1 <= found <= last:
        raise TokenOutOfRange("page_token was not given out by this server; start without one", field="page_token")
    return found


def number(token: str, field: str) -> int:
    """The number inside a token."""
    if not token.isascii() or not token.isdigit() or len(token) > _MAX_DIGITS:
        raise TokenOutOfRange(f"{field} was not given out by this server; start without one", field=field)
    return int(token)


class Page(Struct, frozen=True):
    """A page of a wallet's ledger."""

    head: Wallet | None
    entries: list[Entry]
    rows: list[Row]
    """The rows that the entries are about, where they were asked for."""
    next_token: str
    """Empty on the last page."""


async def newest(reads: Reads, query: EntryQuery, kind: Kind | None = None) -> Page:
    """What matches `query`, newest first, with the rows of `kind` that the entries refer to. A page may be short, and even empty, before the last."""
    key = wallet_key(query.wallet)
    head = (await reads.load([key]))[key]
    if not isinstance(head, Wallet):
        return Page(None, [], [], "")
    before = min(query.before_revision or _LAST_POSITION, head.revision + 1)
    floor = max(0, before - 1 - SCAN_MAX)
    entries = await reads.entries(structs.replace(query, before_revision=before, after_revision=floor))
    rest = entries[-1].revision if len(entries) == query.limit else floor + 1
    keys = [Key(query.wallet, kind, entry.reference) for entry in entries] if kind else []
    rows = await reads.load(keys)
    return Page(head, entries, [row for row in (rows[key] for key in keys) if row is not None], str(rest) if rest > 1 else "")
