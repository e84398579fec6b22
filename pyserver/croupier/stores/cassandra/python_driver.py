"""The second driver: cassandra-driver, for where acsylla's bundled OpenSSL is not allowed, and for schema and administration.

Its threads call back, and `Completions` brings that to the event loop. Its default retry policy sends conditional batches again after lost connections, and
then says that no host was available although the batch was applied: so nothing here runs without `FallthroughRetryPolicy`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Sequence
from typing import Any

import cassandra as untyped  # pyright: ignore[reportMissingTypeStubs]
import cassandra.auth as untyped_auth  # pyright: ignore[reportMissingTypeStubs]
import cassandra.cluster as untyped_cluster  # pyright: ignore[reportMissingTypeStubs]
import cassandra.policies as untyped_policies  # pyright: ignore[reportMissingTypeStubs]
import cassandra.protocol as untyped_protocol  # pyright: ignore[reportMissingTypeStubs]
import cassandra.query as untyped_query  # pyright: ignore[reportMissingTypeStubs]

from croupier.config import Cassandra
from croupier.stores.cassandra import credentials
from croupier.stores.cassandra.driver import Applied, Consistency, Endpoint, Levels, Misuse, NotSent, Prepared, Row, Unknown, Value
from croupier.stores.completions import Completions

CONNECT_TIMEOUT_S = 1.0
RECONNECT_S = 0.3
PROTOCOL_VERSION = 5
"""Its frames carry checksums."""
_PAGE_ROWS = 2_000
_CONDITIONAL = "conditional"
_root: Any = untyped
_auth: Any = untyped_auth
_driver: Any = untyped_cluster
_policies: Any = untyped_policies
_protocol: Any = untyped_protocol
_query: Any = untyped_query
_LEVELS: dict[Consistency, int] = {level: _root.ConsistencyLevel.name_to_value[level.value] for level in Consistency}
_NOT_SENT: tuple[type[Exception], ...] = (_root.Unavailable, _driver.NoHostAvailable, _protocol.IsBootstrappingErrorMessage)
_MISUSE: tuple[type[Exception], ...] = (
    _root.InvalidRequest,
    _root.Unauthorized,
    _root.AuthenticationFailed,
    _root.AlreadyExists,
    _protocol.SyntaxException,
    _protocol.ConfigurationException,
)
_SILENT: tuple[type[Exception], ...] = (_root.OperationTimedOut, untyped_cluster.ConnectionException)


# It logs each failed attempt with its trace; what matters is raised, and logged by whoever goes on trying.
logging.getLogger("cassandra").setLevel(logging.CRITICAL)


class PythonDriver:
    """A session with one coordinator. See Driver."""

    def __init__(self, endpoint: Endpoint, settings: Cassandra, *, keyspace: str | None = None, retry_policy: Any = None) -> None:
        """`keyspace` instead of the settings' own; empty for statements that name theirs. `retry_policy` is for the control of the contract test alone.

        Raises Misuse where the settings' files do.
        """
        self.name = endpoint.name
        self.region = endpoint.region
        self._keyspace = settings.keyspace if keyspace is None else keyspace
        self._options = _options(endpoint, settings, retry_policy or _policies.FallthroughRetryPolicy())
        self._cluster: Any = None
        self._session: Any = None
        self._completions: Completions | None = None
        self._handles: dict[str, Any] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    async def connect(self) -> None:
        """See Driver.connect."""
        self.close()
        self._completions = Completions(asyncio.get_running_loop())
        # A cluster that could not connect is of no further use.
        self._cluster = _driver.Cluster(**self._options)
        try:
            self._session = await asyncio.to_thread(self._open, self._cluster)
        except Exception as error:
            self.close()
            raise self._not_connected(error) from None

    def _open(self, cluster: Any) -> Any:
        session = cluster.connect()
        session.default_fetch_size = _PAGE_ROWS
        if self._keyspace:
            # Given to `connect`, a keyspace that is missing would look like a node that is.
            session.set_keyspace(self._keyspace)
        return session

    async def prepare(self, cql: str) -> Prepared:
        """See Driver.prepare."""
        await self._handle(cql)
        return Prepared(cql)

    async def query(self, statement: Prepared, values: Sequence[Value], consistency: Consistency, timeout_s: float) -> list[Row]:
        """See Driver.query."""
        bound = self._bind(await self._handle(statement.cql), values)
        bound.consistency_level = _LEVELS[consistency]
        return await self._all_pages(bound, timeout_s)

    async def conditional(
        self, statements: Sequence[tuple[Prepared, Sequence[Value]]], levels: Levels, timeout_s: float, *, avoid: str = ""
    ) -> Applied:
        """See Driver.conditional."""
        batch = _query.BatchStatement(
            batch_type=_query.BatchType.UNLOGGED,
            consistency_level=_LEVELS[levels.commit],
            serial_consistency_level=_LEVELS[levels.serial],
        )
        for statement, values in statements:
            handle = self._handles.get(statement.cql) or await self._handle(statement.cql)
            batch.add(self._bind(handle, values))
        rows = (await self._send(batch, timeout_s, _CONDITIONAL)).current_rows
        row: dict[str, Any] = rows[0] if rows else {}
        if "[applied]" not in row:
            raise Unknown("the answer does not say whether the conditions held", self.name)
        return Applied(row.pop("[applied]"), row)

    async def run(self, cql: str, timeout_s: float) -> list[Row]:
        """See Driver.run."""
        return await self._all_pages(_query.SimpleStatement(cql, consistency_level=_root.ConsistencyLevel.LOCAL_ONE), timeout_s)

    def abandon(self) -> None:
        """See Driver.abandon."""
        for done in [*self._waiting]:
            if not done.done():
                done.set_exception(Unknown("it hangs", self.name, silent=True))

    def close(self) -> None:
        """See Driver.close."""
        cluster, self._cluster, self._session = self._cluster, None, None
        self._handles.clear()
        if cluster is not None:
            # It waits for its own threads, which would hold up the event loop.
            threading.Thread(target=cluster.shutdown, name=f"close {self.name}").start()

    def _connected(self) -> Any:
        if self._session is None:
            raise NotSent("not connected", self.name, silent=True)
        return self._session

    async def _handle(self, cql: str) -> Any:
        """A statement's handle, prepared where this coordinator does not know it yet."""
        handle = self._handles.get(cql)
        if handle is None:
            try:
                handle = await asyncio.to_thread(self._connected().prepare, cql)
            except NotSent:
                raise
            except Exception as error:
                classified = self._classified(error)
                if not isinstance(classified, Unknown):
                    raise classified from None
                # Preparing changes nothing, and what was to be executed was not sent.
                raise NotSent(str(classified), silent=classified.silent) from None
            self._handles[cql] = handle
        return handle

    def _bind(self, handle: Any, values: Sequence[Value]) -> Any:
        try:
            return handle.bind(values)
        except Exception as error:
            raise Misuse(f"a value does not fit the statement: {error}", self.name) from None

    async def _all_pages(self, statement: Any, timeout_s: float) -> list[Row]:
        rows: list[Row] = []
        paging_state: bytes | None = None
        while True:
            page = await self._send(statement, timeout_s, _driver.EXEC_PROFILE_DEFAULT, paging_state)
            rows += page.current_rows
            paging_state = page.paging_state
            if not paging_state:
                return rows

    async def _send(self, statement: Any, timeout_s: float, profile: Any, paging_state: bytes | None = None) -> Any:
        """A page of the answer."""
        session, completions = self._connected(), self._completions
        assert completions is not None
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(done)
        done.add_done_callback(self._waiting.discard)

        def answered(_: Any) -> None:
            completions.complete(done)

        def failed(error: Exception) -> None:
            completions.complete(done, error=error)

        try:
            request = session.execute_async(statement, timeout=timeout_s, execution_profile=profile, paging_state=paging_state)
            request.add_callbacks(answered, failed)
            await done
        except Unknown:
            raise
        except Exception as error:
            raise self._classified(error) from None
        return request.result()

    def _classified(self, error: Exception) -> NotSent | Unknown | Misuse:
        """What is not on a list may have happened."""
        told = f"{type(error).__name__}: {error}"
        if isinstance(error, _NOT_SENT):
            return NotSent(told, self.name, silent=isinstance(error, _driver.NoHostAvailable))
        if isinstance(error, _MISUSE):
            return Misuse(told, self.name)
        return Unknown(told, self.name, silent=isinstance(error, _SILENT))

    def _not_connected(self, error: Exception) -> NotSent | Misuse:
        told: dict[Any, Exception] = getattr(error, "errors", {})
        for cause in told.values() or [error]:
            if isinstance(cause, (*_MISUSE, ssl.SSLError)):
                return Misuse(f"{type(cause).__name__}: {cause}", self.name)
        return NotSent(f"{type(error).__name__}: {error}", self.name, silent=True)


