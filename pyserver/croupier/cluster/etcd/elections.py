"""Elections: for each singleton the candidate whose key has the lowest create revision holds the term, for as long as its lease surely lasts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import msgspec

from croupier.cluster.etcd.errors import EtcdError
from croupier.cluster.etcd.records import HISTORY, HISTORY_MAX, MOVES, PAUSED, TERMS, Candidate, Move, PastTerm, candidates, read
from croupier.cluster.etcd.session import Lease, Session
from croupier.cluster.membership import Fences, Run, Term
from croupier.cluster.running import run_term

_RETRY_S = 0.2
_STOP_S = 5.0
_REST_S = 1.0
"""How long a node that gave a term up leaves it to others before it stands again."""

_log = logging.getLogger("croupier.cluster")


class EtcdElections:
    """Campaigns under the session's lease; the fences are raised in the store, since a restored etcd can count backwards."""

    def __init__(self, session: Session, node: str, fences: Fences, clock_ms: Callable[[], int]) -> None:
        self._session = session
        self._node = node
        self._fences = fences
        self._clock_ms = clock_ms
        self._terms: dict[str, Term] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._told: dict[str, str] = {}
        """By singleton, why its fence could not be raised when that was tried last."""
        self._is_stopping = False

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms held now."""
        return tuple(self._terms.values())

    def campaign(self, singleton: str, run: Run) -> None:
        """Stands for `singleton` from now on."""
        assert singleton not in self._tasks, "one job for each singleton"
        self._tasks[singleton] = asyncio.create_task(self._campaign(singleton, run), name=f"singleton {singleton}")

    async def stop(self) -> None:
        """Gives everything up: terms end after their step, and the keys are deleted so that others follow at once."""
        self._is_stopping = True
        self._session.bell.ring()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=_STOP_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _campaign(self, singleton: str, run: Run) -> None:
        candidacy = _Candidacy(self._session, singleton, self._node)
        while not self._is_stopping:
            try:
                await self._session.bell.until(lambda: candidacy.may_stand or self._is_stopping)
                if not self._is_stopping:
                    await self._stand(candidacy, run)
            except EtcdError as error:
                _log.debug("the campaign for %s waits: %s", singleton, error)
                await asyncio.sleep(_RETRY_S)
            except Exception:  # A defect of one job must not end the campaigns for good.
                _log.exception("the campaign for %s failed", singleton)
                await asyncio.sleep(_REST_S)
        with contextlib.suppress(EtcdError):
            await candidacy.withdraw()

    async def _stand(self, candidacy: _Candidacy, run: Run) -> None:
        """Joins the queue, waits for the turn, and leads."""
        await candidacy.stand()
        await self._session.bell.until(lambda: candidacy.leads or not candidacy.stands or self._is_stopping)
        if self._is_stopping:
            return
        if candidacy.leads:
            await self._lead(candidacy, run)
        elif candidacy.is_excluded:
            await candidacy.withdraw()
        else:
            await asyncio.sleep(_RETRY_S)

    async def _lead(self, candidacy: _Candidacy, run: Run) -> None:
        """From the won election to the end of the term. Whoever gives it up, or is asked to, leaves the queue; a term lost by the clock may be won again."""
        term = await self._begun(candidacy)
        if term is not None:
            self._terms[term.singleton] = term
            watching = asyncio.create_task(self._end_when_lost(candidacy, term))
            try:
                await run_term(term, run)
            finally:
                watching.cancel()
                del self._terms[term.singleton]
        if candidacy.is_excluded:
            await candidacy.withdraw()
        elif candidacy.leads and not self._is_stopping:
            await candidacy.withdraw()
            await asyncio.sleep(_REST_S)

    async def _begun(self, candidacy: _Candidacy) -> Term | None:
        """A new term under a new fence, written down in etcd; None where either could not be had."""
        singleton, lease = candidacy.singleton, candidacy.lease
        try:
            async with asyncio.timeout(lease.left_s):
                fence = await self._fences.raise_fence(singleton, self._node)
        except Exception as error:  # The store's to say why; whatever it is, another node may be better off.
            why = str(error) or type(error).__name__
            if self._told.get(singleton) != why:
                self._told[singleton] = why
                _log.warning("singleton %s is left to others: its fence could not be raised: %s", singleton, why)
            return None
        self._told.pop(singleton, None)
        while not await candidacy.record(fence, self._clock_ms()):
            if not candidacy.leads or self._is_stopping:
                return None
        _log.info("singleton %s is held by this node, fence %d", singleton, fence)
        return Term(singleton, fence, self._node, lambda: lease.good_until)

    async def _end_when_lost(self, candidacy: _Candidacy, term: Term) -> None:
        await self._session.bell.until(lambda: self._is_stopping or not candidacy.stands or candidacy.is_behind)
        term.end()


class _Candidacy:
    """The standing of this node for one singleton, as the mirror shows it."""

    def __init__(self, session: Session, singleton: str, node: str) -> None:
        self.singleton = singleton
        self.lease = Lease(0, 0.0, 0)
        self._session = session
        self._node = node
        self._stood_at = (0, 0)
        """The change that put the key, for the mirror."""

    @property
    def key(self) -> str:
        """One for each lease, so that an old lease's key is never taken for a new one's."""
        return f"{TERMS}{self.singleton}/{self.lease.id:x}"

    @property
    def is_excluded(self) -> bool:
        """A person wants the singleton elsewhere."""
        move = read(self._session.mirror.entries.get(MOVES + self.singleton), Move)
        return move is not None and move.excludes(self._node)

    @property
    def stands(self) -> bool:
        """The key is there, or is about to be seen, and is still this node's to use."""
        is_seen = self.key in self._session.mirror.entries or not self._session.mirror.has_seen(self._stood_at)
        return is_seen and self.lease is self._session.lease and not self.is_excluded

    @property
    def is_behind(self) -> bool:
        """Another candidate comes first. To whoever has led already this happens only where etcd was restored from a backup."""
        queue = candidates(self._session.mirror, self.singleton)
        return bool(queue) and queue[0][0] != self.key

    @property
    def leads(self) -> bool:
        """The key is the first in the queue, and the lease is surely alive. Paused, only whoever led before leads."""
        queue = candidates(self._session.mirror, self.singleton)
        if not queue or self.is_behind or not self.stands or not self.lease.is_good:
            return False
        led = read(queue[0][1], Candidate)
        return PAUSED not in self._session.mirror.entries or bool(led and led.fence)

    @property
    def may_stand(self) -> bool:
        """The cluster is in reach, and neither paused nor asked to move this singleton elsewhere."""
        lease, mirror = self._session.lease, self._session.mirror
        if lease is None or not lease.is_good or not mirror.revision or self.is_excluded:
            return False
        return PAUSED not in mirror.entries or f"{TERMS}{self.singleton}/{lease.id:x}" in mirror.entries

    async def stand(self) -> None:
        """Joins the queue, where it does not stand there already. Raises EtcdError."""
        lease = self._session.lease
        assert lease is not None, "who may stand has a lease"
        self.lease = lease
        if self.key not in self._session.mirror.entries:
            value = msgspec.json.encode(Candidate(self._node))
            revision = await self._session.change([(self.key, value, lease.id)], if_created=[(self.key, 0)])
            self._stood_at = self._session.mirror.mark(revision)

    async def record(self, fence: int, now_ms: int) -> bool:
        """Writes down that the term has begun, and that a move has been made; False where somebody was faster. Raises EtcdError."""
        mirror = self._session.mirror
        entry, past = mirror.entries.get(self.key), mirror.entries.get(HISTORY + self.singleton)
        if entry is None:
            return False
        history = read(past, list[PastTerm]) or []
        if history and (history[-1].node, history[-1].fence) == (self._node, fence):
            return True
        history = [*history, PastTerm(self._node, fence, now_ms)][-HISTORY_MAX:]
        puts = [
            (self.key, msgspec.json.encode(Candidate(self._node, fence, now_ms)), self.lease.id),
            (HISTORY + self.singleton, msgspec.json.encode(history), 0),
        ]
        changed = [(HISTORY + self.singleton, past.changed if past else 0)]
        revision = await self._session.change(puts, [MOVES + self.singleton], if_created=[(self.key, entry.created)], if_changed=changed)
        if not revision:
            await asyncio.sleep(_RETRY_S)
        return revision > 0

    async def withdraw(self) -> None:
        """Leaves the queue. Raises EtcdError."""
        if self.key in self._session.mirror.entries:
            await self._session.change(deletes=[self.key])
            await self._session.bell.until(lambda: self.key not in self._session.mirror.entries or not self.lease.is_good)
