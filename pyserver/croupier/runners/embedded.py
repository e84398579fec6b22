"""The embedded runner: takes whatever is queued, decides it, commits it as one transaction, then answers all.

    calls -> load what they read -> decide one after another -> one conditional write a wallet -> commit -> publish the entries -> answer

Deciding and committing in one place means no locks and no lost races. What a store refuses is loaded and decided again; what it leaves unknown is made
definite before anybody is told anything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from croupier.errors import (
    DeadlineExceeded,
    InvariantBroken,
    NodeUnavailable,
    OutcomeUnknown,
    Refusal,
    RngUnhealthy,
    StoreFailed,
    StoreUnreachable,
    WriteConflict,
)
from croupier.model import Answer, Decision, Entry, Key, NeedState, Round, Session, State, WalletKey, WalletWrite
from croupier.operations.command import Command, Decided
from croupier.operations.house import ALL_GAMING, Entropy, House
from croupier.runners.batch import Draft
from croupier.runners.cache import Cache, is_live
from croupier.runners.resolving import Resolver
from croupier.stores.store import CommitResult, Store

_ATTEMPTS = 3
"""How often a call is decided before a lost race is reported (ABORTED)."""
_USUALLY_NEW = frozenset(("round", "transfer"))
"""Kinds whose ids are new in nearly every call that names one, so that asking the store first would double the way to it."""

_log = logging.getLogger("croupier.runner")

Result = object
"""An answer, or a Refusal."""


class Call(Struct, frozen=True):
    """A command and when its caller stops waiting."""

    command: Command
    deadline_ms: int = 0
    """On the runner's clock; 0 for none."""


class Counts(Struct):
    """What the runner did since it started."""

    batches: int = 0
    commits: int = 0
    calls: int = 0
    writes: int = 0
    entries: int = 0
    rounds: int = 0
    commit_s: float = 0
    refused_writes: int = 0
    unknown_writes: int = 0
    unresolved_writes: int = 0
    unsent_writes: int = 0
    expired_calls: int = 0


