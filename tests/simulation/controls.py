"""Negative controls: the same world with one guard switched off. The checker must catch each; a suite that can't fail proves nothing.

The guards are switched off by subclasses and patches here, never by a switch in the product.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

from msgspec import structs

from croupier.errors import NodeUnavailable, OutcomeUnknown, Refusal
from croupier.model import Answer, Decision, Key, NeedState, Round, State, Wallet, WalletWrite
from croupier.operations import seeds
from croupier.operations.act import Act
from croupier.operations.command import wallet_key
from croupier.operations.house import Entropy, House
from croupier.operations.play_round import PlayRound
from croupier.operations.transfer import MakeTransfer
from croupier.runners import embedded
from croupier.runners.batch import Draft
from croupier.runners.embedded import EmbeddedRunner, Result
from croupier.runners.resolving import Resolver
from croupier.stores.memory import MemoryStore
from croupier.stores.store import CommitResult, Store
from tests.simulation.world import NodeStore, Parts, turn

Decided = Decision | Answer | Refusal | NeedState


class NoRevisionCheck(MemoryStore):
    """Applies a write whatever the revision is."""

    def _apply(self, write: WalletWrite) -> bool:
        head = self._rows.get(wallet_key(write.key))
        return super()._apply(structs.replace(write, expected_revision=head.revision if isinstance(head, Wallet) else 0))


class NoIdCheck(MemoryStore):
    """Applies a write whatever its ids are."""

    def _apply(self, write: WalletWrite) -> bool:
        return super()._apply(structs.replace(write, creates=(), updates=(*write.creates, *write.updates)))


class TornReads(NodeStore):
    """Reads rows one by one, while other nodes write, the wallet's head last."""

    async def load(self, keys: Sequence[Key]) -> State:
        found: State = {}
        for key in keys[::-1]:
            found |= await super().load([key])
        return found


class NoResolver(Resolver):
    """Takes every unknown write for what it is told to."""

    def __init__(self, store: Store, taken_for: CommitResult) -> None:
        super().__init__(store)
        self._taken_for = taken_for

    async def resolve(self, write: WalletWrite) -> CommitResult:
        return self._taken_for


class UnknownTakenForFailed(EmbeddedRunner):
    """No resolver: an unknown write is told as one that did not happen."""

    def __init__(self, store: Store, *rest: Any, **settings: Any) -> None:
        super().__init__(store, *rest, **settings)
        self._resolver = NoResolver(store, CommitResult.UNKNOWN)

    async def _commit(self, drafts: list[Draft], results: list[Result]) -> list[int]:
        again = await super()._commit(drafts, results)
        results[:] = [NodeUnavailable("nothing was done") if isinstance(one, OutcomeUnknown) else one for one in results]
        return again


class UnknownTakenForApplied(EmbeddedRunner):
    """No resolver: an unknown write is told as one that happened."""

    def __init__(self, store: Store, *rest: Any, **settings: Any) -> None:
        super().__init__(store, *rest, **settings)
        self._resolver = NoResolver(store, CommitResult.APPLIED)


class AnswersBeforeTheCommit(EmbeddedRunner):
    """Answers first, and leaves the commit for later turns, which a crash may never let come."""

    _later: tuple[WalletWrite, ...] = ()

    async def _commit(self, drafts: list[Draft], results: list[Result]) -> list[int]:
        writes = [draft.write() for draft in drafts]
        for draft, write in zip(drafts, writes, strict=True):
            self._applied(draft, write)
        self._later = (*self._later, *writes)
        if len(self._later) > 2:
            later, self._later = self._later, ()
            await turn()
            for write in later:
                await self.store.commit([write])
        return []


@contextmanager
def replaced(where: object, name: str, what: object) -> Iterator[None]:
    """Puts something else in the place of an attribute, for a while."""
    before = getattr(where, name)
    setattr(where, name, what)
    try:
        yield
    finally:
        setattr(where, name, before)


@contextmanager
def no_id_look_up() -> Iterator[None]:
    """Plays and transfers don't look whether their id is known."""
    play, transfer = PlayRound.decide, MakeTransfer.decide

    def forgetful(decide: Callable[..., Decided], kind: str) -> Callable[..., Decided]:
        def decided(self: PlayRound | MakeTransfer, house: House, state: State, now_ms: int, entropy: Entropy) -> Decided:
            blind: State = {key: None if key.kind == kind else row for key, row in state.items()}
            return decide(self, house, blind, now_ms, entropy)

        return decided

    with replaced(PlayRound, "decide", forgetful(play, "round")), replaced(MakeTransfer, "decide", forgetful(transfer, "transfer")):
        yield


@contextmanager
def no_step_check() -> Iterator[None]:
    """A repeated step is taken again, as the next one."""
    decide = Act.decide

    def repeated(self: Act, house: House, state: State, now_ms: int, entropy: Entropy) -> Decided:
        round_ = state[Key(self.wallet, "round", self.round_id)]
        if isinstance(round_, Round) and not round_.settled and self.step < len(round_.steps):
            self = structs.replace(self, step=len(round_.steps))
        return decide(self, house, state, now_ms, entropy)

    with replaced(Act, "decide", repeated):
        yield


@contextmanager
def a_draw_per_attempt() -> Iterator[None]:
    """The seed of a round is drawn when the round is decided, not committed before it."""
    chance = random.Random(0)
    with replaced(seeds, "server_seed", lambda *_: chance.randbytes(32)):
        yield


@contextmanager
def refusals_from_the_cache() -> Iterator[None]:
    """What is only told is told from the cache."""
    with replaced(embedded, "_may_be_stale", lambda *_: False):
        yield


class Control(NamedTuple):
    """A guard that is switched off, and the kinds of fault of which one must be found for it."""

    kinds: frozenset[str]
    parts: Parts = Parts()
    patch: Callable[[], AbstractContextManager[None]] = nullcontext


CONTROLS = {
    "revision check": Control(frozenset({"drift"}), Parts(store=NoRevisionCheck)),
    "new-id check": Control(frozenset({"double"}), Parts(store=NoIdCheck), no_id_look_up),
    "rows read at one moment": Control(frozenset({"double", "order"}), Parts(node_store=TornReads)),
    "unknown is not failed": Control(frozenset({"double"}), Parts(runner=UnknownTakenForFailed)),
    "unknown is not applied": Control(frozenset({"lost"}), Parts(runner=UnknownTakenForApplied)),
    "answer after the commit": Control(frozenset({"lost"}), Parts(runner=AnswersBeforeTheCommit)),
    "step check": Control(frozenset({"double"}), patch=no_step_check),
    "seed committed before the round": Control(frozenset({"reroll"}), patch=a_draw_per_attempt),
    "refusals from committed state": Control(frozenset({"order"}), patch=refusals_from_the_cache),
}
"""Every guard of the round protocol that this simulation can switch off."""
