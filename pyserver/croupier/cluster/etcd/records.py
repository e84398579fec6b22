"""What stands in etcd under the prefix, as JSON: a person with etcdctl can read it, and an older node skips fields that it does not know."""

from __future__ import annotations

import logging
from typing import TypeVar

import msgspec
from msgspec import Struct

from croupier.cluster.etcd.mirror import Entry, Mirror
from croupier.cluster.membership import Member

T = TypeVar("T")

MEMBERS = "members/"
"""members/NODE: a Member, under the node's lease."""
TERMS = "terms/"
"""terms/SINGLETON/LEASE: a Candidate, under the lease; the lowest create revision holds the term."""
HISTORY = "history/"
"""history/SINGLETON: a list of PastTerm, newest last."""
MOVES = "moves/"
"""moves/SINGLETON: a Move, under a lease of whoever asks for it."""
PAUSED = "paused"
"""A Pause, while the cluster is paused."""
HISTORY_MAX = 100

_log = logging.getLogger("croupier.cluster")


class Candidate(Struct, frozen=True):
    """A node that stands for a singleton."""

    node: str
    fence: int = 0
    """Of the term that it holds; 0 while it waits for its turn, or for its fence."""
    since_ms: int = 0
    """When the term began."""


class PastTerm(Struct, frozen=True):
    """A term that began once; it lasted at most until the next one of its singleton."""

    node: str
    fence: int
    since_ms: int


class Pause(Struct, frozen=True):
    """While it stands no singleton moves."""

    by: str
    reason: str
    since_ms: int


class Move(Struct, frozen=True):
    """A person wants a singleton to move."""

    by: str
    away_from: str
    """The node that holds it; it does not stand meanwhile."""
    to: str = ""
    """The only node that stands meanwhile, if given."""

    def excludes(self, node: str) -> bool:
        """`node` is not to hold the singleton now."""
        return node == self.away_from or bool(self.to and node != self.to)


def members(mirror: Mirror) -> list[Member]:
    """The members in order of their names."""
    found = (read(entry, Member) for _, entry in mirror.under(MEMBERS))
    return [member for member in found if member is not None]


def candidates(mirror: Mirror, singleton: str) -> list[tuple[str, Entry]]:
    """Who stands for a singleton, by key; the first one holds it."""
    return sorted(mirror.under(f"{TERMS}{singleton}/"), key=lambda named: named[1].created)


def read(entry: Entry | None, kind: type[T]) -> T | None:
    """A record, or None where there is none or this version cannot read it."""
    if entry is None:
        return None
    try:
        return msgspec.json.decode(entry.value, type=kind)
    except msgspec.MsgspecError as error:
        _log.debug("a record in etcd cannot be read: %s", error)
        return None
