"""A network of namespaces: each machine has a kernel's network of its own, all on one bridge, so that a machine or a region can be cut off for real.

Addresses are of 198.18.0.0/15, which is set aside for tests (RFC 2544). The bridge's own is this machine as callers know it: a region that is
cut off from the others still answers its own callers, unless they are cut off too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from croupier.dev.failure import DevFailed
from croupier.dev.plan import Machine, Plan

Direction = Literal["both", "in", "out"]
_CALLERS = 254
"""The bridge's own address in the network."""
_LETTER = {"cassandra": "c", "etcd": "e", "node": "n"}
_RULES = """
table inet {table} {{
  chain in {{
    type filter hook input priority 0
    ip saddr != {{ {friends} }} {incoming}
  }}
  chain out {{
    type filter hook output priority 0
    ip daddr != {{ {friends} }} {outgoing}
  }}
}}
"""


class Cut(Struct, frozen=True):
    """What is cut off, and how: `in` means that nothing reaches it, `out` that nothing leaves it."""

    name: str
    direction: Direction = "both"
    callers: bool = False
    """Callers, who stand outside every region, are cut off as well."""


def why_not() -> str:
    """Why machines cannot have namespaces here; empty where they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [program for program in ("ip", "nft") if not shutil.which(program)]
    if missing:
        return f"network namespaces need {' and '.join(missing)} (Debian: apt-get install iproute2 nftables)"
    return ""


class Network:
    """The namespaces of one cluster."""

    def __init__(self, plan: Plan, owner: str = "") -> None:
        """Of a plan whose machines are isolated. `owner` is the cluster's folder: nobody else's network is joined, cut or torn down."""
        self._plan = plan
        self._owner = owner
        self._bridge = f"cr{_middle(plan)}"

    def build(self) -> None:
        """Makes the bridge and what is missing of each machine's namespace. Raises DevFailed where this machine does not allow it."""
        if reason := why_not():
            raise DevFailed(f"machines cannot be isolated: {reason}")
        if not self._exists(self._bridge):
            _run("ip", "link", "add", self._bridge, "type", "bridge")
            _run("ip", "link", "set", self._bridge, "alias", self._owner)
            _run("ip", "address", "add", f"{self.callers}/24", "dev", self._bridge)
            _run("ip", "link", "set", self._bridge, "up")
        self._check_owner()
        there = _namespaces()
        for machine in self._plan.machines():
            if self.namespace(machine) not in there:
                self._add(machine)

    def tear_down(self) -> None:
        """Removes the namespaces and the bridge, with every cut, if they are this cluster's."""
        if self._exists(self._bridge) and self._owned_by() != self._owner:
            return
        there = _namespaces()
        for machine in self._plan.machines():
            # The kernel clears a namespace some time after it is deleted: its device goes first, so that its name is free at once.
            if self._exists(self._outer(machine)):
                _run("ip", "link", "delete", self._outer(machine))
            if self.namespace(machine) in there:
                _run("ip", "netns", "delete", self.namespace(machine))
        if self._exists(self._bridge):
            _run("ip", "link", "delete", self._bridge)

    def inside(self, machine: Machine, argv: Sequence[str]) -> list[str]:
        """The command line that runs another one in a machine's namespace, under the same process number."""
        return ["ip", "netns", "exec", self.namespace(machine), *argv]

    def namespace(self, machine: Machine) -> str:
        """The name of a machine's namespace, as `ip netns` knows it."""
        return f"croupier-{_middle(self._plan)}-{machine.name}"

    @property
    def callers(self) -> str:
        """The address under which callers on this machine are seen."""
        return f"{self._plan.network}.{_CALLERS}"

    def cut(self, cut: Cut) -> None:
        """Cuts a machine or a region off from all others: packets are dropped without a word, also those of open connections."""
        self._check_owner()
        inner = self._plan.named(cut.name)
        friends = [machine.address for machine in inner] + ["127.0.0.0/8"] + ([] if cut.callers else [self.callers])
        rules = _RULES.format(
            table=_table(cut.name),
            friends=", ".join(friends),
            incoming="accept" if cut.direction == "out" else "drop",
            outgoing="accept" if cut.direction == "in" else "drop",
        )
        for machine in inner:
            self.heal_machine(machine, cut.name)
            _run(*self.inside(machine, ["nft", "-f", "-"]), given=rules)

    def heal(self, name: str) -> None:
        """Undoes the cut of that machine or region, if there is one."""
        for machine in self._plan.named(name):
            self.heal_machine(machine, name)

    def heal_machine(self, machine: Machine, name: str) -> None:
        """Removes the rules of one cut from one machine."""
        tables = _run(*self.inside(machine, ["nft", "list", "tables"]))
        if f"table inet {_table(name)}" in tables.splitlines():
            _run(*self.inside(machine, ["nft", "delete", "table", "inet", _table(name)]))

    def _add(self, machine: Machine) -> None:
        namespace = self.namespace(machine)
        outer = self._outer(machine)
        _run("ip", "netns", "add", namespace)
        _run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _run("ip", "link", "set", outer, "master", self._bridge, "up")
        _run("ip", "-n", namespace, "link", "set", "lo", "up")
        _run("ip", "-n", namespace, "address", "add", f"{machine.address}/24", "dev", "eth0")
        _run("ip", "-n", namespace, "link", "set", "eth0", "up")

    def _check_owner(self) -> None:
        if self._owned_by() != self._owner:
            raise DevFailed(
                f"the network {self._plan.network} belongs to the cluster in {self._owned_by()}: choose another by --network, such as {free_network()}"
            )

    def _owned_by(self) -> str:
        """The folder of the cluster that made the bridge, which the bridge itself remembers."""
        try:
            return Path("/sys/class/net", self._bridge, "ifalias").read_text().strip()
        except OSError:
            return ""

    def _outer(self, machine: Machine) -> str:
        """The name of the bridge's end of a machine's cable."""
        return f"{self._bridge}-{_LETTER[machine.kind]}{machine.number}"

    def _exists(self, device: str) -> bool:
        return Path("/sys/class/net", device).exists()


def free_network() -> str:
    """A network of 198.18.0.0/15 that no cluster of this machine has yet."""
    for second in (18, 19):
        for third in range(256):
            if not Path("/sys/class/net", f"cr{second}x{third}").exists():
                return f"198.{second}.{third}"
    raise DevFailed("every network of 198.18.0.0/15 is taken by a cluster")


def _middle(plan: Plan) -> str:
    """What tells this cluster's bridge and namespaces from another's: a device's name has 15 letters at most."""
    _, second, third = plan.network.split(".")
    return f"{second}x{third}"


def _table(name: str) -> str:
    return "cut_" + "".join(letter if letter.isalnum() else "_" for letter in name)


def _namespaces() -> set[str]:
    return {line.split()[0] for line in _run("ip", "netns", "list").splitlines() if line}


def _run(*argv: str, given: str = "") -> str:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DevFailed(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