class EmbeddedRunner:
    """See the module. Not for two threads at once: one owner calls it."""

    def __init__(
        self,
        store: Store,
        house: House,
        clock_ms: Callable[[], int],
        entropy: Entropy,
        *,
        cache_bytes: int = 64 << 20,
        on_commit: Callable[[WalletKey, Sequence[Entry]], None] = lambda wallet, entries: None,
        on_fault: Callable[[str, Refusal], None] = lambda game, refusal: None,
    ) -> None:
        """`on_commit` gets the entries of each applied write in order; `on_fault` hears of broken invariants and an
        unhealthy RNG, with the game (ALL_GAMING where it is not one game's).
        """
        self.store = store
        self.house = house
        self.counts = Counts()
        self.failure = ""
        """Why the runner is out of service; empty while it serves."""
        self._clock_ms = clock_ms
        self._entropy = entropy
        self._cache = Cache(cache_bytes)
        self._resolver = Resolver(store)
        self._on_commit = on_commit
        self._on_fault = on_fault

    @property
    def cached(self) -> Cache:
        """Rows as last committed, for others to look at only."""
        return self._cache

    async def process(self, calls: Sequence[Call]) -> list[Result]:
        """Answers `calls`, in order; each answer is committed before this returns."""
        results: list[Result] = [None] * len(calls)
        waiting = list(range(len(calls)))
        self.counts.batches += 1
        self.counts.calls += len(calls)
        for _ in range(_ATTEMPTS):
            if self.failure:
                break
            try:
                if self._resolver.has_doubts:
                    waiting = await self._without_doubts(calls, waiting, results)
                waiting = await self._attempt(calls, waiting, results)
            except StoreFailed as error:
                self.fail(str(error))
                return [unknown()] * len(calls)
            except Refusal as refusal:
                for position in waiting:
                    results[position] = refusal
                return results
            if not waiting:
                return results
        for position in waiting:
            results[position] = (
                out_of_service(self.failure)
                if self.failure
                else WriteConflict("another writer changed the wallet three times; retry with the same id")
            )
        return results

    async def process_wallet(self, calls: Sequence[Call]) -> list[Result]:
        """What `process` does, for calls of one wallet. As a rule they are decided on what is cached and written, which takes one way to the store and the
        least time here; everything else starts over in `process`.
        """
        results: list[Result] = [None] * len(calls)
        draft = None if self.failure or self._resolver.has_doubts else self._decide_cached(calls, results)
        if draft is None:
            return await self.process(calls)
        try:
            refused = await self._commit([draft], results)
        except StoreFailed as error:
            self.fail(str(error))
            return [unknown()] * len(calls)
        except Refusal as refusal:
            return [refusal] * len(calls)
        if refused:
            return await self.process(calls)
        self.counts.batches += 1
        self.counts.calls += len(calls)
        return results

    def fail(self, reason: str) -> None:
        """After a failed commit or fsync nobody knows what the store holds: stop answering, from memory above all."""
        if not self.failure:
            self.failure = reason
            _log.critical("out of service: %s", reason)

    def refuse_failed(self) -> None:
        """Raises NodeUnavailable once the runner is out of service."""
        if self.failure:
            raise out_of_service(self.failure)

    async def _without_doubts(self, calls: Sequence[Call], waiting: list[int], results: list[Result]) -> list[int]:
        """The positions that can be decided: those whose wallets have no unknown write, or none any more."""
        clear = {wallet: await self._resolver.clear(wallet) for wallet in {calls[position].command.wallet for position in waiting}}
        for position in waiting:
            if not clear[calls[position].command.wallet]:
                results[position] = unknown()
        return [position for position in waiting if clear[calls[position].command.wallet]]

    async def _attempt(self, calls: Sequence[Call], waiting: list[int], results: list[Result]) -> list[int]:
        """Decides and commits the calls at `waiting`; the positions that must be decided again. Raises what the store refuses to do: then nothing was done."""
        drafts: dict[WalletKey, Draft] = {}
        try:
            await self._decide_all(calls, waiting, results, drafts)
        except Refusal:
            for wallet in drafts:  # What was decided was decided on the cache's own rows.
                self._cache.forget(wallet)
            raise
        again = await self._commit([draft for draft in drafts.values() if draft.decisions], results)
        for draft in drafts.values():
            if not draft.decisions:
                self._give_back(draft)
            for game, refusal in draft.faults:
                self._on_fault(game, refusal)
        return again

    async def _decide_all(self, calls: Sequence[Call], waiting: list[int], results: list[Result], drafts: dict[WalletKey, Draft]) -> None:
        """Decides the calls at `waiting`, each in its wallet's draft; drafts that are wanted are made."""
        now_ms = self._clock_ms()
        asked: list[tuple[int, Command, Draft, Sequence[Key]]] = []
        missing: dict[Key, Draft] = {}
        for position in waiting:
            call = calls[position]
            command = call.command
            if call.deadline_ms and now_ms >= call.deadline_ms:
                self.counts.expired_calls += 1
                results[position] = expired()
                continue
            draft = drafts.get(command.wallet)
            if draft is None:
                draft = drafts[command.wallet] = Draft(command.wallet, self._cache.rows(command.wallet))
            asked.append((position, command, draft, self._recall(draft, command.keys(), missing)))
        if missing:
            await self._load(missing)
        for position, command, draft, guessed in asked:
            decided = self._decided(command, draft.state, now_ms)
            if type(decided) is Decision and decided.proves_new(guessed):
                draft.add(decided)
                results[position] = decided.answer
            else:
                results[position] = await self._decide(command, draft, now_ms, decided, guessed)
            draft.calls.append(position)

    def _decide_cached(self, calls: Sequence[Call], results: list[Result]) -> Draft | None:
        """Decisions for all of `calls`, of one wallet; None where one of them is none, or needs more than the cache has, or came too late."""
        now_ms = self._clock_ms()
        wallet = calls[0].command.wallet
        draft = Draft(wallet, self._cache.rows(wallet))
        missing: dict[Key, Draft] = {}
        for position, call in enumerate(calls):
            guessed = self._recall(draft, call.command.keys(), missing)
            is_late = bool(missing) or 0 < call.deadline_ms <= now_ms
            decided = None if is_late else self._decided(call.command, draft.state, now_ms)
            if type(decided) is not Decision or not decided.proves_new(guessed):
                if draft.decisions:  # They were made on the cache's own rows.
                    self._cache.forget(wallet)
                else:
                    self._give_back(draft)
                return None
            draft.add(decided)
            results[position] = decided.answer
            draft.calls.append(position)
        return draft

    async def _decide(self, command: Command, draft: Draft, now_ms: int, decided: Decided, guessed: Sequence[Key]) -> Result:
        """The command's answer, where the first attempt at it gave `decided`, on ids of which those in `guessed` were taken to be new; what it writes is
        added to the draft.
        """
        while True:
            if isinstance(decided, NeedState):
                need = decided.keys
            elif _may_be_stale(decided, draft):
                self._cache.forget(draft.key)
                need, guessed = draft.forget_rows(command.keys(), self._cache.rows(draft.key)), ()
            elif guessed and not (isinstance(decided, Decision) and decided.proves_new(guessed)):
                need, guessed = draft.forget(guessed), ()
            else:
                break
            missing: dict[Key, Draft] = {}
            self._recall(draft, need, missing, may_guess=False)
            if missing:
                await self._load(missing)
            decided = self._decided(command, draft.state, now_ms)
        if isinstance(decided, Decision):
            draft.add(decided)
            return decided.answer
        if isinstance(decided, Answer):
            return decided.answer
        if isinstance(decided, InvariantBroken | RngUnhealthy):
            draft.faults = (*draft.faults, (_game(decided, command, draft.state), decided))
        return decided

    def _decided(self, command: Command, state: State, now_ms: int) -> Decided:
        try:
            return command.decide(self.house, state, now_ms, self._entropy)
        except RngUnhealthy as refusal:  # What gives entropy raises it.
            return refusal
        except BaseException:  # A panic of the engine is a BaseException; it too must cost one call, not the thread.
            _log.exception("deciding %s failed", type(command).__name__)
            return InvariantBroken("an invariant is broken; the call changed nothing")

    def _recall(self, draft: Draft, keys: Sequence[Key], missing: dict[Key, Draft], *, may_guess: bool = True) -> Sequence[Key]:
        """Looks which rows the draft lacks; they go to `missing`. Where only ids lack that are new as a rule, they are taken to be new: their keys are given
        back, and whatever does not make them must not rest on that.
        """
        state = draft.state
        lacking = [key for key in keys if key not in state]
        if not lacking:
            return ()
        if may_guess and _USUALLY_NEW.issuperset([key.kind for key in lacking]):
            for key in lacking:
                state[key] = None
            draft.passing += lacking
            draft.is_from_cache = True
            return lacking
        for key in lacking:
            missing[key] = draft
        return ()

    async def _load(self, missing: dict[Key, Draft]) -> None:
        """Brings rows into the drafts' state from the store, all at once."""
        for key, row in (await self.store.load(list(missing))).items():
            draft = missing[key]
            draft.state[key] = row
            if not is_live(row):
                draft.passing.append(key)
        for draft in set(missing.values()):
            draft.loads += 1

    async def _commit(self, drafts: list[Draft], results: list[Result]) -> list[int]:
        """Writes the drafts; the positions whose write was refused."""
        if not drafts:
            return []
        writes = [draft.write() for draft in drafts]
        self.counts.commits += 1
        self.counts.writes += len(writes)
        again: list[int] = []
        started = time.perf_counter()
        try:
            committed = await self.store.commit(writes)
        except Refusal:  # The drafts changed the cache's own rows.
            for draft in drafts:
                self._cache.forget(draft.key)
            raise
        self.counts.commit_s += time.perf_counter() - started
        for draft, write, result in zip(drafts, writes, committed, strict=True):
            if result is CommitResult.UNKNOWN:
                self.counts.unknown_writes += 1
                result = await self._resolver.resolve(write)
            if result is CommitResult.APPLIED:
                self._applied(draft, write)
                continue
            self._cache.forget(draft.key)
            draft.faults = ()
            if result is CommitResult.REFUSED:
                self.counts.refused_writes += 1
                again += draft.calls
                continue
            if result is CommitResult.UNSENT:
                self.counts.unsent_writes += 1
                told = unreachable()
            else:
                self.counts.unresolved_writes += 1
                told = unknown()
            for position in draft.calls:
                results[position] = told
        return sorted(again)

    def _applied(self, draft: Draft, write: WalletWrite) -> None:
        self.counts.entries += len(write.entries)
        for key, _ in write.creates:
            self.counts.rounds += key.kind == "round"
        self._give_back(draft)
        self._on_commit(draft.key, write.entries)

    def _give_back(self, draft: Draft) -> None:
        """The draft's rows, which are what is committed now, go on being cached."""
        draft.drop_passing()
        self._cache.keep(draft.key, draft.state)


