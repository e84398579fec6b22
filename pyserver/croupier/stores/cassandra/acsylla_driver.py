"""The play path's driver: acsylla, the C++ driver under asyncio. Set up so that it never sends anything twice by itself.

Two of its settings are ignored as keywords and must be set afterwards (load balancing over all regions, constant reconnect); cancelling a call does not
stop the request; the C library writes one harmless line about shards to stderr.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import acsylla as untyped  # pyright: ignore[reportMissingTypeStubs]

from croupier.stores.cassandra.driver import Applied, Consistency, Levels, Misuse, NotSent, Prepared, Row, Unknown, Value

_PAGE_ROWS = 2_000
acsylla: Any = untyped
_errors: Any = acsylla.errors
_NOT_SENT: tuple[type[Exception], ...] = (
    _errors.CassErrorServerUnavailable,
    _errors.CassErrorLibNoHostsAvailable,
    _errors.CassErrorServerIsBootstrapping,
    _errors.CassErrorLibRequestQueueFull,
    _errors.CassErrorLibNoStreams,
)
_MISUSE: tuple[type[Exception], ...] = (
    _errors.CassErrorServerInvalidQuery,
    _errors.CassErrorServerSyntaxError,
    _errors.CassErrorServerUnauthorized,
    _errors.CassErrorServerBadCredentials,
    _errors.CassErrorLibBadParams,
    _errors.CassErrorLibParameterUnset,
    _errors.CassErrorLibInvalidValueType,
)


class AcsyllaDriver:
    """One session with the nodes of one region. See Driver."""

    def __init__(self, region: str, contact_points: Sequence[str], port: int, keyspace: str, *, timeout_s: float = 2.5) -> None:
        """`keyspace` may be empty, for statements that name their own."""
        self.name = region
        self._keyspace = keyspace
        self._timeout_s = timeout_s
        self._cluster: Any = acsylla.create_cluster(
            list(contact_points),
            port=port,
            request_timeout=timeout_s,
            connect_timeout=2.0,
            consistency=acsylla.Consistency.QUORUM,
            serial_consistency=acsylla.Consistency.SERIAL,
            retry_policy="fallthrough",
            load_balance_dc_aware=region,
            heartbeat_interval_sec=1,
            idle_timeout_sec=3,
            num_threads_io=1,
            log_level="critical",
        )
        self._cluster.set_constant_reconnect(300)
        self._session: Any = None
        self._handles: dict[str, Any] = {}

    async def connect(self) -> None:
        """See Driver.connect."""
        try:
            self._session = await self._cluster.create_session(**({"keyspace": self._keyspace} if self._keyspace else {}))
        except _errors.CassException as error:
            raise self._told(error) from None

    async def prepare(self, cql: str) -> Prepared:
        """See Driver.prepare."""
        if cql not in self._handles:
            try:
                self._handles[cql] = await self._session.create_prepared(cql, timeout=self._timeout_s)
            except _errors.CassException as error:
                raise self._told(error) from None
        return Prepared(cql)

    async def query(self, statement: Prepared, values: Sequence[Value], consistency: Consistency, timeout_s: float) -> list[Row]:
        """See Driver.query."""
        bound = self._bind(statement, values, timeout_s)
        bound.set_consistency(acsylla.Consistency[consistency.value])
        return await self._all(bound)

    async def conditional(
        self, statements: Sequence[tuple[Prepared, Sequence[Value]]], levels: Levels, timeout_s: float, *, avoid: str = ""
    ) -> Applied:
        """See Driver.conditional."""
        batch: Any = acsylla.create_batch_unlogged()
        batch.set_consistency(acsylla.Consistency[levels.commit.value])
        batch.set_serial_consistency(acsylla.Consistency[levels.serial.value])
        batch.set_request_timeout(int(timeout_s * 1000))
        batch.set_is_idempotent(False)
        batch.set_retry_policy("fallthrough")
        for statement, values in statements:
            batch.add_statement(self._bind(statement, values, timeout_s))
        try:
            result = await self._session.execute_batch(batch)
        except _errors.CassException as error:
            raise self._told(error) from None
        row: dict[str, Any] = result.first().as_dict()
        return Applied(row.pop("[applied]"), row)

    async def run(self, cql: str, timeout_s: float) -> list[Row]:
        """See Driver.run."""
        statement: Any = acsylla.create_statement(cql)
        statement.set_timeout(timeout_s)
        return await self._all(statement)

    def close(self) -> None:
        """See Driver.close: the session ends when nothing refers to it any more."""
        self._session = None
        self._handles.clear()

    def _bind(self, statement: Prepared, values: Sequence[Value], timeout_s: float) -> Any:
        bound = self._handles[statement.cql].bind()
        bound.bind_list(list(values))
        bound.set_timeout(timeout_s)
        bound.set_is_idempotent(False)
        return bound

    async def _all(self, statement: Any) -> list[Row]:
        statement.set_page_size(_PAGE_ROWS)
        rows: list[Row] = []
        try:
            while True:
                result = await self._session.execute(statement)
                rows += [row.as_tuple() for row in result.all()]
                if not result.has_more_pages():
                    return rows
                statement.set_page_state(result.page_state())
        except _errors.CassException as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> NotSent | Unknown | Misuse:
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, _NOT_SENT):
            return NotSent(text, self.name)
        if isinstance(error, _MISUSE):
            return Misuse(text, self.name)
        return Unknown(text, self.name)
