"""Nodes on a ring whose driver can be told to misbehave: the process ends at one statement, or the driver does not know what became of a batch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from croupier.config import Config
from croupier.stores.cassandra import opening, schema
from croupier.stores.cassandra.driver import Applied, Consistency, Driver, Levels, Prepared, Row, Unknown, Value
from croupier.stores.cassandra.opening import CassandraStore

ADDS = ["ALTER TABLE wallet ADD IF NOT EXISTS later text", "CREATE TABLE IF NOT EXISTS later (id int PRIMARY KEY)"]
"""What a later version might add to the schema."""
Statements = Sequence[tuple[Prepared, Sequence[Value]]]


class Killed(BaseException):
    """The process of the node ended here."""


class Death(NamedTuple):
    """Where a node ends: at the n-th statement of a kind, before it is sent or after it had its effect."""

    statement: Prepared
    is_sent: bool
    passing: int = 1


class DyingDriver:
    """Passes everything on, until the node's death."""

    def __init__(self, driver: Driver, death: Death) -> None:
        self.name = driver.name
        self.happened = False
        self._driver = driver
        self._death = death
        self._left = death.passing

    async def connect(self) -> None:
        await self._driver.connect()

    async def prepare(self, cql: str) -> Prepared:
        return await self._driver.prepare(cql)

    async def query(self, statement: Prepared, values: Sequence[Value], consistency: Consistency, timeout_s: float) -> list[Row]:
        dies = self._dies([statement])
        if dies and not self._death.is_sent:
            raise Killed
        rows = await self._driver.query(statement, values, consistency, timeout_s)
        if dies:
            raise Killed
        return rows

    async def conditional(self, statements: Statements, levels: Levels, timeout_s: float, *, avoid: str = "") -> Applied:
        dies = self._dies([statement for statement, _ in statements])
        if dies and not self._death.is_sent:
            raise Killed
        answer = await self._driver.conditional(statements, levels, timeout_s, avoid=avoid)
        if dies:
            raise Killed
        return answer

    async def run(self, cql: str, timeout_s: float) -> list[Row]:
        return await self._driver.run(cql, timeout_s)

    def abandon(self) -> None:
        self._driver.abandon()

    def close(self) -> None:
        self._driver.close()

    def _dies(self, statements: list[Prepared]) -> bool:
        if self.happened:
            raise Killed
        self._left -= self._death.statement in statements
        self.happened = self._left == 0
        return self.happened


class UnsureDriver(DyingDriver):
    """Leaves some conditional batches unknown: never sent, applied, or held back and sent later."""

    def __init__(self, driver: Driver, chance: random.Random, share: float) -> None:
        super().__init__(driver, Death(Prepared(""), is_sent=False, passing=-1))
        self.is_open = False
        """Until then it is as sure as any."""
        self._chance = chance
        self._share = share
        self._held: list[tuple[Statements, Levels, float]] = []

    async def conditional(self, statements: Statements, levels: Levels, timeout_s: float, *, avoid: str = "") -> Applied:
        if self._held and self._chance.random() < 0.5:
            await self._driver.conditional(*self._held.pop(self._chance.randrange(len(self._held))))
        if not self.is_open or self._chance.random() >= self._share:
            return await super().conditional(statements, levels, timeout_s, avoid=avoid)
        fate = self._chance.randrange(3)
        if fate == 1:
            await super().conditional(statements, levels, timeout_s, avoid=avoid)
        elif fate == 2:
            self._held.append((statements, levels, timeout_s))
        raise Unknown("told so by the test", "a coordinator")


class LyingDriver(DyingDriver):
    """Gives the same answer to every conditional statement."""

    def __init__(self, driver: Driver, answer: Applied) -> None:
        super().__init__(driver, Death(Prepared(""), is_sent=False, passing=-1))
        self._answer = answer

    async def conditional(self, statements: Statements, levels: Levels, timeout_s: float, *, avoid: str = "") -> Applied:
        return self._answer


class Node(CassandraStore):
    """A node's store, as `wrap` changes its driver."""

    def __init__(self, config: Config, death: Death | None = None, unsure: tuple[random.Random, float] | None = None) -> None:
        super().__init__(config)
        self._death = death
        self._unsure = unsure
        self.dying: DyingDriver | None = None
        self._drivers_in_use: list[UnsureDriver] = []

    async def open(self) -> None:
        await super().open()
        for driver in self._drivers_in_use:
            driver.is_open = True

    async def _connect(self, driver: Driver) -> Driver:
        driver = await super()._connect(driver)
        if self._death:
            driver = self.dying = DyingDriver(driver, self._death)
        if self._unsure:
            driver = UnsureDriver(driver, *self._unsure)
            self._drivers_in_use.append(driver)
        return driver


async def migrated_by_the_next(config: Config, versions: list[list[str]]) -> int:
    """The keyspace's version after a program that knows those versions has brought it up to date."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "migrations", lambda: versions)
        return (await opening.migrate(config, "the next version")).version
