"""The whole cluster: started, watched, harmed, mended and stopped. What runs is remembered in one file, so any process can go on with it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from croupier.dev import cassandra, cql, engine, fetch, process, reaper
from croupier.dev.failure import DevFailed
from croupier.dev.fetch import Say
from croupier.dev.network import Cut, Direction, Network
from croupier.dev.places import Places, locked
from croupier.dev.plan import KINDS, Kind, Machine, Plan
from croupier.dev.process import Condition, Process
from croupier.dev.site import Site
from croupier.dev.starting import Starting, serves

_WHOLE_S = 90.0
_PATIENCE_S = 25.0
"""How long a machine may take to stop before it is killed."""
_SIGNAL_S = 10.0
_POLL_S = 0.1


class State(Struct):
    """What the file says."""

    plan: Plan
    running: dict[str, Process] = {}
    """By the machine's name: the process that was started last."""
    cuts: dict[str, Cut] = {}
    """By the name of what is cut off."""


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
    cut: Direction | None
    """How it, or its region, is cut off from the others."""


class Cluster:
    """A cluster in a folder. One process at a time changes it; each method returns when what it says is so."""

    def __init__(self, places: Places, plan: Plan, *, say: Say = lambda _: None) -> None:
        """A cluster to be started by `up`; `say` hears each step."""
        self.places = places
        self.plan = plan
        self._say = say
        self._state = State(plan)
        self._network = Network(plan, str(places.folder)) if plan.isolated else None

    @classmethod
    def open(cls, places: Places, *, say: Say = lambda _: None) -> Self:
        """The cluster that was started in this folder, by this process or another."""
        if not places.state.is_file():
            raise DevFailed(f"there is no cluster in {places.folder}: start one with `croupier dev up`")
        state = msgspec.json.decode(places.state.read_bytes(), type=State)
        cluster = cls(places, state.plan, say=say)
        cluster._read()
        return cluster

    # The whole

    def up(self, kinds: Sequence[Kind] = KINDS) -> None:
        """Fetches what is missing, and starts every machine of these kinds that does not run: Cassandra and etcd together, then the nodes that need them."""
        if not Path("/proc/self/stat").is_file():
            raise DevFailed("a cluster of one machine needs Linux: processes are told apart by /proc")
        self.places.folder.mkdir(parents=True, exist_ok=True)
        self._read()
        if self._network:
            self._network.build()
        self._start_dead([machine for machine in self.plan.machines() if machine.kind in kinds])

    def down(self) -> None:
        """Stops every machine, nodes before what they need; data and logs stay. What is cut off is whole again at the next start."""
        for kind in reversed(KINDS):
            process.end(self._processes(kind), _PATIENCE_S)
        self._forget()
        self._note(_cleared)

    def remove(self) -> None:
        """Kills every machine at once, and removes the folder."""
        process.kill([process for kind in KINDS for process in self._processes(kind)])
        self._forget()
        shutil.rmtree(self.places.folder, ignore_errors=True)

    def remove_with(self, pid: int) -> None:
        """From now on the cluster is killed and removed as soon as the process `pid` ends, however it ends."""
        self.places.folder.mkdir(parents=True, exist_ok=True)
        self._note(lambda _: None)
        reaper.start(pid, self.places)

    def mend(self) -> None:
        """Undoes every harm: what is cut off is joined, what is frozen goes on, what once ran and is dead is started."""
        self.heal()
        for machine in self.plan.machines():
            if self.condition(machine.name) == "paused":
                self.resume(machine.name)
        self._start_dead([self.plan.machine(name) for name in self._state.running])

    def status(self) -> list[Status]:
        """Every machine as it is now, whoever started it."""
        self._read()
        return [self._status(machine) for machine in self.plan.machines()]

    # One machine

    def kill(self, name: str) -> None:
        """Kills a machine as a power cut would; returns when it is dead."""
        process.kill(self._process(name))

    def stop(self, name: str) -> None:
        """Asks a machine to stop, as an administrator would; returns when it is dead."""
        process.end(self._process(name), _PATIENCE_S)

    def pause(self, name: str) -> None:
        """Freezes a machine: it holds its connections and answers nothing."""
        self._signal(name, signal.SIGSTOP, "paused")

    def resume(self, name: str) -> None:
        """Lets a frozen machine go on."""
        self._signal(name, signal.SIGCONT, "running")

    def restart(self, *names: str) -> None:
        """Starts those that are dead, together, since one member of etcd alone serves nobody; stops and starts the others in turn. Returns when all serve."""
        machines = [self.plan.machine(name) for name in names]
        dead = [machine for machine in machines if self.condition(machine.name) == "dead"]
        self._start(dead)
        for machine in machines:
            if machine not in dead:
                self.stop(machine.name)
                self._start([machine])
        self._wait_whole()

    def wait(self, name: str) -> None:
        """Returns when a machine that runs serves."""
        self._starting(()).wait(self.plan.machine(name), lambda: self.condition(name))

    def condition(self, name: str) -> Condition:
        """What a machine's process is doing."""
        return process.condition(self._state.running.get(name))

    # The network between them

    def cut(self, name: str, direction: Direction = "both", *, callers: bool = False) -> None:
        """Cuts a machine or a region off from all others, and with `callers` from those who call it; `in`: nothing reaches it, `out`: nothing leaves it."""
        cut = Cut(name, direction, callers)
        self._isolated().cut(cut)
        self._note(lambda state: state.cuts.update({name: cut}))

    def heal(self, name: str | None = None) -> None:
        """Joins again what was cut off: one machine or region, or all."""
        if name is not None:
            self.plan.named(name)
        for cut in [cut for cut in self._state.cuts if name in (None, cut)]:
            self._isolated().heal(cut)
            self._note(lambda state, healed=cut: state.cuts.pop(healed, None))

    # Cassandra's data

    def destroy(self, name: str) -> None:
        """Kills a Cassandra node and removes everything that it stored, as a broken disk would."""
        machine = self._cassandra(name)
        self.kill(name)
        cassandra.destroy_data(self.places.of(machine))

    def start_as_replacement(self, name: str) -> None:
        """Starts a Cassandra node whose data is gone in its own place: it fetches them from the others before it serves."""
        machine = self._cassandra(name)
        # What a refused start wrote would make it look like a node that knows its tokens.
        cassandra.destroy_data(self.places.of(machine))
        self._start([machine], replacing=True)
        self._wait_whole()
        cassandra.note_rebuilt(self.places.of(machine))

    def nodetool(self, name: str, *arguments: str) -> str:
        """What Cassandra's own tool answers for a node."""
        machine = self._cassandra(name)
        argv = cassandra.nodetool(self._site(["cassandra"]), machine, arguments)
        inside = self._network.inside(machine, argv) if self._network else argv
        done = subprocess.run(inside, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
            raise DevFailed(f"nodetool {' '.join(arguments)} on {name}: {said[-1]}")
        return done.stdout

    # How

    def _start_dead(self, machines: list[Machine]) -> None:
        dead = [machine for machine in machines if self.condition(machine.name) == "dead"]
        self._start([machine for machine in dead if machine.kind != "node"])
        self._wait_whole()
        nodes = [machine for machine in dead if machine.kind == "node"]
        if nodes and self.plan.of_kind("cassandra"):
            self._say("Bringing the nodes' keyspace up to date")
            engine.prepare_store(self._site(()))
        # The first node makes the operators and their keys; those that start after it know them from the start.
        self._start([machine for machine in nodes if machine.number == 1])
        self._start([machine for machine in nodes if machine.number != 1])

    def _start(self, machines: list[Machine], *, replacing: bool = False) -> None:
        if not machines:
            return
        starting = self._starting({machine.kind for machine in machines})
        self._say(f"Starting {', '.join(machine.name for machine in machines)}")
        for machine in machines:
            launched = starting.launch(machine, replacing=replacing)
            self._note(lambda state, name=machine.name, process=launched: state.running.update({name: process}))
        start = time.monotonic()
        for machine in machines:
            starting.wait(machine, lambda name=machine.name: self.condition(name))
            self._say(f"{machine.name} serves, after {time.monotonic() - start:.1f} s")

    def _starting(self, kinds: Iterable[str]) -> Starting:
        return Starting(self._site(kinds), self._network)

    def _site(self, kinds: Iterable[str]) -> Site:
        tools = fetch.tools(self.places.cache, self._say, cassandra="cassandra" in kinds, etcd="etcd" in kinds)
        return Site(self.plan, self.places, tools)

    def _wait_whole(self) -> None:
        """Waits until every Cassandra node believes every other alive; where one is down or cut off nobody can."""
        nodes = self.plan.of_kind("cassandra")
        if self._state.cuts or any(self.condition(node.name) != "running" for node in nodes):
            return
        deadline = time.monotonic() + _WHOLE_S
        for node in nodes:
            while not cql.sees_all(node.address, self.plan.ports.cql, len(nodes)):
                if time.monotonic() > deadline:
                    raise DevFailed(f"{node.name} does not see every other Cassandra node after {_WHOLE_S:.0f} s")
                time.sleep(_POLL_S)

    def _status(self, machine: Machine) -> Status:
        running = self._state.running.get(machine.name)
        condition = process.condition(running)
        cut = self._state.cuts.get(machine.name) or self._state.cuts.get(machine.region)
        return Status(
            name=machine.name,
            kind=machine.kind,
            region=machine.region,
            address=machine.address,
            condition=condition,
            serves=condition == "running" and serves(self.plan, machine),
            pid=running.pid if running and condition != "dead" else None,
            resident_mib=process.resident_mib(running),
            cut=cut.direction if cut else None,
        )

    def _process(self, name: str) -> list[Process]:
        """The process of that machine, if it was ever started."""
        self._read()
        running = self._state.running.get(self.plan.machine(name).name)
        return [running] if running else []

    def _processes(self, kind: str) -> list[Process]:
        self._read()
        return [running for name, running in self._state.running.items() if self.plan.machine(name).kind == kind]

    def _signal(self, name: str, number: signal.Signals, wanted: Condition) -> None:
        if not any(process.send(running, number) for running in self._process(name)):
            raise DevFailed(f"{name} does not run")
        # A process of many threads takes a moment to stop them all.
        deadline = time.monotonic() + _SIGNAL_S
        while self.condition(name) != wanted:
            if time.monotonic() > deadline:
                raise DevFailed(f"{name} is {self.condition(name)}, not {wanted}")
            time.sleep(_POLL_S / 10)

    def _cassandra(self, name: str) -> Machine:
        machine = self.plan.machine(name)
        if machine.kind != "cassandra":
            raise DevFailed(f"{name} is no Cassandra node")
        return machine

    def _isolated(self) -> Network:
        if not self._network:
            raise DevFailed(
                "these machines share the loopback, where nobody can be cut off: start the cluster with --isolated, as root, to give each a network namespace"
            )
        return self._network

    def _forget(self) -> None:
        _cleared(self._state)
        if self._network:
            self._network.tear_down()

    def _note(self, change: Callable[[State], object]) -> None:
        """Changes what the file says, as it is now: another process may have changed it meanwhile."""
        with locked(self.places.folder / "lock"):
            self._read()
            change(self._state)
            part = self.places.state.with_suffix(".part")
            part.write_bytes(msgspec.json.format(msgspec.json.encode(self._state), indent=1))
            part.replace(self.places.state)

    def _read(self) -> None:
        if not self.places.state.is_file():
            return
        state = msgspec.json.decode(self.places.state.read_bytes(), type=State)
        if state.plan != self.plan:
            raise DevFailed(f"another cluster is in {self.places.folder}: `croupier dev down --remove` removes it")
        self._state = state


def _cleared(state: State) -> None:
    state.running.clear()
    state.cuts.clear()
