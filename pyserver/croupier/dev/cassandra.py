"""One Cassandra node: its settings, its command line, and when it is ready."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from croupier.dev import cql, jvm
from croupier.dev.failure import DevFailed
from croupier.dev.plan import Machine, Plan, free_port
from croupier.dev.site import Site

_DATA = ("data", "commitlog", "hints", "saved_caches", "cdc_raw", "metadata")
_DESTROYED = "destroyed"
"""The file that says that the node has lost its data."""
_JMX = "jmx-port"
"""The file that says on which port of 127.0.0.1 the node takes orders: each start chooses a free one."""
_RING_DELAY_MS = 2_000
"""How long a node waits for the ring to agree: half a minute by default, which a loopback does not need."""
_LOGBACK = """\
<configuration>
  <appender name="file" class="ch.qos.logback.core.FileAppender">
    <file>%s</file>
    <encoder><pattern>%%d{ISO8601} %%-5level %%thread %%logger{0}: %%msg%%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="file"/></root>
</configuration>
"""
_SILENT = '<configuration><root level="OFF"/></configuration>\n'


def command(site: Site, machine: Machine, *, replacing: bool = False) -> list[str]:
    """Writes the node's settings; what starts it. `replacing`: it comes back in its own place with an empty disk, and fetches its data from the others."""
    folder = site.folder(machine)
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    # JSON is YAML too.
    (conf / "cassandra.yaml").write_text(json.dumps(settings(site.plan, machine, folder, replacing=replacing), indent=2))
    (conf / "cassandra-rackdc.properties").write_text(f"dc={machine.region}\nrack=rack-{machine.number}\n")
    (conf / "logback.xml").write_text(_LOGBACK % (folder / "logs" / "system.log"))
    (conf / "tool-logback.xml").write_text(_SILENT)
    jmx_port = free_port()
    (conf / _JMX).write_text(str(jmx_port))
    properties = _properties(folder, conf, jmx_port)
    if replacing:
        properties["cassandra.replace_address_first_boot"] = machine.address
    return jvm.server(site.tools.java, site.tools.jars, site.plan.heap_mib, properties, conf)


def nodetool(site: Site, machine: Machine, arguments: tuple[str, ...]) -> list[str]:
    """What asks a node that was started through Cassandra's own tool."""
    conf = site.folder(machine) / "conf"
    try:
        jmx_port = int((conf / _JMX).read_text())
    except OSError as error:
        raise DevFailed(f"{machine.name} is no Cassandra node that was started") from error
    return jvm.tool(site.tools.java, site.tools.jars, conf, jmx_port, arguments)


def serves(plan: Plan, machine: Machine) -> bool:
    """Whether the node answers callers."""
    return cql.serves(machine.address, plan.ports.cql)


def keyspaces(folder: Path) -> list[str]:
    """The keyspaces of which the node in that folder holds data, Cassandra's own left out."""
    names = sorted(path.name for path in (folder / "data").iterdir() if path.is_dir())
    return [name for name in names if not name.startswith("system")]


def destroy_data(folder: Path) -> None:
    """Removes everything that the node ever stored, and notes that it did."""
    for name in _DATA:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / _DESTROYED).touch()


def is_destroyed(folder: Path) -> bool:
    """Whether the node lost its data and was not rebuilt since; files of a start that was refused don't count."""
    return (folder / _DESTROYED).exists()


def note_rebuilt(folder: Path) -> None:
    """From now on the node counts as one that has its data."""
    (folder / _DESTROYED).unlink(missing_ok=True)


