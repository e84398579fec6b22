"""One member of etcd: its command line, and when it is ready."""

from __future__ import annotations

import http.client

from croupier.dev.fetch import Tools
from croupier.dev.places import Places
from croupier.dev.plan import Machine, Plan

_HEARTBEAT_MS = 50
_ELECTION_MS = 500
"""Half of etcd's defaults and less: members stand on one machine."""


def command(plan: Plan, machine: Machine, places: Places, tools: Tools) -> list[str]:
    """What starts the member, the first time and every other."""
    peers = {member.name: f"http://{member.address}:{plan.ports.etcd_peer}" for member in plan.of_kind("etcd")}
    client = f"http://{machine.address}:{plan.ports.etcd}"
    flags = {
        "name": machine.name,
        "data-dir": str(places.of(machine) / "data"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peers[machine.name],
        "initial-advertise-peer-urls": peers[machine.name],
        "initial-cluster": ",".join(f"{name}={url}" for name, url in peers.items()),
        "initial-cluster-token": plan.network,
        "initial-cluster-state": "new",
        "heartbeat-interval": str(_HEARTBEAT_MS),
        "election-timeout": str(_ELECTION_MS),
        "logger": "zap",
        "log-level": "warn",
    }
    return [str(tools.etcd), *(f"--{name}={value}" for name, value in flags.items())]


def serves(address: str, port: int) -> bool:
    """Whether the member is healthy: it answers, and knows a leader."""
    connection = http.client.HTTPConnection(address, port, timeout=2.0)
    try:
        connection.request("GET", "/health")
        return b'"true"' in connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
