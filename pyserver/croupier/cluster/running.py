"""Runs what a term is held for, and sees to it that it ends with the term."""

from __future__ import annotations

import asyncio
import logging

from croupier.cluster.membership import FINISH_S, Run, Term, TermLost

_log = logging.getLogger("croupier.cluster")


async def run_term(term: Term, run: Run) -> None:
    """Returns when `run` has ended: by itself, or at most FINISH_S after the term was lost. The term is over then."""
    work = asyncio.create_task(run(term), name=f"term {term.singleton}")
    try:
        await _until_over(term, work)
        term.end()
        await asyncio.wait([work], timeout=FINISH_S)
    finally:
        term.end()
        if not work.done():
            work.cancel()
        (outcome,) = await asyncio.gather(work, return_exceptions=True)
        _tell(term, outcome)


async def _until_over(term: Term, work: asyncio.Task[None]) -> None:
    """Waits for the end of the work, of the term, or of the time for which the term is surely held."""
    over = asyncio.create_task(term.over.wait())
    try:
        while not work.done() and term.left_s > 0:
            # The time grows with each refresh of the lease, so it is looked at again when it was to end.
            await asyncio.wait([work, over], timeout=min(term.left_s, 3_600), return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()


def _tell(term: Term, outcome: BaseException | None) -> None:
    if isinstance(outcome, Exception) and not isinstance(outcome, TermLost):
        _log.error("singleton %s failed under fence %d, which is given up", term.singleton, term.fence, exc_info=outcome)
    else:
        _log.info("singleton %s is over here, fence %d", term.singleton, term.fence)
