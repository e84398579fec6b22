"""The whole cluster: started, watched, harmed, mended and stopped. What runs is remembered in one file, so any process can go on with it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from typing import Self

import msgspec
from msgspec import Struct

from croupier.dev import cassandra, cql, etcd, fetch, jvm, process, reaper
from croupier.dev.failure import DevFailed
from croupier.dev.places import Places, locked
from croupier.dev.plan import Machine, Plan, free_port
from croupier.dev.process import Condition, Process

_READY_S = {"cassandra": 180.0, "etcd": 30.0, "node": 60.0}
"""How long a machine of each kind may take to serve; two busy cores included."""
_WHOLE_S = 90.0
_PATIENCE_S = 25.0
"""How long a machine may take to stop before it is killed."""
_PORT_S = 20.0
"""A killed Java process is gone a moment before its ports are."""
_POLL_S = 0.1

Say = Callable[[str], None]


class State(Struct):
    """What the file says."""

    plan: Plan
    running: dict[str, Process] = {}
    """By the machine's name: the process that was started last."""
    jmx: dict[str, int] = {}
    """By the machine's name: the port of 127.0.0.1 where a Cassandra node takes orders."""


class Status(Struct, frozen=True):
    """One machine as it is now."""

    name: str
    kind: str
    region: str
    address: str
    condition: Condition
    serves: bool
    pid: int | None
    resident_mib: int


