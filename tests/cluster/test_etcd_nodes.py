"""A whole engine node beside an etcd that is not there, comes, goes, and comes again."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from croupier.access import ADMIN_OPERATOR
from tests.cluster.lone_etcd import LoneEtcd
from tests.integration.calling import health_watch, new_wallet
from tests.integration.serving import Spawned, eventually


def test_a_node_serves_with_and_without_etcd(tmp_path: Path) -> None:
    """It plays throughout and health says SERVING; what is wrong stands in GetNode and in the log, in a sentence; it drains while etcd is away."""
    etcd = LoneEtcd(tmp_path)
    settings = f'advertise = "127.0.0.1:7400"\n[etcd]\nendpoints = ["{etcd.endpoint}"]\nttl_s = 3'
    with Spawned(tmp_path / "node", settings=settings) as node:
        caller, admin = node.caller(), node.caller(ADMIN_OPERATOR)
        wallet = new_wallet()
        caller.deposit(wallet)
        session = caller.open(wallet).session.name

        def problems() -> list[str]:
            caller.play(session)
            return list(admin.call("AdminService.GetNode").node.problems)

        sentence = f"etcd cannot be reached at {etcd.endpoint}: connection refused"
        assert eventually(lambda: problems() == [sentence])
        etcd.start()
        assert eventually(lambda: not problems())
        with urllib.request.urlopen(f"http://{node.metrics_address}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
        assert "croupier_cluster_healthy 1.0" in metrics
        assert 'croupier_cluster_members{state="serving"} 1.0' in metrics
        assert [node.name for node in caller.call("ClusterService.ListNodes").nodes] == ["nodes/node-1"]
        etcd.stop()
        assert eventually(lambda: problems() == [sentence])
        assert next(health_watch(caller.channel)).status == 1, "SERVING"
        assert sentence in node.log.read_text()
        node.terminate()
        assert node.exit_code() == 0
