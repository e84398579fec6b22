"""What a node looks after while it serves: a batch that hangs, a store out of reach, a cluster that does not answer, clocks that run apart.

Each begins and ends with one line in the log. The first two make health say NOT_SERVING, so that callers go elsewhere while it lasts.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from croupier.cluster.membership import Membership
from croupier.errors import Refusal, StoreUnreachable
from croupier.runners.taker import Taker
from croupier.stores.cassandra.watch import ServerWatch

_UNREACHABLE_LOOKS = 2
"""How many looks in a row must fail before the store counts as out of reach: one may have met a single lost node."""

_log = logging.getLogger("croupier.checks")


class Checks:
    """See the module."""

    def __init__(
        self,
        owner: Taker,
        membership: Membership,
        stuck_s: float,
        refresh: Callable[[], Awaitable[None]],
        say_serving: Callable[[bool], Awaitable[None]],
        servers: ServerWatch | None = None,
    ) -> None:
        """`refresh` reads from the store what the node needs of it; `say_serving` is called when what health says is to change.

        `servers` are the store's, where it has any.
        """
        self.problems: dict[str, str] = {}
        """What is wrong now, in a sentence each: "batch", "store", "cluster", "clocks"."""
        self._owner = owner
        self._membership = membership
        self._stuck_s = stuck_s
        self._refresh = refresh
        self._say_serving = say_serving
        self._servers = servers
        self._unreachable_looks = 0
        self._serves = True

    async def look(self) -> None:
        """Looks once."""
        is_stuck = self._owner.busy_s > self._stuck_s
        self._note("batch", f"a batch takes more than {self._stuck_s:.0f} s" if is_stuck else "")
        self._note("cluster", self._membership.problem)
        if not is_stuck:
            self._note("store", await self._store_problem())
            self._note("clocks", await self._servers.problem() if self._servers else "")
        serves = not self.problems.keys() & {"batch", "store"}
        if serves != self._serves:
            self._serves = serves
            await self._say_serving(serves)

    async def _store_problem(self) -> str:
        try:
            await self._refresh()
        except StoreUnreachable as refusal:
            self._unreachable_looks += 1
            return refusal.message if self._unreachable_looks >= _UNREACHABLE_LOOKS else self.problems.get("store", "")
        except Refusal as refusal:
            _log.warning("operators, keys and switches were not refreshed: %s", refusal.message)
        except Exception:  # Whatever it was, the next attempt may succeed, and until then those known stay in force.
            _log.exception("operators, keys and switches were not refreshed")
        self._unreachable_looks = 0
        return ""

    def _note(self, what: str, problem: str) -> None:
        known = self.problems.get(what, "")
        if problem and not known:
            _log.log(logging.WARNING if what == "clocks" else logging.CRITICAL, "%s: %s", what, problem)
        if known and not problem:
            _log.warning("%s: well again", what)
        if problem:
            self.problems[what] = problem
        else:
            self.problems.pop(what, None)
