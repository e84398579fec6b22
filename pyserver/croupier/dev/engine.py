"""One engine node: its settings, its command line, and when it is ready."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from croupier import config, keyfile
from croupier.dev.failure import DevFailed
from croupier.dev.places import Places
from croupier.dev.plan import Machine, Plan
from croupier.dev.site import Site
from croupier.errors import StoreUnusable

_REPLICAS_MAX = 3
"""Of the data in one region."""
_PROBE_S = 1.0
_KEY_S = 10.0
_TTL_S = 5
"""How long a silent node stays a member."""


def command(site: Site, machine: Machine) -> list[str]:
    """Writes the node's settings; what starts it."""
    _share_keys(site.places)
    _write_settings(site, machine)
    return [sys.executable, "-m", "croupier", "serve", "--config", str(settings_file(site, machine))]


def settings_file(site: Site, machine: Machine) -> Path:
    """Where the node's settings are."""
    return site.folder(machine) / "croupier.toml"


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
        chosen["cassandra"] = {"durability": plan.durability_class, "driver": plan.driver, "contact_points": points}
    if plan.etcd:
        chosen["etcd"] = {"endpoints": [f"{member.address}:{plan.ports.etcd}" for member in plan.of_kind("etcd")], "ttl_s": _TTL_S}
    return chosen


def prepare_store(site: Site) -> None:
    """Makes the nodes' keyspace, with up to three replicas in each region, and brings its schema up to date. Raises DevFailed."""
    first = site.plan.of_kind("node")[0]
    _write_settings(site, first)
    chosen = config.load(settings_file(site, first))
    replicas = {region: min(number, _REPLICAS_MAX) for region, number in site.plan.regions.items() if number}
    # A thread of its own, since the caller's may have an event loop already.
    with ThreadPoolExecutor(1) as thread:
        try:
            thread.submit(asyncio.run, _migrate(chosen, replicas)).result()
        except StoreUnusable as error:
            raise DevFailed(str(error)) from error


def serves(plan: Plan, machine: Machine) -> bool:
    """Whether the node answers: its door is open, and behind it somebody is awake, which its metrics show."""
    connection = http.client.HTTPConnection(machine.address, plan.ports.metrics, timeout=_PROBE_S)
    try:
        with socket.create_connection((machine.address, plan.ports.grpc), _PROBE_S):
            connection.request("GET", "/metrics")
            return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def demo_key(plan: Plan, places: Places) -> str:
    """The key of the operator `demo`, which the first node writes as soon as it serves."""
    nodes = plan.of_kind("node")
    if not nodes:
        raise DevFailed("the cluster has no engine node")
    file = places.of(nodes[0]) / "data" / "demo.json"
    deadline = time.monotonic() + _KEY_S
    while not file.exists():
        if time.monotonic() > deadline:
            raise DevFailed(f"{nodes[0].name} has not written {file}: it must have served once")
        time.sleep(0.1)
    key: str = json.loads(file.read_text())["operator_key"]
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


async def _migrate(chosen: config.Config, replicas: dict[str, int]) -> None:
    from croupier.stores.cassandra import opening  # noqa: PLC0415 It loads a driver, which a cluster without engine nodes does without.

    await opening.create_keyspace(chosen, replicas)
    await opening.migrate(chosen, "croupier dev")


def _write_settings(site: Site, machine: Machine) -> None:
    file = settings_file(site, machine)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(toml(settings(site.plan, machine, site.places)))


def _share_keys(places: Places) -> None:
    if not places.keys.exists():
        keyfile.create(places.keys, os.urandom(keyfile.KEY_BYTES))
