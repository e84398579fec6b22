"""Engine nodes on the shared Cassandra and etcd, in a keyspace and under a prefix of their own."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from croupier import keyfile
from croupier.cluster.membership import Member
from croupier.cluster.routing import preferred
from croupier.dev.engine import toml
from croupier.pb import admin_service_pb2
from croupier.stores.cassandra import opening
from tests.cluster.machines import Members, Ring
from tests.cluster.node import Node
from tests.integration.calling import Caller, new_id
from tests.integration.serving import free_port

PATIENCE_S = 20.0


class Crew:
    """Nodes that run, by their names node-1 and so on."""

    def __init__(self, nodes: Sequence[Node], metrics: Sequence[str]) -> None:
        self.nodes = nodes
        self._metrics = metrics

    @property
    def key(self) -> str:
        """An operator's API key, good at every node."""
        return self.nodes[0].key

    def caller(self, number: int) -> Caller:
        """Calls node `number`, from 0."""
        return Caller(self.nodes[number].address, self.key)

    def member(self, number: int) -> Member:
        """What node `number` says of itself."""
        node = self.nodes[number]
        return Member(node.name, node.region, node.address, "0", "serving")

    def wallet_of(self, number: int) -> str:
        """A new wallet that node `number` is preferred for."""
        members = [self.member(position) for position in range(len(self.nodes))]
        region = self.nodes[number].region
        while True:
            wallet = f"operators/demo/players/{new_id()}/wallets/EUR"
            best = preferred(wallet, members, region)
            if best and best.node == self.nodes[number].name:
                return wallet

    def metric(self, number: int, name: str) -> float:
        """The sum of a metric's samples at node `number`."""
        with urllib.request.urlopen(f"http://{self._metrics[number]}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].partition(" ")[0] == name)

    async def know_each_other(self, states: Sequence[int] = ()) -> None:
        """Returns once every living node lists so many nodes in these states; all SERVING by default."""
        wanted = sorted(states or [admin_service_pb2.NODE_STATE_SERVING] * len(self.nodes))
        async with asyncio.timeout(PATIENCE_S):
            for number, node in enumerate(self.nodes):
                while node.is_alive:
                    listed = await asyncio.to_thread(self.caller(number).call, "ClusterService.ListNodes")
                    if sorted(one.state for one in listed.nodes) == wanted:
                        break
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def crew(
    cassandra: Ring, etcd: Members | None, folder: Path, *, nodes: int = 2, regions: Sequence[str] = (), settings: Mapping[str, Any] = {}
) -> AsyncIterator[Crew]:
    """So many nodes, their data in `folder`, which is there already; all in Cassandra's first region or dealt out over `regions`."""
    name = f"crew_{new_id().replace('-', '')[-12:]}"
    home = next(iter(cassandra.contact_points))
    points = {region: [f"{address}:{cassandra.port}" for address in addresses] for region, addresses in cassandra.contact_points.items()}
    keyfile.create(folder / "keys", os.urandom(keyfile.KEY_BYTES))
    made, metrics = [], [f"127.0.0.1:{free_port()}" for _ in range(nodes)]
    for number in range(nodes):
        region = regions[number % len(regions)] if regions else home
        address = f"127.0.0.1:{free_port()}"
        chosen: dict[str, Any] = {
            "node": f"node-{number + 1}",
            "region": region,
            "advertise": address,
            "metrics_listen": metrics[number],
            "key_file": str(folder / "keys"),
            "store": "cassandra",
            "drain_notice_s": 0.3,
            "cassandra": {"keyspace": name, "durability": "geo" if len(points) > 1 else "local", "contact_points": points},
            **({"etcd": {"endpoints": etcd.endpoints, "prefix": f"/{name}", "ttl_s": 3}} if etcd else {}),
            **settings,
        }
        made.append(Node(f"node-{number + 1}", region, address, folder / f"node-{number + 1}", toml(chosen)))
    config = made[0].config()
    await opening.create_keyspace(config, {region: len(addresses) for region, addresses in cassandra.contact_points.items()})
    await opening.migrate(config, "tests")
    running = Crew(made, metrics)
    try:
        for node in made:
            await node.start()
        if etcd:
            await running.know_each_other()
        yield running
    finally:
        for node in made:
            if node.is_alive:
                node.kill()
                await node.ended()
