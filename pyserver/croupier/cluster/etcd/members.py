"""Membership: this node's key under its lease, and everybody's as the mirror has them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable

import msgspec

from croupier.cluster.etcd.errors import EtcdError
from croupier.cluster.etcd.records import MEMBERS, members, read
from croupier.cluster.etcd.session import Session
from croupier.cluster.membership import Member, MemberState

_RETRY_S = 0.5
_LOAD_EVERY_S = 1.0
_LOAD_STEP_PERMILLE = 25
"""What is only another load is published no more often, and only if it is that much another: each change stays in etcd until it is compacted."""

_log = logging.getLogger("croupier.cluster")


class EtcdMembership:
    """The members that etcd knows; this node's own entry is what it says now, published or not."""

    def __init__(self, session: Session, member: Member) -> None:
        self._session = session
        self._member = member
        self._key = MEMBERS + member.node
        self._published: tuple[Member, int] | None = None
        """What was put last, and under which lease."""
        self._published_at = (0, 0)
        self._has_twin = False
        self._members = (member,)
        self._callbacks: list[Callable[[tuple[Member, ...]], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        session.bell.subscribe(self._look)

    @property
    def members(self) -> tuple[Member, ...]:
        """The members in order of their names."""
        return self._members

    @property
    def problem(self) -> str:
        """Why this node is no full member."""
        if self._has_twin:
            return f"another process is running as node {self._member.node}: each node needs a name of its own"
        return self._session.problem

    @property
    def healthy(self) -> bool:
        """Etcd answers, and this node is known under its lease."""
        return not self.problem

    def subscribe(self, callback: Callable[[tuple[Member, ...]], None]) -> None:
        """Calls `callback` after each change of the members."""
        self._callbacks.append(callback)

    async def start(self) -> None:
        """Joins, as soon as etcd lets it."""
        self._task = asyncio.create_task(self._publish(), name="etcd member")
        await self._session.start()

    async def update(self, *, state: MemberState | None = None, load_permille: int | None = None, address: str | None = None) -> None:
        """Changes what this node says of itself; a new state is published by the end, unless etcd can't be reached now."""
        before = self._member
        self._member = before.updated(state, load_permille, address)
        if self._member == before:
            return
        self._session.bell.ring()
        if self._member.state != before.state:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._session.client.settings.request_timeout_s):
                    await self._session.bell.until(lambda: self._is_published or not self.healthy)

    async def stop(self) -> None:
        """Leaves."""
        if self._again is not None:
            self._again.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.stop()

    @property
    def _is_published(self) -> bool:
        lease = self._session.lease
        return lease is not None and self._published == (self._member, lease.id)

    async def _publish(self) -> None:
        while True:
            await self._session.bell.until(self._is_due)
            lease = self._session.lease
            assert lease is not None, "what is due has a lease"
            member = self._member
            try:
                revision = await self._session.change([(self._key, msgspec.json.encode(member), lease.id)])
                self._published_at = self._session.mirror.mark(revision)
                self._published = (member, lease.id)
                self._session.bell.ring()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOAD_EVERY_S):
                        await self._session.bell.until(self._is_urgent)
            except EtcdError as error:
                _log.debug("this node's entry waits: %s", error)
                await asyncio.sleep(_RETRY_S)
            except Exception:  # A defect must not leave the node out of the cluster for good.
                _log.exception("this node's entry could not be published")
                await asyncio.sleep(_RETRY_S)

    def _is_due(self) -> bool:
        lease = self._session.lease
        if lease is None or not lease.is_good or self._has_twin:
            return False
        is_missing = self._key not in self._session.mirror.entries and self._session.mirror.has_seen(self._published_at)
        return is_missing or self._is_new(_LOAD_STEP_PERMILLE)

    def _is_urgent(self) -> bool:
        """More than the load is to be published."""
        return self._is_due() and (self._key not in self._session.mirror.entries or self._is_new(math.inf))

    def _is_new(self, load_permille: float) -> bool:
        """What was published is under another lease, or says anything else than the node says now, or a load so far from it."""
        if self._published is None or self._session.lease is None:
            return True
        published, lease_id = self._published
        is_far = abs(published.load_permille - self._member.load_permille) >= load_permille
        same = self._member.updated(None, published.load_permille, None)
        return is_far or (published, lease_id) != (same, self._session.lease.id)

    def _look(self) -> None:
        self._look_for_a_twin()
        known = {member.node: member for member in self._members} if self._is_waiting_for_others() else {}
        known |= {member.node: member for member in members(self._session.mirror)}
        known[self._member.node] = self._member
        now = tuple(sorted(known.values(), key=lambda member: member.node))
        if now != self._members:
            self._members = now
            for callback in self._callbacks:
                callback(now)

    def _is_waiting_for_others(self) -> bool:
        """Etcd was away: that a lease ran out meanwhile says nothing of its node, which has a lease's time to come back before it is taken for gone."""
        wait_s = self._session.mirror.back_at + self._session.client.settings.ttl_s - time.monotonic()
        if wait_s > 0 and self._again is None:
            self._again = asyncio.get_running_loop().call_later(wait_s, self._look_again)
        return wait_s > 0

    def _look_again(self) -> None:
        self._again = None
        self._look()

    def _look_for_a_twin(self) -> None:
        """What another process put over this one's entry is a younger process of the same name; what it put before is merely left from an older one."""
        entry = self._session.mirror.entries.get(self._key)
        stored = read(entry, Member)
        is_other = stored is not None and (stored.start_ms, stored.address) != (self._member.start_ms, self._member.address)
        has_twin = self._published is not None and entry is not None and entry.changed > self._published_at[1] and is_other
        if has_twin and not self._has_twin:
            _log.critical("another process took over as node %s; this one no longer publishes itself", self._member.node)
        self._has_twin = has_twin
