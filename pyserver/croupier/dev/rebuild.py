"""Rebuilds a Cassandra node whose data is gone, while the others go on serving: the order of steps is what keeps every acknowledged write."""

from __future__ import annotations

from croupier.dev import cassandra
from croupier.dev.cluster import Cluster
from croupier.dev.failure import DevFailed
from croupier.dev.fetch import Say
from croupier.dev.plan import Machine


def rebuild(cluster: Cluster, name: str, say: Say) -> None:
    """Brings `name` back in its own place.

    First the survivors agree among themselves: the new node fetches each range from one of them, and would miss a write that only another has.
    Then it joins as its own replacement, fetching data and Paxos promises before it votes. Last it is compared with the others once more, for what
    was written meanwhile.
    """
    survivors = _survivors(cluster, name)
    folder = cluster.places.of(survivors[0])
    keyspaces = cassandra.keyspaces(folder)
    if len(survivors) > 1:
        hosts = [part for survivor in survivors for part in ("-hosts", survivor.address)]
        for keyspace in keyspaces:
            say(f"Repairing {keyspace} among {', '.join(survivor.name for survivor in survivors)}")
            cluster.nodetool(survivors[0].name, "repair", "-full", *hosts, keyspace)
    cluster.start_as_replacement(name)
    for keyspace in keyspaces:
        say(f"Repairing {keyspace} on {name}: its data, then its Paxos state")
        cluster.nodetool(name, "repair", "-full", keyspace)
        cluster.nodetool(name, "repair", "--paxos-only", keyspace)


def _survivors(cluster: Cluster, name: str) -> list[Machine]:
    if cluster.plan.machine(name).kind != "cassandra":
        raise DevFailed(f"{name} is no Cassandra node")
    if cluster.condition(name) != "dead" or not cassandra.is_destroyed(cluster.places.of(cluster.plan.machine(name))):
        raise DevFailed(f"{name} has its data: only a node that was destroyed is replaced (croupier dev destroy {name})")
    others = [machine for machine in cluster.plan.of_kind("cassandra") if machine.name != name]
    down = [machine.name for machine in others if cluster.condition(machine.name) != "running"]
    if not others:
        raise DevFailed(f"{name} cannot be rebuilt: it was the only Cassandra node")
    if down:
        raise DevFailed(f"{name} cannot be rebuilt while {' and '.join(down)} cannot give it data; start what is down first")
    return others
