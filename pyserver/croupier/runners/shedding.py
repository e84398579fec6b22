"""What a node at its limit still takes, and what it tells those that it turns away.

    below the limit: everything -> at the limit: what settles or resumes, as far as its own share goes -> otherwise OVERLOADED, when to try again, and where

So rounds in play can be finished while new ones are turned away, and nobody who is turned away has cost the store anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from croupier.errors import Overloaded, Refusal
from croupier.model import Key, Session, State, WalletKey
from croupier.operations.act import Act
from croupier.operations.change_session import CloseSession
from croupier.operations.command import Command
from croupier.operations.play_round import PlayRound
from croupier.runners.embedded import Call
from croupier.runners.limiter import Limiter

NEW, SETTLING = "new", "settling"
_TOLD_S = 0.02
"""How long one refusal serves all who are turned away: making it costs as much as a play."""
_RETRY_AFTER_S_MIN, _RETRY_AFTER_S_MAX = 0.05, 1.0

Elsewhere = Callable[[], dict[str, str]]
"""Facts of a node that has room: `node`, `address` and `region`; empty where none is known."""


@dataclass
class Shedding:
    """See the module."""

    limiter: Limiter
    cached: Callable[[WalletKey], State]
    """Rows of a wallet as far as they are cached."""
    elsewhere: Elsewhere = dict
    counts: dict[str, int] = field(default_factory=lambda: {NEW: 0, SETTLING: 0})
    """Calls that were turned away, by class."""
    _told: Refusal | None = None
    _told_until_s: float = 0.0

    def has_room(self, calls: Sequence[Call], lanes: int, extra: int) -> bool:
        """Whether calls may come in that need `lanes` writes to be under way, theirs included, more than the limit. `extra` counts those under way that
        were let in beyond it. What is turned away is counted.
        """
        limiter = self.limiter
        are_settling = all(settles(call.command, self.cached(call.command.wallet)) for call in calls)
        if are_settling and (lanes <= limiter.limit + limiter.settling_share or extra < limiter.settling_share):
            return True
        self.counts[SETTLING if are_settling else NEW] += len(calls)
        return False

    def refusal(self) -> Refusal:
        """What a caller is told who is turned away."""
        now_s = time.monotonic()
        if self._told is None or now_s >= self._told_until_s:
            self._told, self._told_until_s = self._made(), now_s + _TOLD_S
        return self._told.with_traceback(None)

    def _made(self) -> Refusal:
        limit, where = self.limiter.limit, self.elsewhere()
        retry_after_s = min(_RETRY_AFTER_S_MAX, max(_RETRY_AFTER_S_MIN, 2 * self.limiter.latency_s))
        hint = f"; {where['node']} at {where['address']} has room" if where else ""
        return Overloaded(
            f"this node has as much to do as its store answers in good time, {limit} writes at once; this call did nothing{hint}",
            metadata=where,
            retry_after_s=retry_after_s,
        )


def settles(command: Command, cached: State) -> bool:
    """Whether a command goes on with, or ends, what is in play: a step, the end of a session, or a round asked for again that is still open."""
    if isinstance(command, Act | CloseSession):
        return True
    if not isinstance(command, PlayRound):
        return False
    session = cached.get(Key(command.wallet, "session", command.session))
    return isinstance(session, Session) and session.open_round == command.round_id
