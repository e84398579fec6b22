"""What a person does to a cluster: look at it, pause it, move a singleton. It asks etcd itself, so that it works while nodes do not."""

from __future__ import annotations

import asyncio
import time

import msgspec
from msgspec import Struct

from croupier.cluster.etcd.client import GRANT
from croupier.cluster.etcd.pb import etcd_pb2 as pb
from croupier.cluster.etcd.records import HISTORY, MOVES, PAUSED, TERMS, Candidate, Move, PastTerm, Pause, candidates, members, read
from croupier.cluster.etcd.session import Session
from croupier.cluster.membership import Member
from croupier.config import Etcd

_POLL_S = 0.2
_MOVE_TTLS = 3
"""How many times the lease's time a move is waited for."""


class ControlRefused(Exception):
    """Why it cannot be done: one sentence."""


class View(Struct, frozen=True):
    """A cluster at one moment."""

    members: list[Member]
    terms: dict[str, list[Candidate]]
    """By singleton, who stands for it, in order: the first holds it once its fence is above 0."""
    history: dict[str, list[PastTerm]]
    """By singleton, newest last."""
    paused: Pause | None
    lease_ttl_s: int


class Control:
    """Looks at and changes what stands in etcd. Each method raises EtcdError, one sentence, where etcd does not let it."""

    def __init__(self, settings: Etcd) -> None:
        """Raises ValueError where the settings cannot be meant."""
        self._session = Session(settings)
        self._settings = settings

    async def view(self) -> View:
        """Everything as it stands now."""
        mirror = self._session.mirror
        await mirror.list_all()
        singletons = sorted({key.split("/")[1] for key, _ in mirror.under(TERMS)})
        terms = {name: [read(entry, Candidate) or Candidate("?") for _, entry in candidates(mirror, name)] for name in singletons}
        history = {key.removeprefix(HISTORY): read(entry, list[PastTerm]) or [] for key, entry in mirror.under(HISTORY)}
        return View(members(mirror), terms, history, read(mirror.entries.get(PAUSED), Pause), self._settings.ttl_s)

    async def pause(self, pause: Pause) -> None:
        """From now on no singleton moves: who holds a term keeps it, and nobody takes over one that ends. Raises ControlRefused."""
        if not await self._session.change([(PAUSED, msgspec.json.encode(pause), 0)], if_created=[(PAUSED, 0)]):
            raise ControlRefused("the cluster is paused already")

    async def resume(self) -> None:
        """Singletons move again. Raises ControlRefused."""
        if (await self.view()).paused is None:
            raise ControlRefused("the cluster is not paused")
        await self._session.change(deletes=[PAUSED])

    async def move(self, singleton: str, by: str, to: str = "") -> Candidate:
        """Has `singleton` given up where it is, and taken over by `to`, or by whoever is next; the new holder. Raises ControlRefused."""
        view = await self.view()
        holder = _holder(view, singleton)
        _may_move(view, singleton, holder, to)
        wait_s = _MOVE_TTLS * self._settings.ttl_s
        lease = (await self._session.client.call(GRANT, pb.LeaseGrantRequest(TTL=wait_s))).ID
        await self._session.change([(MOVES + singleton, msgspec.json.encode(Move(by, holder.node, to)), lease)])
        give_up_at = time.monotonic() + wait_s
        while time.monotonic() < give_up_at:
            await asyncio.sleep(_POLL_S)
            queue = (await self.view()).terms.get(singleton, [])
            if queue and queue[0].fence > holder.fence:
                return queue[0]
        await self._session.change(deletes=[MOVES + singleton])
        raise ControlRefused(f"nobody took {singleton} over within {wait_s} s; {holder.node} may hold it again")

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.client.close()


def _holder(view: View, singleton: str) -> Candidate:
    queue = view.terms.get(singleton, [])
    if not queue or not queue[0].fence:
        known = ", ".join(sorted({*view.terms, *view.history})) or "none"
        raise ControlRefused(f"nobody holds {singleton}; known singletons: {known}")
    return queue[0]


def _may_move(view: View, singleton: str, holder: Candidate, to: str) -> None:
    if view.paused is not None:
        raise ControlRefused("the cluster is paused, so nothing moves: resume it first")
    if to == holder.node:
        raise ControlRefused(f"{to} holds {singleton} already")
    if to and to not in {member.node for member in view.members}:
        raise ControlRefused(f"{to} is no member: {', '.join(member.node for member in view.members) or 'there are none'}")
    if not to and len(view.terms[singleton]) == 1:
        raise ControlRefused(f"no other node stands for {singleton}")
