"""The simulated world of one seed: nodes with the real runner and operations over one store that lies, a scheduler, a virtual clock, players.

a player wants something -> its call is queued at a node, or at two -> a node takes what is queued -> every step of its runner at the store
is one turn of the scheduler, so that nodes, crashes and clocks come in between anywhere -> the answer reaches the player, or never does
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any

from msgspec import Struct

from croupier.errors import InsufficientFunds
from croupier.model import Entry, Key, State, WalletKey, WalletWrite
from croupier.operations.house import House
from croupier.runners.embedded import Call, EmbeddedRunner, Result
from croupier.stores.memory import HONEST, Lies, MemoryStore
from croupier.stores.store import CommitResult, EntryQuery, drive
from tests.casino import NOW_MS, house_of
from tests.simulation.clients import Intent, Player, Reroll, Rolls

HOUSE = house_of(seed_max_rounds=6, seed_max_age_ms=3_600_000, epoch_max_entries=9)
TURNS = 150
PROFILES = (
    HONEST,
    Lies(unknown_lost=0.05, unknown_applied=0.1, unknown_late=0.1),
    Lies(unknown_late=0.4),
    Lies(unknown_lost=0.2, unknown_applied=0.2, fail=0.03),
    Lies(refused=0.3),
    Lies(fail=0.05),
)
"""A refusal that is a lie beside writes that come late would be no store's behaviour: what was refused once can't apply any more."""


class turn:  # noqa: N801
    """Gives the turn back to the scheduler."""

    def __await__(self) -> Generator[None]:
        yield


class NodeStore(MemoryStore):
    """The shared store as one node sees it: a turn passes before each request, and another between a commit and its answer."""

    inline = False

    def __init__(self, shared: MemoryStore) -> None:
        super().__init__()
        self.turn: Callable[[], Awaitable[None]] = turn
        """What gives the turn away, and has it again afterwards."""
        self._shared = shared

    async def load(self, keys: Sequence[Key]) -> State:
        await self.turn()
        return await self._shared.load(keys)

    async def entries(self, query: EntryQuery) -> list[Entry]:
        await self.turn()
        return await self._shared.entries(query)

    async def commit(self, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        await self.turn()
        results = await self._shared.commit(writes)
        await self.turn()
        return results


class Parts(Struct, frozen=True):
    """What the world is built from; the controls put broken parts in their places."""

    store: type[MemoryStore] = MemoryStore
    node_store: type[NodeStore] = NodeStore
    runner: type[EmbeddedRunner] = EmbeddedRunner
    house: House = HOUSE


class Node:
    """A process that can be killed: queue, runner, cache, and the batch that it works on."""

    def __init__(self, world: World) -> None:
        self.queue: list[Intent] = []
        self._world = world
        self._skew_ms = world.chance.randint(-2_000, 2_000)
        self._batch: list[Intent] = []
        self._task: Coroutine[Any, Any, list[Result]] | None = None
        self._start()

    def _start(self) -> None:
        world = self._world
        self.runner = world.parts.runner(
            world.parts.node_store(world.store),
            world.parts.house,
            lambda: world.now_ms + self._skew_ms,
            world.chance.randbytes,
            cache_bytes=world.chance.choice((0, 4_000, 8_000, 1 << 20)),
            on_fault=lambda game, refusal: world.faults.append(f"invariant: {game} would be disabled: {refusal.message}"),
        )

    @property
    def is_busy(self) -> bool:
        """Has something to do at its next turn."""
        return self._task is not None or bool(self.queue)

    def turn(self) -> None:
        """Goes on to its next request to the store, or answers."""
        if self._task is None:
            size = self._world.chance.randint(1, 4)
            self._batch, self.queue = self.queue[:size], self.queue[size:]
            self._task = self.runner.process([Call(one.command, self._world.deadline_ms()) for one in self._batch])
        try:
            self._task.send(None)
        except StopIteration as stop:
            self._task = None
            self._world.answer(self._batch, stop.value)
            self._batch = []
            if self.runner.failure:
                self.crash()

    def crash(self) -> None:
        """Kill -9, and a new process with an empty cache in its place."""
        if self._task is not None:
            self._task.close()
            self._task = None
        for intent in (*self._batch, *self.queue):
            intent.lost()
        self._batch, self.queue = [], []
        self._start()


class World:
    """One seed's run."""

    option = ""
    """What chooses this world on the command line."""

    def __init__(self, seed: int, parts: Parts) -> None:
        self.chance = random.Random(seed)
        self.parts = parts
        self.store = parts.store(self.chance.choice(PROFILES), self.chance.random)
        self.now_ms = NOW_MS
        self.turns = 0
        self.rolls: Rolls = {}
        self.faults: list[str] = []
        self.players = [Player(number, self.chance, self.rolls) for number in range(self.chance.choice((1, 1, 2)))]
        self.balances: dict[WalletKey, list[tuple[int, int]]] = {player.wallet: [(-1, 0)] for player in self.players}
        """Of each wallet, the turn from which on a balance was in force, and the balance; one more than there are entries."""
        self.nodes = [self.node() for _ in range(self.chance.choice((1, 2, 3)))]
        self.crashes = 0
        self._crash_rate = self.chance.choice((0, 0.01, 0.1))
        self._twins = self.chance.choice((0.1, 0.6))
        """Share of calls that are sent to two nodes at once."""
        self._has_deadlines = self.chance.random() < 0.3

    def node(self) -> Node:
        """A new node."""
        return Node(self)

    def run(self) -> None:
        """Plays, then lets every node finish or die, then asks again for whatever is not known."""
        try:
            for self.turns in range(TURNS):
                self._turn()
            for node in self.nodes:
                while node.is_busy:
                    self._watch()
                    node.turn()
                    self.turns += 1
            self._reconcile()
            self.store.settle()
        except Reroll as error:
            self.faults.append(f"reroll: {error}")

    def deadline_ms(self) -> int:
        """A call's deadline, which may pass while its batch works."""
        return self.now_ms + self.chance.randint(-50, 3_000) if self._has_deadlines else 0

    def answer(self, batch: Sequence[Intent], results: Sequence[Result]) -> None:
        """Brings answers to their players."""
        self._watch()
        for intent, result in zip(batch, results, strict=True):
            fault = intent.told(result, self.turns)
            if isinstance(result, InsufficientFunds) and int(result.metadata["balance_micros"]) not in self._balances(intent):
                fault = f"order: {result.message}, but the balance was not that since the call was sent"
            if fault:
                self.faults.append(fault)

    def _watch(self) -> None:
        """Notes what became visible in the store since the last time."""
        for player in self.players:
            seen, balances = len(self.balances[player.wallet]) - 1, self.balances[player.wallet]
            balances += [(self.turns, entry.balance_micros) for entry in self.store._entries.get(player.wallet, [])[seen:]]

    def _balances(self, intent: Intent) -> set[int]:
        """Every balance that was in force since a call was sent."""
        balances = self.balances[intent.command.wallet]
        before = [balance for at, balance in balances if at < intent.sent_at]
        return {*before[-1:], *(balance for at, balance in balances if at >= intent.sent_at)}

    def _turn(self) -> None:
        self._watch()
        roll = self.chance.random()
        self.now_ms += self.chance.randint(0, 20)
        if roll < self._crash_rate:
            self.crashes += 1
            self.chance.choice(self.nodes).crash()
        elif roll < self._crash_rate + 0.02:
            self.now_ms += self.chance.choice((-60_000, 60_000, 3_600_000))
        else:
            busy = [node for node in self.nodes if node.is_busy]
            if busy and roll > 0.35:
                self.chance.choice(busy).turn()
            else:
                self._ask(self.chance.choice(self.players))

    def _ask(self, player: Player) -> None:
        """A new wish, a retry of what is not known, a twin of what is on its way, or an old call once more."""
        waiting = [one for one in player.intents if not one.is_settled]
        retries = [one for one in waiting if not one.in_flight]
        if retries and self.chance.random() < 0.6:
            self._send(self.chance.choice(retries))
        elif waiting and self.chance.random() < 0.3:
            self._send(self.chance.choice(waiting))
        elif len(waiting) < 3:
            intent = player.wants(self.turns, self.now_ms)
            self._send(intent)
            if self.chance.random() < self._twins:
                self._send(intent)
        elif player.intents and self.chance.random() < 0.2:
            self._send(self.chance.choice(player.intents))

    def _send(self, intent: Intent) -> None:
        intent.in_flight += 1
        self.chance.choice(self.nodes).queue.append(intent)

    def _reconcile(self) -> None:
        """Asks an honest node again until the fate of every call is known."""
        self.store.lies = HONEST
        runner = self.parts.runner(self.store, self.parts.house, lambda: self.now_ms, self.chance.randbytes)
        for player in self.players:
            for intent in player.intents:
                if intent.answer is None and intent.is_open:
                    intent.in_flight += 1
                    results = drive(runner.process([Call(intent.command)]))
                    self.answer([intent], results)
                    intent.is_open = any(getattr(one, "reason", "") == "OUTCOME_UNKNOWN" for one in results)
