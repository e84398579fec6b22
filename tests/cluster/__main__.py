"""Kills, freezes, cuts and jumps of clocks in a real cluster under load: python -m tests.cluster [--quick] [--seed N]. The last line is a JSON object."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from croupier.dev import network
from croupier.dev.plan import Plan
from croupier.dev.plan import free_network as free_loopback
from tests.cluster.campaign import Totals, run
from tests.cluster.stage import REGIONS, machines
from tests.faults.process import ROOT


def plan() -> Plan:
    """Three regions with a Cassandra node, a member of etcd and an engine node each; apart in namespaces where that is possible."""
    reason = network.why_not()
    if reason:
        print(f"regions are not cut off here: {reason}", flush=True)
    where = free_loopback() if reason else network.free_network()
    return Plan(regions=dict.fromkeys(REGIONS, 1), etcd=3, nodes=3, network=where, isolated=not reason)


def main() -> int:
    """Exit code 1 where something was broken or a control was not caught."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="each kind of fault once, and every control")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only what has one of these words, with commas between them, in its name")
    parser.add_argument("--players", type=int, default=24)
    parser.add_argument("--save", type=Path, default=ROOT / "target" / "cluster-faults", help="a folder for the figures and plots")
    options = parser.parse_args()
    totals = Totals(options.save, options.seed, is_quick=options.quick, only=options.only, players=options.players)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="croupier-cluster-faults-") as folder:
        cluster = machines(Path(folder) / "cluster", plan())
        cluster.remove_with(os.getpid())
        try:
            cluster.up()
            print(f"machines up after {time.monotonic() - started:.0f} s", flush=True)
            asyncio.run(run(cluster, totals))
        finally:
            cluster.remove()
    totals.seconds = time.monotonic() - started
    totals.save()
    print(f"{totals.seconds:.0f} s, seed {options.seed}")
    print(json.dumps(totals.counts))
    return 0 if totals.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
