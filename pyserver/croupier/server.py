"""One server process: builds every part by hand in dependency order, starts it, drains it, stops it."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import sys
import time
from typing import Any

import grpc
import prometheus_client
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from croupier import VERSION, demo, engine, keyfile, scheduling
from croupier.access import KEY_KIND, OPERATOR_KIND, Access, Role
from croupier.checks import Checks
from croupier.cluster.etcd import join
from croupier.cluster.membership import Elections, Member, Membership
from croupier.cluster.single import SingleElections, SingleMembership
from croupier.cluster.singletons import Singletons
from croupier.cluster.spilling import elsewhere
from croupier.config import Config
from croupier.engine import Catalog
from croupier.errors import Refusal, RngUnhealthy, StoreUnusable
from croupier.events.hub import Hub
from croupier.jobs import archive, sweep
from croupier.jobs.archive import Archiver
from croupier.jobs.sweep import Sweeper
from croupier.metrics import Metrics
from croupier.operations.house import House
from croupier.runners.awaiting import Awaiting
from croupier.runners.embedded import EmbeddedRunner
from croupier.runners.limiter import Bounds, Limiter
from croupier.runners.load import LoadMeter
from croupier.runners.owner import DOOR_LINGER_S, LINGER_S, Owner
from croupier.runners.shedding import Elsewhere, Shedding
from croupier.runners.taker import Taker
from croupier.services import access_log
from croupier.services.admin_service import AdminService
from croupier.services.catalog_service import CatalogService
from croupier.services.channelz import NAME as CHANNELZ
from croupier.services.channelz import Channelz
from croupier.services.cluster_service import ClusterService
from croupier.services.forwarding import Forwarding, peer_channels
from croupier.services.guard import Guard
from croupier.services.hot import OnEventLoop
from croupier.services.intake import Intake
from croupier.services.listener import CannotListen, FrontListener, GrpcListener, Listener
from croupier.services.methods import LOOKUPS
from croupier.services.registry import generic_handler, hot_methods
from croupier.services.round_service import RoundService
from croupier.services.session_service import SessionService
from croupier.services.wallet_service import WalletService
from croupier.stores.cassandra.reads import CassandraReads
from croupier.stores.cassandra.store import CassandraWrites
from croupier.stores.memory import MemoryStore
from croupier.stores.memory_late import LateMemoryStore
from croupier.stores.sqlite import SqliteStore
from croupier.stores.store import Store
from croupier.switches import Switches
from croupier.vault import Vault

SERVICES = tuple(f"croupier.v1.{name}Service" for name in ("Catalog", "Session", "Round", "Wallet", "Cluster", "Admin"))
_FAILED_GRACE_S = 2.0
_WATCH_POLL_S = 0.5
"""How soon a watcher sees what another node has committed."""

_log = logging.getLogger("croupier.server")


class Unstartable(Exception):
    """Why the server cannot start: one sentence for the operator."""


class Server:
    """The parts of a running server."""

    def __init__(self, config: Config, store: Store, vault: Vault) -> None:
        """Builds the parts on a store that is open, whose seeds `vault` opens; nothing listens yet. Raises Unstartable."""
        self.config = config
        self._store = store
        self._stop = asyncio.Event()
        self.failure = ""
        access_log.switch(is_on=config.access_log)
        self.metrics = Metrics()
        self.access = Access(vault)
        self.hub = Hub()
        house = House(_catalog(config), vault, config.limits)
        runner = EmbeddedRunner(
            store,
            house,
            clock_ms,
            engine.entropy,
            cache_bytes=config.cache_mib << 20,
            on_commit=self.hub.committed,
            on_fault=self._fault,
        )
        has_door = config.door == "front"
        self.owner: Taker
        if store.inline:
            linger_s = DOOR_LINGER_S if has_door else LINGER_S
            self.owner = Owner(runner, max_queue=config.max_queue_calls, linger_s=linger_s, on_failure=self._failed)
        else:
            self.owner = Awaiting(
                runner,
                clock_ms,
                max_queue=config.max_queue_calls,
                shedding=_shedding(config, runner, self._elsewhere),
                on_failure=self._failed,
            )
        self._load = LoadMeter(self.owner, config.max_queue_calls)
        self.metrics.watch(self.owner, self._load)
        self.switches = Switches(self.owner, clock_ms)
        self.guard = Guard(self.access, self.metrics, clock_ms, config.max_calls, behind_door=has_door)
        self.membership, self._elections = _cluster(config, store)
        self.metrics.watch_cluster(self.membership, self._elections)
        self._health = health.aio.HealthServicer()
        servers = store.servers if isinstance(store, CassandraWrites) else None
        if servers:
            self.metrics.watch_servers(servers)
        self.checks = Checks(self.owner, self.membership, config.stuck_s, self.refresh, self._say_serving, servers)
        self._wallets = WalletService(
            self.owner, self.hub, config.heartbeat_s, _WATCH_POLL_S if config.is_clustered else config.heartbeat_s
        )
        self._rounds = RoundService(self.owner, self.metrics)
        self._hot = OnEventLoop(self.owner, config.max_stream_plays)
        self._listener = self._build_listener()
        self.address = ""

    async def start(self) -> None:
        """Listens and serves. Raises Unstartable where the port is taken."""
        self.owner.start()
        await self.refresh()
        self._loop = asyncio.get_running_loop()
        try:
            self.address = self._listener.bind()
            await self._listener.start()
        except CannotListen as error:
            raise Unstartable(str(error)) from error
        if self.config.is_clustered:
            connect = peer_channels(self.config)
            if connect:
                self.guard.forwarding = Forwarding(self.membership, self.config.node, self.config.region, connect, self.metrics, clock_ms)
        await self.membership.update(address=self.config.advertise or self.address)
        await self.membership.start()
        self._run_jobs()
        await self._say_serving(True)
        self._poll = asyncio.create_task(self._look_often())
        _log.info("serving on %s, store %s", self.address, self._store.name)

    async def run(self) -> None:
        """Serves until a drain or a failure of the store; then finishes what runs and releases everything."""
        await self._stop.wait()
        await self.stop()

    def drain(self) -> None:
        """Begins to take the node out of service."""
        self._stop.set()

    async def stop(self) -> None:
        """NOT_SERVING, then a notice for balancers, then calls in flight finish, then the store is closed."""
        self._poll.cancel()
        await self._health.enter_graceful_shutdown()
        await self.membership.update(state="draining")
        await self._elections.stop()
        if not self.failure:
            _log.info("draining")
            await asyncio.sleep(self.config.drain_notice_s)
        self._wallets.end_streams()
        self._hot.end_streams()
        grace_s = self.config.drain_grace_s if not self.failure else _FAILED_GRACE_S
        await self._listener.stop(grace_s)
        await self.owner.stop()
        if self.guard.forwarding:
            await self.guard.forwarding.stop()
        await self.membership.stop()
        self._store.close()
        _log.info("stopped")

    async def refresh(self) -> None:
        """Takes over operators, keys and switches as stored now."""
        operators = await self.owner.read(lambda reads: reads.documents(OPERATOR_KIND))
        keys = await self.owner.read(lambda reads: reads.documents(KEY_KIND))
        self.access.replace(operators, keys)
        await self.switches.refresh()

    def _run_jobs(self) -> None:
        """What only one node of the cluster does."""
        singletons = Singletons(self._elections)
        if isinstance(self._store, CassandraReads):
            singletons.run(sweep.SINGLETON, Sweeper(self._store, lambda: self.membership.members, clock_ms, self.hub.committed))
        after_days = self.config.cassandra.archive_after_days
        if after_days and isinstance(self._store, CassandraWrites):
            archiver = Archiver(self._store, lambda: self.membership.members, clock_ms, after_days)
            self.metrics.watch_archiving(archiver)
            singletons.run(archive.SINGLETON, archiver)

    def _build_listener(self) -> Listener:
        """The services, behind what listens for their calls."""
        config = self.config
        options = [
            ("grpc.max_receive_message_length", config.max_message_bytes),
            ("grpc.max_metadata_size", 16_384),
            # Calls that come in one burst wait for the event loop; by default gRPC cancels some of more than 1,000, without a reason.
            ("grpc.server.max_pending_requests", config.max_calls),
            ("grpc.server.max_pending_requests_hard_limit", config.max_calls),
            ("grpc.so_reuseport", 0),
            ("grpc.enable_channelz", 1),
        ]
        server = grpc.aio.server(options=options)
        admin = AdminService(self.owner, self.switches, config.node, VERSION, clock_ms(), self._stop, self.checks)
        sessions = SessionService(self.owner, self.access, clock_ms, config.token_ttl_s)
        cluster = ClusterService(self.membership, config.node, clock_ms)
        servicers = (CatalogService(self.owner), sessions, self._rounds, self._wallets, cluster, admin)
        named = list(zip(SERVICES, servicers, strict=True))
        has_door = config.door == "front"
        handlers = [generic_handler(name, servicer, self.guard, None if has_door else self._hot) for name, servicer in named]
        handlers.append(generic_handler(CHANNELZ, Channelz(), self.guard, roles=frozenset({Role.ADMIN})))
        server.add_generic_rpc_handlers(handlers)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*SERVICES, CHANNELZ, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        if not has_door:
            return GrpcListener(server, self.guard, config)
        methods = [method for name, servicer in named for method in hot_methods(name, servicer)]
        self.owner.serve(lambda inbox: Intake(inbox, methods, self.guard, self.metrics, clock_ms, config.max_queue_calls))
        inboxes = [self.owner.lookups if method.path in LOOKUPS else self.owner.inbox for method in methods]
        return FrontListener(server, self.guard, self.metrics, config, list(zip(methods, inboxes, strict=True)))

    async def _look_often(self) -> None:
        while True:
            await asyncio.sleep(self.config.key_poll_s)
            if not self._listener.is_serving:
                self._failed("what listens has ended by itself")
                return
            await self.checks.look()
            await self.membership.update(load_permille=self._load.permille())

    def _elsewhere(self) -> dict[str, str]:
        """A node that callers may go to who are turned away here."""
        return elsewhere(self.membership.members, self.config.node, random.random())  # noqa: S311 - It spreads load.

    async def _say_serving(self, is_serving: bool) -> None:  # noqa: FBT001
        await self.membership.update(state="serving" if is_serving else "out_of_service")
        status = health_pb2.HealthCheckResponse.SERVING if is_serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *SERVICES):
            await self._health.set(service, status)

    def _failed(self, reason: str) -> None:
        """The store has failed: leave service at once, so that a supervisor starts the process anew."""
        self.failure = reason
        self.guard.refusing = f"out of service: {reason}"
        self._stop.set()

    def _fault(self, game: str, refusal: Refusal) -> None:
        """An invariant is broken or the RNG is unhealthy: the game is disabled until a person has looked (R13)."""
        asyncio.run_coroutine_threadsafe(self._disable(game, refusal.message), self._loop)

    async def _disable(self, game: str, reason: str) -> None:
        if game in self.switches.disabled:
            return
        try:
            await self.switches.disable(game, reason, f"node {self.config.node}")
        except Refusal as refusal:
            _log.error("game %s could not be disabled (%s): %s", game, reason, refusal.message)


def run(config: Config) -> int:
    """Runs a server until it is told to stop; the exit code: 0 after a drain, 1 where it could not start, 3 where the store failed."""
    if config.door == "front":
        scheduling.prefer_latency(has_own_cpu=config.pin)
    else:
        scheduling.prefer_throughput()
    try:
        engine.self_test()
        store = open_store(config)
        with asyncio.Runner(loop_factory=scheduling.new_event_loop) as runner:
            return runner.run(_run(config, store))
    except (Unstartable, StoreUnusable, engine.EngineError, RngUnhealthy) as error:
        print(f"croupier: {error}", file=sys.stderr)
        return 1


def open_store(config: Config) -> Store:
    """The store that the settings name."""
    if config.store == "memory":
        return MemoryStore()
    if config.store == "memory_late":
        return LateMemoryStore(config.memory_late_by, config.memory_late_ms)
    if config.store == "cassandra":
        from croupier.stores.cassandra.opening import CassandraStore  # noqa: PLC0415 - Only a node on Cassandra needs its driver.

        return CassandraStore(config)
    return SqliteStore(config.database)


async def build(config: Config, store: Store) -> Server:
    """A server on a store that is not open yet. Raises Unstartable, StoreUnusable."""
    await store.open()
    return Server(config, store, await _vault(config, store))


def clock_ms() -> int:
    """The one clock that stamps everything (S2)."""
    return time.time_ns() // 1_000_000


async def _run(config: Config, store: Store) -> int:
    server = await build(config, store)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, server.drain)
    if config.demo:
        await demo.prepare(config, store)
    await server.start()
    metrics = _serve_metrics(config, server) if config.metrics_listen else None
    scheduling.spare_the_collector()
    if config.demo:
        print(demo.how_to_play(config, server.address), flush=True)
    else:
        print(f"croupier: serving gRPC on {server.address}", flush=True)
    await server.run()
    if metrics is not None:
        metrics.shutdown()
    if server.failure:
        print(
            f"croupier: left service, because {server.failure}; mend that, or restore a backup where the file is damaged, then start again",
            file=sys.stderr,
        )
        return 3
    return 0


def _serve_metrics(config: Config, server: Server) -> Any:
    host, _, port = config.metrics_listen.rpartition(":")
    try:
        return prometheus_client.start_http_server(int(port), host, server.metrics.registry)[0]
    except OSError:
        raise Unstartable(
            f"cannot listen on {config.metrics_listen} for metrics: the port is taken; choose another with --metrics-listen"
        ) from None


def _shedding(config: Config, runner: EmbeddedRunner, elsewhere: Elsewhere) -> Shedding | None:
    if not config.tolerated_write_ms:
        return None
    bounds = Bounds(config.tolerated_write_ms / 1000, highest=config.max_queue_calls)
    return Shedding(Limiter(bounds), runner.cached.peek, elsewhere)


async def _vault(config: Config, store: Store) -> Vault:
    if not config.keys.exists():
        if await store.documents(keyfile.FINGERPRINT_KIND):
            raise Unstartable(f"the key file {config.keys} is missing, and the database needs it; bring it back")
        vault = keyfile.create(config.keys, engine.entropy(keyfile.KEY_BYTES))
    else:
        vault = keyfile.load(config.keys)
    await keyfile.check(store, vault, config.keys)
    return vault


def _cluster(config: Config, store: Store) -> tuple[Membership, Elections]:
    """Who else serves, and who leads which job: by etcd, or alone."""
    member = Member(config.node, config.region, config.advertise or config.listen, VERSION, start_ms=clock_ms())
    if not config.etcd.endpoints:
        return SingleMembership(member), SingleElections(config.node, store)
    if member.address.endswith(":0"):
        raise Unstartable("a node of a cluster needs an address that others reach it at: set advertise, or a port in listen")
    try:
        return join(config.etcd, member, store, clock_ms)
    except ValueError as error:
        raise Unstartable(str(error)) from error


def _catalog(config: Config) -> Catalog:
    try:
        catalog = Catalog.load(config.models_dir)
    except (OSError, ValueError) as error:
        raise Unstartable(str(error)) from error
    if not catalog.current:
        raise Unstartable(f"{config.models_dir} holds no model; put *.toml files there")
    return catalog
