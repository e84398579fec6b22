"""The way to one region's Cassandra, with the levels in force: which errors mean "nothing was done", and which reads are certain."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from croupier.errors import StoreFailed, StoreUnreachable
from croupier.stores.cassandra.driver import Applied, Consistency, Driver, Levels, Misuse, NotSent, Prepared, Row, Unknown, Value

Statements = Sequence[tuple[Prepared, Sequence[Value]]]

_READ_ATTEMPTS = 2


class Counts(Struct):
    """What became of the conditional statements since the start, and of reads."""

    applied: int = 0
    refused: int = 0
    """Lost races, and ids that were not new."""
    unknown: int = 0
    unsent: int = 0
    """No coordinator took it, or too few replicas are alive."""
    resolved_applied: int = 0
    """Unknown ones that took effect when they were sent again."""
    resolved_refused: int = 0
    """Unknown ones whose second sending was refused: the first had been applied, or another writer came first."""
    rolls: int = 0
    """Partitions closed by this node."""
    opened: int = 0
    """Partitions opened by this node, also those that another node had closed."""
    reads_failed: int = 0


class Link:
    """See the module. Levels are fixed for the life of a keyspace."""

    def __init__(self, driver: Driver, levels: Levels, timeout_s: float, counts: Counts) -> None:
        self.driver = driver
        self.levels = levels
        self._timeout_s = timeout_s
        self._counts = counts

    async def read(self, statement: Prepared, values: Sequence[Value]) -> list[Row]:
        """What is committed for certain: a serial read, which finishes what it finds half done. Of one partition. Raises StoreUnreachable."""
        return await self._read(statement, values, self.levels.serial)

    async def look(self, statement: Prepared, values: Sequence[Value]) -> list[Row]:
        """What was acknowledged, without finishing anything: cheaper. Raises StoreUnreachable."""
        return await self._read(statement, values, self.levels.commit)

    async def note(self, statement: Prepared, values: Sequence[Value]) -> None:
        """A plain write, of what is only a hint and may be written twice. Raises StoreUnreachable."""
        await self._read(statement, values, self.levels.commit)

    async def conditional(self, statements: Statements, *, avoid: str = "") -> Applied:
        """One conditional write. Raises NotSent, Unknown, StoreFailed."""
        counts = self._counts
        try:
            answer = await self.driver.conditional(statements, self.levels, self._timeout_s, avoid=avoid)
        except NotSent:
            counts.unsent += 1
            raise
        except Unknown:
            counts.unknown += 1
            raise
        except Misuse as error:
            raise _failed(error) from error
        if answer.applied:
            counts.applied += 1
        else:
            counts.refused += 1
        return answer

    async def _read(self, statement: Prepared, values: Sequence[Value], consistency: Consistency) -> list[Row]:
        error: Exception | None = None
        for _ in range(_READ_ATTEMPTS):
            try:
                return await self.driver.query(statement, values, consistency, self._timeout_s)
            except (NotSent, Unknown) as failed:
                error = failed
            except Misuse as failed:
                raise _failed(failed) from failed
        self._counts.reads_failed += 1
        raise unreachable(error) from error


def unreachable(error: Exception | None) -> StoreUnreachable:
    """What a caller is told where the store cannot be asked."""
    return StoreUnreachable(f"the store cannot be reached, or has no quorum ({error}); nothing was done, try again", retry_after_s=0.2)


def _failed(error: Misuse) -> StoreFailed:
    return StoreFailed(f"Cassandra does not do what this program asks of it: {error}")
