"""Fences of singletons: a number that only grows, raised conditionally, under which every later effect of a term is written."""

from __future__ import annotations

from croupier.errors import OutcomeUnknown, StoreUnreachable
from croupier.stores.cassandra import statements
from croupier.stores.cassandra.driver import NotSent, Unknown
from croupier.stores.cassandra.link import Link, unreachable
from croupier.stores.store import NO_FENCE, CommitResult, Fence, FencedRecord

_ATTEMPTS = 10


async def raise_fence(link: Link, singleton: str, holder: str) -> int:
    """See Fences.raise_fence. A raise whose fate is unknown is followed by another: the number grows by more than one then, which harms nobody."""
    error: Exception | None = None
    avoid = ""
    for _ in range(_ATTEMPTS):
        rows = await link.read(statements.READ_FENCE, [singleton])
        number = rows[0][0] + 1 if rows else 1
        raising = (statements.RAISE_FENCE, [number, holder, singleton, number - 1])
        try:
            if (await link.conditional([raising if rows else (statements.CREATE_FENCE, [singleton, number, holder])], avoid=avoid)).applied:
                return number
        except NotSent as failed:
            raise unreachable(failed) from failed
        except Unknown as failed:
            error, avoid = failed, failed.coordinator
    if error is None:
        raise StoreUnreachable(f"others raise the fence of {singleton} all the time; try again")
    raise OutcomeUnknown(f"whether the fence of {singleton} was raised is not known ({error})") from error


async def fenced(link: Link, singleton: str) -> tuple[Fence, list[FencedRecord]]:
    """See Reads.fenced."""
    rows = await link.read(statements.READ_FENCED, [singleton])
    if not rows:
        return NO_FENCE, []
    return Fence(*rows[0][2:]), [FencedRecord(singleton, item, body) for item, body, *_ in rows if item]


async def put_fenced(link: Link, record: FencedRecord, fence: int) -> CommitResult:
    """See Fences.put_fenced."""
    try:
        answer = await link.conditional([(statements.PUT_FENCED, [record.body, record.singleton, record.item, fence])])
    except NotSent:
        return CommitResult.UNSENT
    except Unknown:
        return CommitResult.UNKNOWN
    return CommitResult.APPLIED if answer.applied else CommitResult.REFUSED
