"""Engine nodes on a keyspace of their own, with load on them, over Cassandra and etcd that may be harmed; and what all of it came to."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from croupier.config import Config
from croupier.dev import engine, places
from croupier.dev.cluster import Cluster
from croupier.dev.network import Network
from croupier.dev.places import Places
from croupier.dev.plan import Machine, Plan
from croupier.model import WalletKey
from croupier.server import clock_ms
from croupier.stores.cassandra import indices, opening
from croupier.stores.cassandra.opening import CassandraStore
from tests.cluster.crowd import Crowd, Lines
from tests.cluster.history import histories
from tests.cluster.node import Node
from tests.cluster.second_opinion import Verdict, judge
from tests.cluster.timeline import Event
from tests.faults.checker import Findings, check_wallet, evidence_of, wallet_key_of, wishes_by_wallet
from tests.faults.points import ANY_MOMENT, Point
from tests.faults.process import ServerDied
from tests.faults.wishes import Player, Wish

REGIONS = ("eu", "us", "asia")
LIMITS = {"seed_max_rounds": 40, "epoch_max_entries": 100}
"""Seeds and epochs roll often, so that faults meet both."""


class Machines(Cluster):
    """Cassandra and etcd of a cluster, whose engine nodes the tests start themselves, armed."""

    def _start(self, machines: list[Machine], *, replacing: bool = False) -> None:
        super()._start([machine for machine in machines if machine.kind != "node"], replacing=replacing)


def machines(folder: Path, plan: Plan) -> Machines:
    """Not started yet."""
    return Machines(Places(folder, places.cache()), plan, say=lambda step: print(f"  {step}", flush=True))


class Report(Struct):
    """What a stage came to."""

    findings: Findings
    verdict: Verdict
    unknown: int
    """Attempts that left open what became of them."""
    failed_calls: int
    """Calls that no node answered within their deadline."""
    calls: int
    unnoted: int
    """Wallets with entries of which no note was left for the sweeper."""

    @property
    def is_clean(self) -> bool:
        """Nothing was broken, in the eyes of either judge."""
        return self.findings.is_clean and self.verdict.is_clean and not self.unnoted


class Stage:
    """See the module. `machines` outlive it."""

    def __init__(
        self,
        cluster: Machines,
        name: str,
        seed: int,
        *,
        players: int = 24,
        pause_s: float = 0.0,
        settings: Mapping[str, Any] = {},
        replicas: Mapping[str, int] = {},
    ) -> None:
        """`name` is its keyspace, with so many replicas in each region, one for each of its Cassandra nodes unless said otherwise; `settings` go before
        the usual ones; players and their pauses are those of its crowd.
        """
        self.cluster = cluster
        self.name = name
        self.seed = seed
        self.chance = random.Random(seed)
        self.events: list[Event] = []
        self.missed: list[str] = []
        """What an injection could not do, or met that must not be."""
        self._replicas = dict(replicas or cluster.plan.regions)
        self._players = players
        self._pause_s = pause_s
        self._network = Network(cluster.plan) if cluster.plan.isolated else None
        self.nodes = [self._node(machine, settings) for machine in cluster.plan.of_kind("node")]
        self.begins()
        self._begin_ms = clock_ms()
        self._crowds: list[Crowd] = []

    async def up(self, control: str = "", env: Mapping[str, str] = {}) -> None:
        """Makes the keyspace and starts the nodes, the first one first: it makes the operators."""
        config = self.config()
        await opening.create_keyspace(config, self._replicas)
        await opening.migrate(config, "tests")
        for node in self.nodes:
            await node.start(control=control, env=env)
        self.key = self.nodes[0].key
        self.crowd = self.new_crowd(self._players, pause_s=self._pause_s)

    def new_crowd(self, players: int, **others: Any) -> Crowd:
        """Players of their own, who are judged with the others."""
        number = len(self._crowds)
        crowd = Crowd(self.seed + number * 1_000, players, Lines({node.name: node.address for node in self.nodes}, self.key), **others)
        for player in crowd.players:
            player.wallet = player.wallet.replace("/player-", f"/crowd-{number}-player-")
        self._crowds.append(crowd)
        return crowd

    @property
    def players(self) -> list[Player]:
        """Of every crowd."""
        return [player for crowd in self._crowds for player in crowd.players]

    @property
    def failed(self) -> list[Wish]:
        """Calls of every crowd that no node answered in time."""
        return [wish for crowd in self._crowds for wish in crowd.failed]

    def node(self, name: str) -> Node:
        """The engine node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def begins(self) -> None:
        """Plots begin now."""
        self.events.clear()
        self.begin_ns = time.monotonic_ns()

    def notes(self, text: str) -> None:
        """Something is done now; shown in plots and in the log."""
        self.events.append(Event((time.monotonic_ns() - self.begin_ns) / 1e9, text))

    async def harm(self, action: str, *names: Any, **others: Any) -> Any:
        """One of the cluster's methods, beside the load."""
        return await asyncio.to_thread(getattr(self.cluster, action), *names, **others)

    async def restart(self, node: Node, point: Point = ANY_MOMENT, passing: int = 0, **others: Any) -> None:
        """Kills a node, if it lives, and starts it again. A kill at the point may come while it starts."""
        if node.is_alive:
            node.send(signal.SIGCONT)
            node.kill()
            await node.ended()
        try:
            await node.start(point, passing, **others)
        except ServerDied as error:
            if error.code != -signal.SIGKILL:
                raise

    async def mend(self) -> None:
        """Everything is whole again."""
        await self.harm("mend")
        for node in self.nodes:
            if node.is_alive:
                node.send(signal.SIGCONT)
            else:
                await node.start()

    async def report(self) -> Report:
        """Players learn what they do not know; then both judges look."""
        for crowd in self._crowds:
            await crowd.settle()
        players = self.players
        findings = Findings()
        async with self.reads() as reads:
            wishes_of = {wallet_key_of(name): wishes for name, wishes in wishes_by_wallet(players).items()}
            for key, wishes in wishes_of.items():
                check_wallet(await evidence_of(reads, key, wishes), wishes, findings)
            unnoted = await _unnoted(
                reads, [key for key, wishes in wishes_of.items() if any(wish.answer for wish in wishes)], self._begin_ms
            )
        faults = [fault for crowd in self._crowds for fault in crowd.lines.faults]
        findings.lost += len(faults)
        findings.examples = [*faults[:10], *findings.examples]
        verdict = await asyncio.to_thread(judge, list(histories(players)))
        return Report(
            findings,
            verdict,
            sum(crowd.lines.unanswered for crowd in self._crowds),
            len(self.failed),
            sum(len(crowd.wishes) for crowd in self._crowds),
            unnoted,
        )

    async def down(self) -> None:
        """Ends the nodes and hangs up."""
        for crowd in self._crowds:
            await crowd.lines.close()
        for node in self.nodes:
            if node.is_alive:
                node.send(signal.SIGCONT)
                node.kill()
                await node.ended()

    @contextlib.asynccontextmanager
    async def reads(self, node: Node | None = None) -> AsyncIterator[CassandraStore]:
        """The store itself, without the nodes, as this one of them sees it, by default the first."""
        store = CassandraStore((node or self.nodes[0]).config())
        await store.open()
        try:
            yield store
        finally:
            store.close()

    def config(self) -> Config:
        """The first node's settings."""
        return self.nodes[0].config()

    def _node(self, machine: Machine, settings: Mapping[str, Any]) -> Node:
        plan, folder = self.cluster.plan, self.cluster.places.folder / f"{self.name}-{machine.name}"
        table = engine.settings(plan, machine, self.cluster.places)
        table |= {"data_dir": str(folder), "metrics_listen": "", "drain_notice_s": 0.5, "limits": LIMITS}
        table |= {key: value for key, value in settings.items() if not isinstance(value, dict)}
        table["cassandra"] = {**table["cassandra"], "keyspace": self.name, **settings.get("cassandra", {})}
        table["etcd"] = {**table["etcd"], "prefix": f"/{self.name}", **settings.get("etcd", {})}
        inside = self._network.inside(machine, []) if self._network else []
        return Node(machine.name, machine.region, table["listen"], folder, engine.toml(table), inside)


async def _unnoted(store: CassandraStore, wallets: Sequence[WalletKey], since_ms: int) -> int:
    """How many of these wallets, all changed since then, no note names as dirty."""
    noted: set[WalletKey] = set()
    for bucket in range(since_ms // indices.DIRTY_BUCKET_MS - 1, clock_ms() // indices.DIRTY_BUCKET_MS + 1):
        noted |= {note.wallet for note in await store.dirty(bucket)}
    return len(set(wallets) - noted)