class Cluster:
    """A cluster in a folder. One process at a time changes it; each method returns when what it says is so."""

    def __init__(self, places: Places, plan: Plan, *, say: Say = lambda _: None) -> None:
        """A cluster to be started by `up`; `say` hears each step."""
        self.places = places
        self.plan = plan
        self._say = say
        self._state = State(plan)

    @classmethod
    def open(cls, places: Places, *, say: Say = lambda _: None) -> Self:
        """The cluster that was started in this folder, by this process or another."""
        if not places.state.is_file():
            raise DevFailed(f"there is no cluster in {places.folder}: start one with `croupier dev up`")
        state = msgspec.json.decode(places.state.read_bytes(), type=State)
        cluster = cls(places, state.plan, say=say)
        cluster._state = state
        return cluster

    # The whole

    def up(self) -> None:
        """Fetches what is missing, and starts every machine that does not run."""
        self.places.folder.mkdir(parents=True, exist_ok=True)
        for kind in ("cassandra", "etcd"):
            down = [machine for machine in self.plan.of_kind(kind) if self.condition(machine.name) == "dead"]
            self._start(down)
        self._wait_whole()

    def down(self) -> None:
        """Stops every machine; data and logs stay."""
        process.end(list(self._state.running.values()), _PATIENCE_S)
        self._state.running.clear()
        self._save()

    def remove(self) -> None:
        """Kills every machine at once, and removes the folder."""
        process.kill(list(self._state.running.values()))
        shutil.rmtree(self.places.folder, ignore_errors=True)

    def remove_with(self, pid: int) -> None:
        """From now on the cluster is killed and removed as soon as the process `pid` ends, however it ends."""
        self._save()
        reaper.start(pid, self.places)

    def mend(self) -> None:
        """Undoes every harm: what is frozen goes on, what is dead is started."""
        for machine in self.plan.machines():
            if self.condition(machine.name) == "paused":
                self.resume(machine.name)
        self.up()

    def status(self) -> list[Status]:
        """Every machine as it is now."""
        return [self._status(machine) for machine in self.plan.machines()]

    # One machine

    def kill(self, name: str) -> None:
        """Kills a machine as a power cut would; returns when it is dead."""
        self.plan.machine(name)
        if running := self._state.running.get(name):
            process.kill([running])

    def stop(self, name: str) -> None:
        """Asks a machine to stop, as an administrator would; returns when it is dead."""
        self.plan.machine(name)
        if running := self._state.running.get(name):
            process.end([running], _PATIENCE_S)

    def pause(self, name: str) -> None:
        """Freezes a machine: it holds its connections and answers nothing."""
        self._signal(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Lets a frozen machine go on."""
        self._signal(name, signal.SIGCONT)

    def restart(self, name: str) -> None:
        """Stops a machine if it runs, and starts it; returns when it serves."""
        self.stop(name)
        self._start([self.plan.machine(name)])
        self._wait_whole()

    def wait(self, name: str) -> None:
        """Returns when a machine that runs serves."""
        self._wait_serving(self.plan.machine(name))

    def condition(self, name: str) -> Condition:
        """What a machine's process is doing."""
        return process.condition(self._state.running.get(name))

    def nodetool(self, name: str, *arguments: str) -> str:
        """What Cassandra's own tool answers for a node."""
        tools = self._tools(["cassandra"])
        port = self._state.jmx.get(name)
        if port is None:
            raise DevFailed(f"{name} is no Cassandra node that was started")
        argv = jvm.tool(tools.java, tools.jars, self.places.of(self.plan.machine(name)) / "conf", port, arguments)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DevFailed(f"nodetool {' '.join(arguments)} on {name}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        return done.stdout

    # How

    def _start(self, machines: list[Machine]) -> None:
        if not machines:
            return
        tools = self._tools({machine.kind for machine in machines})
        self._say(f"Starting {', '.join(machine.name for machine in machines)}")
        for machine in machines:
            self._launch(machine, tools)
        for machine in machines:
            self._wait_serving(machine)

    def _tools(self, kinds: Iterable[str]) -> fetch.Tools:
        return fetch.tools(self.places.cache, self._say, cassandra="cassandra" in kinds, etcd="etcd" in kinds)

    def _launch(self, machine: Machine, tools: fetch.Tools) -> None:
        folder = self.places.of(machine)
        folder.mkdir(parents=True, exist_ok=True)
        for port in self._ports(machine):
            _wait_bindable(machine, port)
        if machine.kind == "cassandra":
            jmx = self._state.jmx[machine.name] = free_port()
            cassandra.write_settings(self.plan, machine, self.places, replacing=False)
            argv = cassandra.command(self.plan, machine, self.places, tools, jmx, replacing=False)
        else:
            argv = etcd.command(self.plan, machine, self.places, tools)
        self._state.running[machine.name] = process.spawn(argv, log=self.places.log(machine), folder=folder)
        self._save()

    def _ports(self, machine: Machine) -> list[int]:
        ports = self.plan.ports
        by_kind = {"cassandra": [ports.cql, ports.storage], "etcd": [ports.etcd, ports.etcd_peer], "node": [ports.grpc, ports.metrics]}
        return by_kind[machine.kind]

    def _wait_serving(self, machine: Machine) -> None:
        deadline = time.monotonic() + _READY_S[machine.kind]
        while not self._serves(machine):
            if self.condition(machine.name) == "dead":
                raise DevFailed(f"{machine.name} died while it started; its log ends:\n{process.last_lines(self.places.log(machine))}")
            if time.monotonic() > deadline:
                raise DevFailed(f"{machine.name} does not serve after {_READY_S[machine.kind]:.0f} s; see {self.places.log(machine)}")
            time.sleep(_POLL_S)

    def _wait_whole(self) -> None:
        """Waits until every Cassandra node believes every other alive; where one is down nobody can."""
        nodes = self.plan.of_kind("cassandra")
        if any(self.condition(node.name) != "running" for node in nodes):
            return
        deadline = time.monotonic() + _WHOLE_S
        for node in nodes:
            while not cql.sees_all(node.address, self.plan.ports.cql):
                if time.monotonic() > deadline:
                    raise DevFailed(f"{node.name} does not see every other Cassandra node after {_WHOLE_S:.0f} s")
                time.sleep(_POLL_S)

    def _serves(self, machine: Machine) -> bool:
        if self.condition(machine.name) != "running":
            return False
        if machine.kind == "cassandra":
            return cql.serves(machine.address, self.plan.ports.cql)
        return etcd.serves(machine.address, self.plan.ports.etcd)

    def _status(self, machine: Machine) -> Status:
        running = self._state.running.get(machine.name)
        condition = process.condition(running)
        pid = running.pid if running and condition != "dead" else None
        serves = self._serves(machine)
        return Status(machine.name, machine.kind, machine.region, machine.address, condition, serves, pid, process.resident_mib(running))

    def _signal(self, name: str, number: signal.Signals) -> None:
        self.plan.machine(name)
        if not process.send(self._state.running.get(name), number):
            raise DevFailed(f"{name} does not run")

    def _save(self) -> None:
        with locked(self.places.folder / "lock"):
            part = self.places.state.with_suffix(".part")
            part.write_bytes(msgspec.json.format(msgspec.json.encode(self._state), indent=1))
            part.replace(self.places.state)


def _wait_bindable(machine: Machine, port: int) -> None:
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
