"""The play path's driver: acsylla, the C++ driver under asyncio. Set up so that it never sends anything twice by itself.

Two of its settings are ignored as keywords and must be set afterwards (round robin, constant reconnect), and its PEER_IDENTITY checks no identity; certificates
are texts, not file names; a batch's time-out is in milliseconds, a statement's in seconds; cancelling a call does not stop the request. The C library writes a
harmless line about shards to stderr.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Sequence
from typing import Any

import acsylla as untyped  # pyright: ignore[reportMissingTypeStubs]

from croupier.config import Cassandra
from croupier.stores.cassandra import credentials
from croupier.stores.cassandra.driver import Applied, Consistency, Endpoint, Levels, Misuse, NotSent, Prepared, Row, Unknown, Value

CONNECT_TIMEOUT_S = 1.0
RECONNECT_MS = 300
_COALESCE_US = 1_000
"""How long the library waits for more requests to send with those that it has; one that comes alone goes at once. At its own 200 us its thread wakes up
more than once a request under load, and sends hardly any two together."""
_PAGE_ROWS = 2_000
_SIGNED_AND_FOR_THIS_ADDRESS = 3
"""CASS_SSL_VERIFY_PEER_CERT and CASS_SSL_VERIFY_PEER_IDENTITY; the library's own name for the latter is a second one for the former."""
acsylla: Any = untyped
_UNDER_WAY: set[Coroutine[Any, Any, Any]] = set()
"""The library's calls that have not ended. One that were dropped would hang the process: its session waits for it for ever."""
_errors: Any = acsylla.errors
_LEVELS: dict[Consistency, Any] = {level: acsylla.Consistency[level.value] for level in Consistency}
_NOT_SENT: tuple[type[Exception], ...] = (
    _errors.CassErrorServerUnavailable,
    _errors.CassErrorServerIsBootstrapping,
    _errors.CassErrorLibNoHostsAvailable,
    _errors.CassErrorLibRequestQueueFull,
    _errors.CassErrorLibNoStreams,
    _errors.CassErrorLibNoAvailableIoThread,
)
_MISUSE: tuple[type[Exception], ...] = (
    _errors.CassErrorServerInvalidQuery,
    _errors.CassErrorServerSyntaxError,
    _errors.CassErrorServerUnauthorized,
    _errors.CassErrorServerBadCredentials,
    _errors.CassErrorServerAlreadyExists,
    _errors.CassErrorServerConfigError,
    _errors.CassErrorLibUnableToSetKeyspace,
    _errors.CassErrorLibBadParams,
    _errors.CassErrorLibParameterUnset,
    _errors.CassErrorLibInvalidValueType,
    _errors.CassErrorSourceSsl,
)


