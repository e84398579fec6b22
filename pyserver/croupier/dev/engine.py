"""One engine node: its settings, its command line, and when it is ready."""

from __future__ import annotations

import http.client
import json
import os
import sys
from typing import Any

from croupier import keyfile
from croupier.dev.failure import DevFailed
from croupier.dev.places import Places
from croupier.dev.plan import Machine, Plan
from croupier.dev.site import Site

_TTL_S = 5
"""How long a silent node stays a member."""


def command(site: Site, machine: Machine) -> list[str]:
    """Writes the node's settings; what starts it."""
    file = site.folder(machine) / "croupier.toml"
    _share_keys(site.places)
    file.write_text(toml(settings(site.plan, machine, site.places)))
    return [sys.executable, "-m", "croupier", "serve", "--config", str(file)]


def settings(plan: Plan, machine: Machine, places: Places) -> dict[str, Any]:
    """The keys of docs/operations.md that differ from their defaults."""
    address = f"{machine.address}:{plan.ports.grpc}"
    folder = places.of(machine)
    chosen: dict[str, Any] = {
        "node": machine.name,
        "region": machine.region,
        "listen": address,
        "advertise": address,
        "metrics_listen": f"{machine.address}:{plan.ports.metrics}",
        "data_dir": str(folder / "data"),
        "key_file": str(places.keys),
        # One node makes the operators and their keys; the others find them in the store.
        "demo": machine.number == 1 or not plan.of_kind("cassandra"),
        "store": "sqlite",
    }
    if plan.of_kind("cassandra"):
        points = {
            region: [f"{node.address}:{plan.ports.cql}" for node in plan.of_kind("cassandra") if node.region == region]
            for region in plan.regions
        }
        chosen["store"] = "cassandra"
        chosen["cassandra"] = {"durability": plan.durability, "driver": plan.driver, "contact_points": points}
    if plan.etcd:
        chosen["etcd"] = {"endpoints": [f"{member.address}:{plan.ports.etcd}" for member in plan.of_kind("etcd")], "ttl_s": _TTL_S}
    return chosen


def serves(plan: Plan, machine: Machine) -> bool:
    """Whether the node answers callers; its metrics are there from the moment it does."""
    connection = http.client.HTTPConnection(machine.address, plan.ports.metrics, timeout=1.0)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def demo_key(plan: Plan, places: Places) -> str:
    """The key of the operator `demo`, which the first node made."""
    nodes = plan.of_kind("node")
    if not nodes:
        raise DevFailed("the cluster has no engine node")
    file = places.of(nodes[0]) / "data" / "demo.json"
    try:
        key: str = json.loads(file.read_text())["operator_key"]
    except (OSError, ValueError, KeyError) as error:
        raise DevFailed(f"{nodes[0].name} has not written {file} yet: it must have served once") from error
    return key


def toml(table: dict[str, Any], name: str = "") -> str:
    """Text, numbers, lists and tables as TOML: the first three are written as JSON writes them."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    inner = {key: value for key, value in table.items() if key not in plain}
    for key, value in inner.items():
        path = f"{name}.{key}" if name else key
        lines += ["", f"[{path}]", toml(value, path)]
    return "\n".join(lines) + ("" if name else "\n")


def _share_keys(places: Places) -> None:
    if not places.keys.exists():
        keyfile.create(places.keys, os.urandom(keyfile.KEY_BYTES))