def _options(endpoint: Endpoint, settings: Cassandra, retry_policy: Any) -> dict[str, Any]:
    common: dict[str, Any] = {
        "load_balancing_policy": _policies.WhiteListRoundRobinPolicy([endpoint.host]),
        "retry_policy": retry_policy,
        "consistency_level": _root.ConsistencyLevel.QUORUM,
        "serial_consistency_level": _root.ConsistencyLevel.SERIAL,
        "request_timeout": settings.request_timeout_s,
    }
    return {
        "contact_points": [endpoint.host],
        "port": endpoint.port,
        "protocol_version": PROTOCOL_VERSION,
        "compression": False,
        "execution_profiles": {
            _driver.EXEC_PROFILE_DEFAULT: _driver.ExecutionProfile(row_factory=_query.tuple_factory, **common),
            _CONDITIONAL: _driver.ExecutionProfile(row_factory=_query.dict_factory, **common),
        },
        "reconnection_policy": _policies.ConstantReconnectionPolicy(RECONNECT_S, max_attempts=None),
        "connect_timeout": CONNECT_TIMEOUT_S,
        "control_connection_timeout": CONNECT_TIMEOUT_S,
        "idle_heartbeat_interval": 1,
        "idle_heartbeat_timeout": 2,
        "schema_metadata_enabled": False,
        "token_metadata_enabled": False,
        "application_name": "croupier",
        **_login(endpoint, settings),
    }


def _login(endpoint: Endpoint, settings: Cassandra) -> dict[str, Any]:
    shown = credentials.read(settings)
    options: dict[str, Any] = {}
    if shown.username:
        options["auth_provider"] = _auth.PlainTextAuthProvider(shown.username, shown.password)
    if shown.ca:
        options |= {"ssl_context": _ssl_context(shown, settings), "ssl_options": {"server_hostname": endpoint.host}}
    return options


def _ssl_context(shown: credentials.Credentials, settings: Cassandra) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=shown.ca)
        if settings.certificate_file is not None:
            context.load_cert_chain(settings.certificate_file, settings.key_file)
    except ssl.SSLError as error:
        raise Misuse(f"cassandra.ca_file, certificate_file or key_file is not what it should be: {error}") from error
    return context
