"""How long a singleton is without a holder once its holder is killed: `python -m tests.cluster.takeover --runs 30`. The last line is JSON.

Real etcd with three members, two processes that stand for a singleton, a store that keeps its fence. Each run kills the holder (kill -9), at a moment that
is random within its refresh of the lease, and counts from there to the first write that the store has taken from the next one. With `--leader` the
member that leads etcd is killed in the same moment, so that etcd must first elect another.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import signal
import tempfile
import time
from pathlib import Path

import msgspec

from croupier.dev import places
from croupier.dev.cluster import Cluster
from croupier.dev.places import Places
from croupier.dev.plan import Plan, free_network
from tests.cluster.contender import Contender
from tests.cluster.electing import leader
from tests.cluster.fenced_store import FencedStore

_LIMIT_S = 60.0
_BEYOND_S = {False: 1.0, True: 3.5}
"""What is promised beyond the lease's time, without and with the loss of etcd's leader."""


async def measure(
    cluster: Cluster, endpoints: list[str], folder: Path, runs: int, ttl_s: int, *, with_leader: bool, seed: int
) -> list[float]:
    """Seconds of each run."""
    chance = random.Random(seed)
    store = await FencedStore(folder / "store").start()
    prefix = f"/takeover/{seed}/{int(with_leader)}"
    holder = await Contender("node-0", prefix, ttl_s, store.path, endpoints).start()
    took: list[float] = []
    for run in range(1, runs + 1):
        follower = await Contender(f"node-{run}", prefix, ttl_s, store.path, endpoints).start()
        await holder.until("APPLIED")
        await asyncio.sleep(chance.uniform(1.0, 1.0 + ttl_s / 3))
        victim = leader(endpoints) if with_leader else 0
        killed_at = holder.send(signal.SIGKILL)
        if victim:
            cluster.kill(f"etcd-{victim}")
        async with asyncio.timeout(_LIMIT_S):
            taken = await follower.until("APPLIED")
        took.append(round(taken.at - killed_at, 3))
        print(f"run {run}: {took[-1]:.2f} s", flush=True)
        await holder.stop()
        holder = follower
        if victim:
            cluster.restart(f"etcd-{victim}")
    await holder.stop()
    await store.stop()
    refused = [write for write in store.writes if write.result != "applied"]
    assert not refused, f"nobody was stale, yet the store refused {refused}"
    return took


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--ttl", type=int, default=5)
    parser.add_argument("--leader", action="store_true", help="kill the member that leads etcd, too")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    plan = Plan(regions={"eu": 0}, etcd=3, network=free_network())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cluster = Cluster(Places(folder / "etcd", places.cache()), plan)
        cluster.remove_with(os.getpid())
        cluster.up()
        endpoints = [f"{machine.address}:{plan.ports.etcd}" for machine in plan.of_kind("etcd")]
        try:
            took = asyncio.run(measure(cluster, endpoints, folder, asked.runs, asked.ttl, with_leader=asked.leader, seed=asked.seed))
        finally:
            cluster.remove()
    took.sort()
    result = {
        "runs": len(took),
        "ttl_s": asked.ttl,
        "etcd_leader_killed": asked.leader,
        "p50_s": took[len(took) // 2],
        "p99_s": took[min(len(took) - 1, int(len(took) * 0.99))],
        "max_s": took[-1],
        "min_s": took[0],
        "promised_s": asked.ttl + _BEYOND_S[asked.leader],
        "seed": asked.seed,
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}",
        "date": time.strftime("%Y-%m-%d"),
    }
    print(msgspec.json.encode(result).decode())


if __name__ == "__main__":
    main()