class AcsyllaDriver:
    """A session with one coordinator. See Driver."""

    def __init__(self, endpoint: Endpoint, settings: Cassandra, *, keyspace: str | None = None) -> None:
        """`keyspace` instead of the settings' own; empty for statements that name theirs. Raises Misuse where the settings' files do."""
        self.name = endpoint.name
        self.region = endpoint.region
        self._endpoint = endpoint
        self._settings = settings
        self._keyspace = settings.keyspace if keyspace is None else keyspace
        self._shown = credentials.read(settings)
        self._session: Any = None
        self._handles: dict[str, Any] = {}
        self._waiting: set[asyncio.Future[Any]] = set()

    async def connect(self) -> None:
        """See Driver.connect."""
        self.close()
        cluster = _cluster(await self._address(), self._endpoint.port, self._settings, self._shown)
        try:
            self._session = await _to_its_end(cluster.create_session(**({"keyspace": self._keyspace} if self._keyspace else {})))
        except _errors.CassException as error:
            raise self._not_connected(error) from None

    async def prepare(self, cql: str) -> Prepared:
        """See Driver.prepare."""
        await self._handle(cql)
        return Prepared(cql)

    async def query(self, statement: Prepared, values: Sequence[Value], consistency: Consistency, timeout_s: float) -> list[Row]:
        """See Driver.query."""
        bound = self._bind(await self._handle(statement.cql), values)
        bound.set_consistency(_LEVELS[consistency])
        bound.set_timeout(timeout_s)
        return await self._all_pages(bound)

    async def conditional(
        self, statements: Sequence[tuple[Prepared, Sequence[Value]]], levels: Levels, timeout_s: float, *, avoid: str = ""
    ) -> Applied:
        """See Driver.conditional."""
        batch = acsylla.create_batch_unlogged()
        batch.set_consistency(_LEVELS[levels.commit])
        batch.set_serial_consistency(_LEVELS[levels.serial])
        batch.set_request_timeout(int(timeout_s * 1000))
        batch.set_is_idempotent(False)
        batch.set_retry_policy("fallthrough")
        for statement, values in statements:
            handle = self._handles.get(statement.cql) or await self._handle(statement.cql)
            batch.add_statement(self._bind(handle, values))
        session = self._connected()
        try:
            first = (await self._awaited(session.execute_batch(batch))).first()
        except _errors.CassException as error:
            raise self._classified(error) from None
        row: dict[str, Any] = {} if first is None else first.as_dict()
        if "[applied]" not in row:
            raise Unknown("the answer does not say whether the conditions held", self.name)
        return Applied(row.pop("[applied]"), row)

    async def run(self, cql: str, timeout_s: float) -> list[Row]:
        """See Driver.run."""
        statement = acsylla.create_statement(cql)
        statement.set_timeout(timeout_s)
        statement.set_consistency(acsylla.Consistency.LOCAL_ONE)
        statement.set_is_idempotent(False)
        return await self._all_pages(statement)

    def abandon(self) -> None:
        """See Driver.abandon."""
        for answer in [*self._waiting]:
            if not answer.done():
                answer.set_exception(Unknown("it hangs", self.name, silent=True))

    def close(self) -> None:
        """See Driver.close."""
        # It closes when nothing refers to it any more, within milliseconds. Its own `close` aborts the process where the event loop ends meanwhile.
        self._session = None
        self._handles.clear()

    async def _address(self) -> str:
        """The node's present address: the library would look a name up once, and keep connections to addresses only."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotSent(f"no address: {error}", self.name, silent=True) from error
        return str(found[0][4][0])

    def _connected(self) -> Any:
        if self._session is None:
            raise NotSent("not connected", self.name, silent=True)
        return self._session

    async def _handle(self, cql: str) -> Any:
        """A statement's handle, prepared where this coordinator does not know it yet."""
        handle = self._handles.get(cql)
        if handle is None:
            session = self._connected()
            try:
                handle = await self._answer(session.create_prepared(cql))
            except Unknown as error:
                # Preparing changes nothing, and what was to be executed was not sent.
                raise NotSent(str(error), silent=error.silent) from None
            self._handles[cql] = handle
        return handle

    def _bind(self, handle: Any, values: Sequence[Value]) -> Any:
        bound = handle.bind()
        try:
            bound.bind_list(list(values))
        except (_errors.CassException, TypeError, ValueError, OverflowError) as error:
            raise Misuse(f"a value does not fit the statement: {error}", self.name) from None
        bound.set_is_idempotent(False)
        return bound

    async def _all_pages(self, statement: Any) -> list[Row]:
        statement.set_page_size(_PAGE_ROWS)
        session = self._connected()
        rows: list[Row] = []
        while True:
            result = await self._answer(session.execute(statement))
            rows += [row.as_tuple() for row in result.all()]
            if not result.has_more_pages():
                return rows
            statement.set_page_state(result.page_state())

    def _awaited(self, request: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        answer = _to_its_end(request)
        self._waiting.add(answer)
        answer.add_done_callback(self._waiting.discard)
        return answer

    async def _answer(self, request: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await self._awaited(request)
        except _errors.CassException as error:
            raise self._classified(error) from None

    def _classified(self, error: Exception) -> NotSent | Unknown | Misuse:
        """What is not on a list may have happened."""
        told = f"{type(error).__name__}: {error}"
        if isinstance(error, _NOT_SENT):
            return NotSent(told, self.name, silent=isinstance(error, _errors.CassErrorSourceLib))
        if isinstance(error, _MISUSE):
            return Misuse(told, self.name)
        return Unknown(told, self.name, silent=isinstance(error, _errors.CassErrorLibRequestTimedOut))

    def _not_connected(self, error: Exception) -> NotSent | Misuse:
        classified = self._classified(error)
        return classified if isinstance(classified, Misuse) else NotSent(f"{type(error).__name__}: {error}", self.name, silent=True)


def _to_its_end(call: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
    """Runs a call of the library's to its end, also where who waits for it is cancelled, and where the event loop cancels all its tasks."""
    ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    _UNDER_WAY.add(call)

    def go_on(_: object = None) -> None:
        try:
            awaited = call.send(None)
        except StopIteration as stop:
            _UNDER_WAY.discard(call)
            if not ended.done():
                ended.set_result(stop.value)
        except Exception as error:
            _UNDER_WAY.discard(call)
            if not ended.done():
                ended.set_exception(error)
        else:
            # What a task does with a future that its coroutine awaits.
            awaited._asyncio_future_blocking = False
            awaited.add_done_callback(go_on)

    go_on()
    return ended


def _cluster(address: str, port: int, settings: Cassandra, shown: credentials.Credentials) -> Any:
    cluster = acsylla.create_cluster(
        [address],
        port=port,
        whitelist_hosts=address,
        connect_timeout=CONNECT_TIMEOUT_S,
        request_timeout=settings.request_timeout_s,
        consistency=acsylla.Consistency.QUORUM,
        serial_consistency=acsylla.Consistency.SERIAL,
        retry_policy="fallthrough",
        speculative_execution_policy=None,
        heartbeat_interval_sec=1,
        idle_timeout_sec=3,
        num_threads_io=1,
        coalesce_delay_us=_COALESCE_US,
        token_aware_routing=False,
        use_schema=False,
        log_level="critical",
        application_name="croupier",
    )
    cluster.set_load_balance_round_robin(True)
    cluster.set_constant_reconnect(RECONNECT_MS)
    if shown.username:
        cluster.set_credentials(shown.username, shown.password)
    if shown.ca:
        cluster.set_ssl(True, shown.certificate or None, shown.key or None, "", shown.ca, _SIGNED_AND_FOR_THIS_ADDRESS)
    return cluster
