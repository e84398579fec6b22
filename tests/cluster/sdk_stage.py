"""Three engine nodes on one Cassandra and etcd, as the clients of clients/ meet them: started, killed, frozen and drained one by one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import structs

from croupier import keyfile
from croupier.config import Cassandra, Config
from croupier.dev.engine import toml
from croupier.dev.plan import free_port
from croupier.stores.cassandra import opening
from croupier_client import Client
from croupier_client.pb.admin_service_pb2 import NODE_STATE_SERVING
from croupier_client.routing import ranked
from tests.cluster.machines import Members, Ring, eventually
from tests.integration.live import LiveServer

OPERATOR = "demo"


class EngineNodes:
    """The nodes by name. All are in one region, so that each wallet prefers one of the three."""

    def __init__(self, nodes: dict[str, LiveServer]) -> None:
        self.nodes = nodes

    @property
    def key(self) -> str:
        """The demo operator's key."""
        return next(iter(self.nodes.values())).facts["operator_key"]

    @property
    def addresses(self) -> list[str]:
        """host:port of each."""
        return [node.address for node in self.nodes.values()]

    def wallets_of(self, name: str, count: int, prefix: str) -> list[str]:
        """Wallets that prefer this node while all serve."""
        found: list[str] = []
        number = 0
        while len(found) < count:
            wallet = f"operators/{OPERATOR}/players/{prefix}-{number}/wallets/EUR"
            if ranked(self.nodes, wallet)[0] == name:
                found.append(wallet)
            number += 1
        return found

    def stand(self) -> None:
        """Starts whoever does not run, lets go on whoever is frozen, and waits until every node lists all as serving."""
        for node in self.nodes.values():
            if node.is_alive:
                node.thaw()
            else:
                node.start()
        for address in self.addresses:
            with Client(address, self.key) as client:
                eventually(lambda client=client: _serving(client) == len(self.nodes))

    def end(self) -> None:
        """Kills all."""
        for node in self.nodes.values():
            node.kill()


@contextmanager
def engine_nodes(
    ring: Ring, members: Members, folder: Path, keyspace: str, names: Sequence[str] = ("node-1", "node-2", "node-3")
) -> Iterator[EngineNodes]:
    """Nodes that serve, on a keyspace of their own."""
    region = next(iter(ring.contact_points))
    points = {name: [f"{address}:{ring.port}" for address in addresses] for name, addresses in ring.contact_points.items()}
    store = {"contact_points": points, "keyspace": keyspace, "durability": "local"}
    config = structs.replace(Config(), store="cassandra", region=region, cassandra=Cassandra(**store))
    asyncio.run(_prepare(config, dict.fromkeys(points, 1)))
    keys = folder / "croupier.keys"
    keyfile.create(keys, os.urandom(keyfile.KEY_BYTES))
    etcd = {"endpoints": members.endpoints, "prefix": f"/{keyspace}"}
    with ExitStack() as stack:
        nodes = EngineNodes({})
        stack.callback(nodes.end)
        for name in names:
            (folder / name).mkdir()
            settings = {"node": name, "region": region, "key_file": str(keys), "store": "cassandra", "drain_notice_s": 1.0}
            nodes.nodes[name] = LiveServer(folder / name, toml({**settings, "cassandra": store, "etcd": etcd}), f"127.0.0.1:{free_port()}")
            nodes.nodes[name].start()
        nodes.stand()
        # Every node has read the keys that the first one made.
        time.sleep(1.0)
        yield nodes


async def _prepare(config: Config, replicas: dict[str, int]) -> None:
    await opening.create_keyspace(config, replicas)
    await opening.migrate(config, "tests")


def _serving(client: Client) -> int:
    return sum(node.state == NODE_STATE_SERVING for node in client.list_nodes())