def settings(plan: Plan, machine: Machine, folder: Path, *, replacing: bool) -> dict[str, Any]:
    """cassandra.yaml: money needs linearizable Paxos and a commit log that is synced before a write is acknowledged; the rest keeps it small and quick."""
    return {
        "cluster_name": "croupier-dev",
        "num_tokens": 1,
        "initial_token": str(token(plan, machine)),
        # With tokens given and no data yet there is nothing to stream, so nodes need not wait for one another; a replacement must.
        "auto_bootstrap": replacing,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": ",".join(_seeds(plan, machine, replacing=replacing))}],
            }
        ],
        "listen_address": machine.address,
        "rpc_address": machine.address,
        "native_transport_port": plan.ports.cql,
        "storage_port": plan.ports.storage,
        "data_file_directories": [str(folder / "data")],
        "commitlog_directory": str(folder / "commitlog"),
        "saved_caches_directory": str(folder / "saved_caches"),
        "hints_directory": str(folder / "hints"),
        "cdc_raw_directory": str(folder / "cdc_raw"),
        "paxos_variant": "v2",
        "paxos_state_purging": "repaired",
        "commitlog_sync": "batch",
        "commit_failure_policy": "stop",
        "disk_failure_policy": "stop",
        "authenticator": "AllowAllAuthenticator",
        "authorizer": "AllowAllAuthorizer",
        **_SMALL,
        **_QUICK,
    }


_SMALL: dict[str, Any] = {
    "commitlog_segment_size": "8MiB",
    "commitlog_total_space": "128MiB",
    "memtable_heap_space": "64MiB",
    "memtable_offheap_space": "64MiB",
    "file_cache_size": "32MiB",
    "networking_cache_size": "32MiB",
    "key_cache_size": "8MiB",
    "counter_cache_size": "0MiB",
    "concurrent_reads": 16,
    "concurrent_writes": 16,
    "concurrent_counter_writes": 4,
    "concurrent_compactors": 1,
    "native_transport_max_threads": 32,
    "auto_snapshot": False,
}
_QUICK: dict[str, Any] = {
    "write_request_timeout": "2000ms",
    "cas_contention_timeout": "1500ms",
    "internode_tcp_connect_timeout": "1000ms",
    "internode_compression": "none",
    "dynamic_snitch": False,
    "hinted_handoff_enabled": True,
}


def _properties(folder: Path, conf: Path, jmx_port: int) -> dict[str, str]:
    return {
        "cassandra.config": (conf / "cassandra.yaml").as_uri(),
        "cassandra.storagedir": str(folder),
        "cassandra.logdir": str(folder / "logs"),
        "logback.configurationFile": str(conf / "logback.xml"),
        "cassandra.jmx.local.port": str(jmx_port),
        "cassandra.ring_delay_ms": str(_RING_DELAY_MS),
        "cassandra.skip_wait_for_gossip_to_settle": "0",
        "cassandra.superuser_setup_delay_ms": "0",
        "cassandra.consistent.rangemovement": "false",
        "cassandra.available_processors": "2",
        "java.net.preferIPv4Stack": "true",
        "java.io.tmpdir": str(folder),
        "jdk.attach.allowAttachSelf": "true",
        "io.netty.tryReflectionSetAccessible": "true",
        "io.netty.eventLoopThreads": "4",
    }


def token(plan: Plan, machine: Machine) -> int:
    """Where the node stands in the ring: those of a region at equal distances, regions a little apart since no two nodes may share a place."""
    neighbours = [other for other in plan.of_kind("cassandra") if other.region == machine.region]
    share = 2**64 // len(neighbours)
    offset = list(plan.regions).index(machine.region) * 1_000
    return -(2**63) + share * neighbours.index(machine) + offset + 1


def _seeds(plan: Plan, machine: Machine, *, replacing: bool) -> list[str]:
    """The first node of each region. A replacement is no seed of its own: a seed joins without asking anybody for data."""
    firsts = {other.region: other.address for other in reversed(plan.of_kind("cassandra"))}
    seeds = [address for address in firsts.values() if not (replacing and address == machine.address)]
    # A region's only node that replaces itself still needs somebody to ask.
    return seeds or [other.address for other in plan.of_kind("cassandra") if other != machine]
