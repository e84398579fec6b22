"""The same world with nodes that await their store: calls come in batches, each wallet has a lane of its own, and requests to the store are answered in
any order between wallets.

The event loop is the scheduler's: it runs until nothing is left to do but wait for the store, and its clock is the world's.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from croupier.errors import NodeUnavailable, Overloaded, Refusal
from croupier.model import WalletKey
from croupier.runners.awaiting import Awaiting
from croupier.runners.embedded import Call, Result
from tests.simulation.checker import revision_of
from tests.simulation.clients import Intent
from tests.simulation.world import Node, Parts, World

_TURN_S = 0.03
"""Of the event loop's clock: calls that wait are looked through for expired ones every few turns."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock is set, and that can be run until it would wait."""

    _ready: Any
    now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def settle(self) -> None:
        """Runs everything that can run now."""
        while True:
            self.call_soon(self.stop)
            self.run_forever()
            if not self._ready:
                return


class Process:
    """One life of a node."""

    def __init__(self) -> None:
        self.is_alive = True
        self.order: dict[WalletKey, list[Intent]] = {}
        """What it was sent for each wallet, in order."""
        self.answered: set[int] = set()
        """The intents that it answered, by identity."""


class AwaitingNode(Node):
    """A process that can be killed: what the door brought, lanes, cache, and requests that the store has not answered."""

    _world: AwaitingWorld

    @property
    def is_busy(self) -> bool:
        """Has something to do at its next turn."""
        return bool(self.queue or self._pending)

    def turn(self) -> None:
        """The door brings what waits there, or the store goes on with one request of any wallet."""
        world = self._world
        world.loop.now_s += _TURN_S
        if self.queue and (not self._pending or world.chance.random() < 0.5):
            self._submit()
        else:
            self._pending.pop(world.chance.randrange(len(self._pending))).set_result(None)
        world.loop.settle()
        if self.runner.failure:
            self.crash()

    def kill(self) -> None:
        """Kill -9: nothing that runs asks the store again, and nothing more is answered."""
        self._process.is_alive = False
        for task in self._tasks:
            task.cancel()
        self._world.loop.settle()

    def crash(self) -> None:
        """Kill -9, and a new process with an empty cache in its place."""
        self.kill()
        for intent in (*self._taken, *self.queue):
            intent.lost()
        self.queue = []
        self._start()

    def _start(self) -> None:
        super()._start()
        world = self._world
        self._pending: list[asyncio.Future[None]] = []
        self._taken: list[Intent] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._process = Process()
        self.runner.store.turn = self._suspend  # type: ignore[attr-defined]
        world.processes.append(self._process)
        self._awaiting = world.taker(
            self.runner, lambda: world.now_ms + self._skew_ms, max_queue=8, max_wallet_queue=6, max_write_calls=world.write_calls
        )
        world.loop.call_soon(self._awaiting.start)
        world.loop.settle()

    async def _suspend(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        future = self._world.loop.create_future()
        self._pending.append(future)
        await future

    def _submit(self) -> None:
        """One batch from the door."""
        process, taken = self._process, self._taken

        def answered(answers: list[tuple[Any, list[Result]]]) -> None:
            if process.is_alive:
                for intent, results in answers:
                    taken.remove(intent)
                    if not isinstance(results[0], Refusal):
                        process.answered.add(id(intent))
                self._world.answer([intent for intent, _ in answers], [results[0] for _, results in answers])

        batch, self.queue = self.queue, []
        for intent in batch:
            try:
                self._awaiting.submit([Call(intent.command, self._world.deadline_ms())], answered, intent)
            except (Overloaded, NodeUnavailable) as refusal:
                self._world.answer([intent], [refusal])
                continue
            taken.append(intent)
            process.order.setdefault(intent.command.wallet, []).append(intent)
            self._world.sent[id(intent)] += 1


class AwaitingWorld(World):
    """One seed's run."""

    option = " --awaiting"
    taker: type[Awaiting] = Awaiting

    def __init__(self, seed: int, parts: Parts) -> None:
        self.loop = Loop()
        self.write_calls = 1 + seed % 4
        self.processes: list[Process] = []
        self.sent: Counter[int] = Counter()
        """How often each intent was, by its identity."""
        super().__init__(seed, parts)

    def node(self) -> AwaitingNode:
        """A new node."""
        return AwaitingNode(self)

    def run(self) -> None:
        """See World.run."""
        log = logging.getLogger("croupier.awaiting")
        level = log.level
        log.setLevel(logging.CRITICAL + 1)
        try:
            super().run()
            self.faults += self._disorder()
        finally:
            for node in self.nodes:
                cast("AwaitingNode", node).kill()
            log.setLevel(level)
            self.loop.close()

    def _disorder(self) -> Iterator[str]:
        """Calls that were sent once are in the ledger in the order in which their process got them, if it answered them."""
        for process in self.processes:
            for intents in process.order.values():
                once = [one for one in intents if self.sent[id(one)] == 1 and id(one) in process.answered]
                revisions = [revision for one in once if (revision := revision_of(one))]
                if revisions != sorted(revisions):
                    yield f"order: calls of one wallet, one behind the other, have the revisions {revisions}"
