"""Starts one machine of any kind, and waits until it serves."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import ModuleType

from croupier.dev import cassandra, engine, etcd, process
from croupier.dev.failure import DevFailed
from croupier.dev.network import Network
from croupier.dev.plan import Kind, Machine, Plan
from croupier.dev.process import Condition, Process
from croupier.dev.site import Site

_BY_KIND: dict[Kind, ModuleType] = {"cassandra": cassandra, "etcd": etcd, "node": engine}
_READY_S: dict[Kind, float] = {"cassandra": 300.0, "etcd": 60.0, "node": 120.0}
"""How long a machine of each kind may take to serve; two busy cores included."""
_PORT_S = 5.0
_POLL_S = 0.1
_OWN_WORDS = "croupier: "
"""What begins the sentence by which an engine node refuses to start."""
_REFUSED = "Use cassandra.replace_address"
"""What Cassandra says to a node that comes back without its data."""


def serves(plan: Plan, machine: Machine) -> bool:
    """Whether a machine of any kind answers its callers."""
    does: bool = _BY_KIND[machine.kind].serves(plan, machine)
    return does


class Starting:
    """How machines of one site are started."""

    def __init__(self, site: Site, network: Network | None) -> None:
        """`network` where each machine has a namespace."""
        self._site = site
        self._network = network

    def launch(self, machine: Machine, *, replacing: bool = False) -> Process:
        """Writes the machine's settings and starts its process; returns at once. `replacing` is for a Cassandra node that lost its data."""
        folder = self._site.folder(machine)
        folder.mkdir(parents=True, exist_ok=True)
        argv = cassandra.command(self._site, machine, replacing=True) if replacing else _BY_KIND[machine.kind].command(self._site, machine)
        if self._network:
            argv = self._network.inside(machine, argv)
        else:
            for port in self._ports(machine.kind):
                _wait_bindable(machine, port)
        return process.spawn(argv, log=self._site.places.log(machine), folder=folder)

    def wait(self, machine: Machine, condition: Callable[[], Condition]) -> None:
        """Returns when the machine serves. Raises DevFailed when it dies instead, or takes too long."""
        deadline = time.monotonic() + _READY_S[machine.kind]
        while not (condition() == "running" and serves(self._site.plan, machine)):
            if condition() == "dead":
                raise DevFailed(self._why_dead(machine))
            if time.monotonic() > deadline:
                raise DevFailed(f"{machine.name} does not serve after {_READY_S[machine.kind]:.0f} s; see {self._site.places.log(machine)}")
            time.sleep(_POLL_S)

    def _why_dead(self, machine: Machine) -> str:
        log = self._site.places.log(machine)
        said = process.last_lines(log)
        if _REFUSED in said:
            return (
                f"{machine.name} has lost its data, and Cassandra refuses it: an empty node would vote as if nothing had ever been promised; "
                f"`croupier dev replace {machine.name}` rebuilds it"
            )
        last = said.rpartition("\n")[2]
        if machine.kind == "node" and last.startswith(_OWN_WORDS):
            return f"{machine.name} is dead: {last.removeprefix(_OWN_WORDS)}"
        return f"{machine.name} is dead; its log {log} ends:\n{said}"

    def _ports(self, kind: Kind) -> list[int]:
        ports = self._site.plan.ports
        by_kind: dict[Kind, list[int]] = {
            "cassandra": [ports.cql, ports.storage],
            "etcd": [ports.etcd, ports.etcd_peer],
            "node": [ports.grpc, ports.metrics],
        }
        return by_kind[kind]


def _wait_bindable(machine: Machine, port: int) -> None:
    """A port may stay taken for a moment after its process; for longer, somebody else has it."""
    deadline = time.monotonic() + _PORT_S
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((machine.address, port))
            except OSError as error:
                if time.monotonic() > deadline:
                    raise DevFailed(f"{machine.name} cannot listen on {machine.address}:{port}: {error.strerror}") from error
            else:
                return
        time.sleep(_POLL_S)