def out_of_service(reason: object) -> Refusal:
    """What callers are told once the store has failed, of what was not begun and of reads."""
    return NodeUnavailable(f"the node is out of service: {reason}; nothing was done, use another node")


def unknown() -> Refusal:
    """What callers are told whose write may or may not have happened."""
    return OutcomeUnknown("the store did not say whether the write happened; retry with the same id, it has one effect at most")


def unreachable() -> Refusal:
    """What callers are told whose write could not be sent."""
    return StoreUnreachable(
        "the store cannot be reached, or has no quorum; nothing was done, retry with the same id here or at another node"
    )


def expired() -> Refusal:
    """What callers are told who stopped waiting before their call was decided."""
    return DeadlineExceeded("the deadline passed before the call was decided; nothing was done")


def _may_be_stale(decided: Decided, draft: Draft) -> bool:
    """Whether `decided` is only told, and what it rests on may have been outrun by another writer.

    A write's revision guards what it rests on. A refusal or a stored answer has no such guard, so it must not come from a cache; nor must
    a broken invariant be reported that is only two rows read at two times.
    """
    if isinstance(decided, Decision) or draft.decisions:
        return False
    return draft.is_from_cache or (draft.loads > 1 and isinstance(decided, InvariantBroken))


def _game(refusal: Refusal, command: Command, state: State) -> str:
    """The game that a fault is about."""
    keys = command.keys()
    rows = [state.get(key) for key in keys]
    rows += [state.get(Key(command.wallet, "session", row.session)) for row in rows if isinstance(row, Round)]
    games = {row.game for row in rows if isinstance(row, Session)}
    return games.pop() if len(games) == 1 and not isinstance(refusal, RngUnhealthy) else ALL_GAMING
