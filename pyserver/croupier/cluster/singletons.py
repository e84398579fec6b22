"""Runs jobs that only one node of the cluster may run: `singletons.run("sweeper", job)` is all there is to writing one down.

A job is a step, repeated. The term is looked at before each step; a step under way when the term is lost may finish, and its writes say the fence.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from croupier.cluster.membership import Elections, Term, TermLost

_FAILURES = 5
"""Steps that may fail one after the other before the term is given up, so that another node may try."""

_log = logging.getLogger("croupier.cluster")


class Job(Protocol):
    """What a leader does."""

    every_s: float
    """How long it rests between two steps."""

    async def step(self, term: Term) -> None:
        """One piece of work, short beside the lease's time; each write says `term.fence`."""
        ...


class Singletons:
    """Jobs by name, each run by whichever node holds it."""

    def __init__(self, elections: Elections) -> None:
        self._elections = elections

    def run(self, name: str, job: Job) -> None:
        """Runs `job` here whenever this node holds the singleton `name`."""
        self._elections.campaign(name, lambda term: _steps(term, job))


async def _steps(term: Term, job: Job) -> None:
    failures = 0
    while True:
        try:
            term.check()
            await job.step(term)
            failures = 0
        except TermLost:
            return
        except Exception:
            failures += 1
            if failures == _FAILURES:
                raise
            _log.exception("a step of singleton %s failed (%d of %d)", term.singleton, failures, _FAILURES)
        await _rest(term, job.every_s)


async def _rest(term: Term, every_s: float) -> None:
    try:
        async with asyncio.timeout(every_s):
            await term.over.wait()
    except TimeoutError:
        return
