"""What `croupier dev` shows to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from croupier.cli.output import money, table
from croupier.dev.cluster import Cluster, Status

if TYPE_CHECKING:
    from croupier.dev.load import Summary, Tick


def status_table(machines: list[Status]) -> str:
    """One line a machine."""
    rows = [("machine", "region", "address", "process", "serves", "MiB", "cut off")]
    rows += [
        (
            machine.name,
            machine.region,
            machine.address,
            machine.condition,
            "yes" if machine.serves else "no",
            str(machine.resident_mib) if machine.pid else "",
            machine.cut or "",
        )
        for machine in machines
    ]
    return table(rows)


def after_up(cluster: Cluster, key: str) -> str:
    """How to play, and what to break."""
    plan = cluster.plan
    addresses = ",".join(f"{node.address}:{plan.ports.grpc}" for node in plan.of_kind("node"))
    lines = [f"Data and logs: {cluster.places.folder}"]
    if key:
        lines += [
            f"Nodes: {addresses}",
            f"Key of the operator demo: {key}",
            "",
            "Play:   croupier dev load                                rounds, errors and gaps, each second",
            f"        python -m croupier_client.demo --address {addresses} --key {key} --operator demo",
        ]
    machines = plan.machines()
    lines += [
        "",
        "Break:  croupier dev kill node-1                         and croupier dev restart node-1" if plan.nodes else "",
        "        croupier dev pause cassandra-2                   and croupier dev resume cassandra-2",
        "        croupier dev destroy cassandra-3                 and croupier dev replace cassandra-3",
        f"        croupier dev cut {next(iter(plan.regions)):<32}and croupier dev heal"
        if plan.isolated
        else "        (cut and heal need --isolated)",
        "Watch:  croupier dev status --watch",
        "End:    croupier dev down                                or croupier dev down --remove",
    ]
    assert machines
    return "\n".join(lines)


def tick_text(tick: Tick) -> str:
    """One second of playing."""
    return (
        f"{tick.at_s:5.0f} s  {tick.rounds:5} rounds  p50 {tick.p50_ms:6.0f} ms  p99 {tick.p99_ms:6.0f} ms  "
        f"longest gap {tick.gap_ms:6.0f} ms  failed calls {tick.failed}"
    )


def summary_text(summary: Summary) -> str:
    """All of it."""
    failed = ", ".join(f"{number} {reason}" for reason, number in summary.failed.items()) or "none"
    return (
        f"{summary.rounds} rounds in {summary.seconds:.0f} s, p50 {summary.p50_ms:.0f} ms, p99 {summary.p99_ms:.0f} ms, longest gap {summary.gap_ms:.0f} ms\n"
        f"failed calls: {failed}; of unknown fate: {summary.unresolved}; drift of money: {money(summary.drift_micros)}"
    )
