"""One member of etcd: its command line, and when it is ready."""

from __future__ import annotations

import http.client

from croupier.dev.plan import Machine, Plan
from croupier.dev.site import Site

_HEARTBEAT_MS = 50
_ELECTION_MS = 500
"""Half of etcd's defaults and less: members stand on one machine."""


def command(site: Site, machine: Machine) -> list[str]:
    """What starts the member, the first time and every other."""
    plan = site.plan
    peers = {member.name: f"http://{member.address}:{plan.ports.etcd_peer}" for member in plan.of_kind("etcd")}
    client = f"http://{machine.address}:{plan.ports.etcd}"
    flags = {
        "name": machine.name,
        "data-dir": str(site.folder(machine) / "data"),
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
    return [str(site.tools.etcd), *(f"--{name}={value}" for name, value in flags.items())]


def serves(plan: Plan, machine: Machine) -> bool:
    """Whether the member is healthy: it answers, and knows a leader."""
    connection = http.client.HTTPConnection(machine.address, plan.ports.etcd, timeout=1.0)
    try:
        connection.request("GET", "/health")
        return b'"true"' in connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
