"""What a driver for Cassandra is: a few calls, whose errors tell what was not sent from what may have happened.

A driver never sends a conditional statement twice: no retry, no speculative execution. Whoever calls it decides what to do with an Unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Protocol

from msgspec import Struct

Value = str | int | bytes | bool | None
Row = tuple[Any, ...]


class Consistency(Enum):
    """How many replicas a statement needs; names as in CQL."""

    LOCAL_ONE = "LOCAL_ONE"
    LOCAL_QUORUM = "LOCAL_QUORUM"
    QUORUM = "QUORUM"
    LOCAL_SERIAL = "LOCAL_SERIAL"
    SERIAL = "SERIAL"


class Levels(Struct, frozen=True):
    """How far the statements of one durability class reach."""

    is_local: bool
    """Within one region: LOCAL_SERIAL and LOCAL_QUORUM; otherwise over all of them: SERIAL and QUORUM."""

    @property
    def serial(self) -> Consistency:
        """Of the conditions of a write, and of reads that must see every write that was acknowledged."""
        return Consistency.LOCAL_SERIAL if self.is_local else Consistency.SERIAL

    @property
    def commit(self) -> Consistency:
        """Of the commits of conditional writes, and of plain reads and writes."""
        return Consistency.LOCAL_QUORUM if self.is_local else Consistency.QUORUM


LOCAL, GLOBAL = Levels(is_local=True), Levels(is_local=False)


class Prepared(Struct, frozen=True):
    """A statement that the server knows already; made by Driver.prepare."""

    cql: str


class Applied(Struct, frozen=True):
    """The answer to a conditional write."""

    applied: bool
    row: dict[str, Any]
    """Where it was refused, what the server tells about the row at fault, by column; empty where there is none."""


class Endpoint(Struct, frozen=True):
    """Where one coordinator listens."""

    region: str
    """The data centre that Cassandra counts it to."""
    host: str
    port: int

    @property
    def name(self) -> str:
        """For people, metrics and `avoid`: host:port."""
        return f"{self.host}:{self.port}"


class DriverError(Exception):
    """What went wrong, in the driver's words, and at which coordinator, where that is known."""

    def __init__(self, message: str, coordinator: str = "", *, silent: bool = False) -> None:
        super().__init__(f"{coordinator}: {message}" if coordinator else message)
        self.coordinator = coordinator
        self.silent = silent
        """Nobody answered: the time was up, or there is no connection."""


class NotSent(DriverError):
    """Nothing was changed, and nothing will be: no coordinator took the statement, or it said that too few replicas are alive."""


class Unknown(DriverError):
    """It may have been applied, may be applied later, or never."""


class Misuse(DriverError):
    """The server does not understand the statement or does not allow it; nothing was changed."""


class Driver(Protocol):
    """Connections to the nodes of one region, or of several where it is made of other drivers."""

    name: str
    """For people and metrics: the region, or a node's address."""

    async def connect(self) -> None:
        """Connects on the running event loop. Raises NotSent where no node answers, Misuse where the credentials or certificates are refused."""
        ...

    async def prepare(self, cql: str) -> Prepared:
        """Makes a statement known. Raises as `query`."""
        ...

    async def query(self, statement: Prepared, values: Sequence[Value], consistency: Consistency, timeout_s: float) -> list[Row]:
        """All rows, their columns in the order of the statement; for reads, and for plain writes, which give none. Raises NotSent, Unknown, Misuse."""
        ...

    async def conditional(
        self, statements: Sequence[tuple[Prepared, Sequence[Value]]], levels: Levels, timeout_s: float, *, avoid: str = ""
    ) -> Applied:
        """One conditional write: a batch of one partition where there are several statements. `avoid` names a coordinator that left an earlier try unknown.

        Raises NotSent, Unknown, Misuse. A caller that is cancelled knows nothing of its fate.
        """
        ...

    async def run(self, cql: str, timeout_s: float) -> list[Row]:
        """A statement that is not prepared: schema, and what the server tells about itself, from one node. Raises NotSent, Unknown, Misuse."""
        ...

    def abandon(self) -> None:
        """All that waits for an answer now raises Unknown, silent; what was sent may happen all the same."""
        ...

    def close(self) -> None:
        """Lets go of the connections."""
        ...
