"""Measures what the SDK's players notice of a killed, a stopped and a drained engine node.

    python -m tests.cluster.sdk_figures --runs 10

Starts one Cassandra node, three members of etcd and three engine nodes on this machine, and prints a table for docs/reliability.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from croupier.dev.plan import Plan, free_network
from croupier_client import new_id
from tests.cluster.machines import Members, Ring, standing
from tests.cluster.sdk_load import HEADER, Noticed, suffer
from tests.cluster.sdk_stage import EngineNodes, engine_nodes

FAULTS = {"kill": "kill -9", "freeze": "SIGSTOP", "drain": "SIGTERM (drain)"}


def main() -> int:
    """Runs each fault so often; 1 if any call failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    failed = 0
    with _engines() as nodes:
        print(f"| node | {HEADER} |\n|{'---|' * (HEADER.count('|') + 2)}")
        for fault, name in FAULTS.items():
            noticed = Noticed([], [], [], [])
            for _ in range(runs):
                nodes.stand()
                noticed += asyncio.run(suffer(nodes, fault))
            failed += len(noticed.failures)
            print(f"| {name} | {noticed} |", flush=True)
            for failure in noticed.failures:
                print(f"  failed: {failure}", file=sys.stderr)
    print(f"load of the machine's {os.cpu_count()} cores over the last 5 minutes: {os.getloadavg()[1]:.1f}")
    return 1 if failed else 0


@contextmanager
def _engines() -> Iterator[EngineNodes]:
    plan = Plan(regions={"eu": 1}, etcd=3, network=free_network())
    with tempfile.TemporaryDirectory() as folder:
        for cluster in standing(plan, Path(folder, "machines")):
            ring = Ring({"eu": [machine.address for machine in plan.of_kind("cassandra")]}, plan.ports.cql, cluster)
            members = Members([f"{machine.address}:{plan.ports.etcd}" for machine in plan.of_kind("etcd")], cluster)
            with engine_nodes(ring, members, Path(folder), f"sdk_{new_id()[-8:]}") as nodes:
                yield nodes


if __name__ == "__main__":
    sys.exit(main())
