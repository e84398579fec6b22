"""Which machines a cluster has, and where each listens."""

from __future__ import annotations

import random
import socket
from typing import Literal

from msgspec import Struct

from croupier.dev.failure import DevFailed

Kind = Literal["cassandra", "etcd", "node"]
KINDS: tuple[Kind, ...] = ("cassandra", "etcd", "node")
"""In the order in which they are started."""
_FIRST_ADDRESS: dict[Kind, int] = {"cassandra": 0, "etcd": 100, "node": 200}
"""Machine n of a kind has the address <network>.<this + n>."""
_MACHINES_MAX = 50
"""Of one kind: far more than one machine carries, and addresses of two kinds never meet."""


class Ports(Struct, frozen=True):
    """The port of each service, the same on every address."""

    cql: int = 9042
    storage: int = 7000
    etcd: int = 2379
    etcd_peer: int = 2380
    grpc: int = 7400
    metrics: int = 7401


class Machine(Struct, frozen=True):
    """One process of the cluster: a Cassandra node, a member of etcd, or an engine node."""

    name: str
    """`cassandra-1`, `etcd-1`, `node-1`: unique in the cluster, and what commands call it."""
    kind: Kind
    number: int
    """From 1, within its kind."""
    region: str
    address: str


class Plan(Struct, frozen=True, kw_only=True):
    """What a cluster consists of. `regions` says how many Cassandra nodes each has; members of etcd and engine nodes are dealt out over them in turn."""

    regions: dict[str, int]
    etcd: int = 0
    nodes: int = 0
    network: str = "127.0.20"
    """The first three numbers of every address."""
    ports: Ports = Ports()
    isolated: bool = False
    """Each machine has a network namespace of its own, so that it can be cut off; that needs root."""
    durability: Literal["local", "home", "geo"] | None = None
    """What survives; by default what the regions can carry."""
    driver: Literal["acsylla", "python"] = "acsylla"
    heap_mib: int = 384
    """Of each Cassandra node."""

    @property
    def durability_class(self) -> Literal["local", "home", "geo"]:
        """The class of the nodes: `local` within one region, `geo` over several, unless another is named."""
        return self.durability or ("local" if sum(number > 0 for number in self.regions.values()) == 1 else "geo")

    def machines(self) -> list[Machine]:
        """Every machine, in the order in which they are started."""
        self._check()
        regions = list(self.regions)
        homes = [region for region, number in self.regions.items() for _ in range(number)]
        return [
            *(self._machine("cassandra", number, region) for number, region in enumerate(homes, start=1)),
            *(self._machine("etcd", number, regions[(number - 1) % len(regions)]) for number in range(1, self.etcd + 1)),
            *(self._machine("node", number, regions[(number - 1) % len(regions)]) for number in range(1, self.nodes + 1)),
        ]

    def machine(self, name: str) -> Machine:
        """The machine of that name."""
        for machine in self.machines():
            if machine.name == name:
                return machine
        raise DevFailed(f"there is no machine {name}; there are {', '.join(machine.name for machine in self.machines())}")

    def named(self, name: str) -> list[Machine]:
        """The machine of that name, or every machine of the region of that name."""
        if name in self.regions:
            return [machine for machine in self.machines() if machine.region == name]
        return [self.machine(name)]

    def of_kind(self, kind: Kind) -> list[Machine]:
        """Every machine of a kind."""
        return [machine for machine in self.machines() if machine.kind == kind]

    def _machine(self, kind: Kind, number: int, region: str) -> Machine:
        return Machine(f"{kind}-{number}", kind, number, region, f"{self.network}.{_FIRST_ADDRESS[kind] + number}")

    def _check(self) -> None:
        if not self.regions:
            raise DevFailed("a cluster needs a region")
        if max(sum(self.regions.values()), self.etcd, self.nodes) > _MACHINES_MAX:
            raise DevFailed(f"a cluster has at most {_MACHINES_MAX} machines of a kind")
        if self.nodes > 1 and not any(self.regions.values()):
            raise DevFailed("several engine nodes need a common store: give a region a Cassandra node, or have one engine node")
        clashes = [region for region in self.regions if region.rpartition("-")[0] in _FIRST_ADDRESS]
        if clashes:
            raise DevFailed(f"a region cannot be called {clashes[0]}: that is a machine's name")


def free_network() -> str:
    """A loopback network that nobody listens on: clusters of several test runs stand beside each other."""
    for _ in range(100):
        network = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}"  # noqa: S311 No secret: any number that is free.
        if all(_is_free(f"{network}.{number}", port) for number in (1, 101, 201) for port in (9042, 7000, 2379, 7400)):
            return network
    raise DevFailed("no loopback network is free; does this system have all of 127.0.0.0/8?")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
