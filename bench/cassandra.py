"""Rounds through nodes that keep wallets in Cassandra, against the bare driver doing the same conditional batch, window by window.

`python bench/cassandra.py REGION HOST:PORT [ROUNDS] [SECONDS]` makes and drops the keyspace croupier_bench on a node that runs. Everything shares two cores:
Cassandra, the nodes, the generator, so rates are floors, and Cassandra's CPU is the limit. The last line is a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench import load
from bench.cassandra_drivers import KEYSPACE, Caller, bare, window
from bench.load import Shape
from bench.paired import Sample, interleave, ratio, summary
from bench.players import Table, open_sessions
from bench.servers import Croupier
from croupier import scheduling
from croupier.config import Cassandra, Config
from croupier.stores.cassandra import opening
from croupier.stores.cassandra.coordinators import open_coordinators
from croupier.stores.cassandra.opening import CassandraStore

CALLERS = 64
SHAPES = {
    "Play, 64 callers": Shape("play", 8, CALLERS),
    "PlayBatch of 10, 64 sessions": Shape("play_batch", 8, CALLERS, batch=10),
    "PlayStream, 8 players with 32 in flight": Shape("play_stream", 8, 8, window=32),
    "Play, one player": Shape("play", 1, 1),
}
BARE = "the bare driver, 64 callers"
NODES = 3


def settings(region: str, point: str, number: int, folder: Path) -> dict[str, Any]:
    """Of one node."""
    return {
        "node": f"node-{number}",
        "region": region,
        "key_file": str(folder / "keys"),
        "store": "cassandra",
        "tolerated_write_ms": 0,
        f"cassandra.contact_points.{region}": [point],
        "cassandra.keyspace": KEYSPACE,
        "cassandra.durability": "local",
    }


def through(nodes: Sequence[Croupier], tables: Sequence[Table], shape: Shape, duration_s: float) -> Sample:
    """The same load on each node at once, callers divided."""
    part = shape._replace(connections=max(1, shape.connections // len(nodes)), callers=max(1, shape.callers // len(nodes)))
    with ThreadPoolExecutor(len(nodes)) as pool:
        runs = list(pool.map(lambda pair: load.run(pair[0], pair[1], part, duration_s), zip(nodes, tables, strict=True)))
    rate = sum(run.rounds_per_s for run in runs)
    return {
        "rounds_per_s": rate,
        "cpu_us": sum(run.cpu_us * run.rounds_per_s for run in runs) / rate,
        "p50_ms": max(run.p50_us for run in runs) / 1e3,
        "p99_ms": max(run.p99_us for run in runs) / 1e3,
    }


def main(region: str, point: str, rounds: int = 3, duration_s: float = 3.0) -> None:
    """Prints a table and the figures as JSON."""
    load.build()
    config = Config(store="cassandra", region=region, cassandra=Cassandra({region: (point,)}, KEYSPACE, "local"))
    host, _, port = point.rpartition(":")
    with tempfile.TemporaryDirectory() as name, asyncio.Runner(loop_factory=scheduling.new_event_loop) as runner:
        run, folder = runner.run, Path(name)
        run(opening.create_keyspace(config, {region: 1}))
        run(opening.migrate(config, "bench"))
        send, store = run(bare(host, int(port))), CassandraStore(config)
        run(store.open())
        callers = [Caller(f"bare-{number}") for number in range(CALLERS)]
        run(store.commit([caller.first() for caller in callers]))
        nodes = [Croupier(folder / f"n{number}", settings(region, point, number, folder), f"node-{number}") for number in range(NODES)]
        tables = [open_sessions(node.address, node.data, CALLERS, prefix=f"{node.name}-") for node in nodes]
        ways = {BARE: lambda: rounds_of(run(window(send, callers, duration_s)))}
        ways |= {name: lambda shape=shape: through(nodes[:1], tables[:1], shape, duration_s) for name, shape in SHAPES.items()}
        ways["Play, 64 callers over three nodes"] = lambda: through(nodes, tables, SHAPES["Play, 64 callers"], duration_s)
        for way in ways.values():
            way()
        samples = interleave(ways, rounds)
        for node in nodes:
            node.stop()
        store.close()
        run(dropped(config))
    found = summary(samples)
    for name, figures in found.items():
        print(f"{name:42}", "  ".join(f"{what} {spread['median']:8.1f}" for what, spread in figures.items()))
    ratios = {name: ratio(samples, name, BARE, "rounds_per_s") for name in ways if name != BARE}
    print(json.dumps({"rounds": rounds, "figures": found, "over_bare": ratios}))


async def dropped(config: Config) -> None:
    """Removes the keyspace."""
    driver = open_coordinators(config.cassandra, config.region)
    await driver.connect()
    await driver.run(f"DROP KEYSPACE {KEYSPACE}", 30.0)
    driver.close()


def rounds_of(sample: Sample) -> Sample:
    """A batch of the bare driver is one round."""
    return {("rounds_per_s" if what == "batches_per_s" else what): value for what, value in sample.items()}


if __name__ == "__main__":
    region_, point_, *numbers = sys.argv[1:]
    main(region_, point_, *(int(number) for number in numbers))
