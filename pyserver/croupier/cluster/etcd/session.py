"""The session of this node with etcd: a lease kept alive, and the mirror of what is there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from croupier.cluster.etcd.bell import Bell
from croupier.cluster.etcd.client import GRANT, REVOKE, TXN, Client
from croupier.cluster.etcd.errors import EtcdError, LeaseGone
from croupier.cluster.etcd.mirror import Mirror
from croupier.cluster.etcd.pb import etcd_pb2 as pb
from croupier.config import Etcd

_START_WAIT_S = 2.0
_RETRY_S = 0.2
MARGIN_S = 1.0
"""A node stops acting this long before etcd may give its lease away."""

_log = logging.getLogger("croupier.cluster")


class Lease:
    """A lease, and until when it is surely this node's."""

    def __init__(self, lease_id: int, sent: float, ttl_s: int) -> None:
        self.id = lease_id
        self.good_until = 0.0
        """On the monotonic clock."""
        self.refreshed(sent, ttl_s)

    @property
    def is_good(self) -> bool:
        """Whoever acts under it may go on."""
        return time.monotonic() < self.good_until

    @property
    def left_s(self) -> float:
        """Seconds that it is surely good for; 0 when it may be gone."""
        return max(0.0, self.good_until - time.monotonic())

    def refreshed(self, sent: float, ttl_s: int) -> None:
        """Counts from when the refresh was sent: etcd's own count began later."""
        self.sent = sent
        self.ttl_s = ttl_s
        self.good_until = sent + ttl_s - MARGIN_S


class Session:
    """Keeps a lease and the mirror for as long as it runs, whatever etcd does meanwhile."""

    def __init__(self, settings: Etcd) -> None:
        """Raises ValueError where the settings cannot be meant."""
        self.client = Client(settings)
        self.bell = Bell()
        self.mirror = Mirror(self.client, self.bell)
        self.lease: Lease | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._lease_problem = ""
        self._told = ""

    @property
    def problem(self) -> str:
        """Why this node is no full member, in one sentence; empty where it is."""
        if self.lease is None or not self.lease.is_good:
            return self._lease_problem or self.mirror.problem or "etcd has not answered yet"
        if not self.mirror.revision:
            return self.mirror.problem or "what is in etcd has not been listed yet"
        return self.mirror.problem

    async def start(self) -> None:
        """Begins; waits a moment for etcd, at most until it is known to be out of reach, and goes on without it."""
        self._tasks = [asyncio.create_task(self._keep(), name="etcd lease"), asyncio.create_task(self.mirror.follow(), name="etcd watch")]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_WAIT_S):
                await self.bell.until(lambda: not self.problem or self._lease_problem != "")
        self.bell.subscribe(self._tell)
        self._tell()

    async def stop(self) -> None:
        """Gives the lease back, and with it every key under it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        lease, self.lease = self.lease, None
        if lease is not None:
            lease.good_until = 0.0
            with contextlib.suppress(EtcdError):
                await self.client.call(REVOKE, pb.LeaseRevokeRequest(ID=lease.id))
        await self.client.close()

    async def change(
        self,
        puts: Sequence[tuple[str, bytes, int]] = (),
        deletes: Sequence[str] = (),
        *,
        if_created: Sequence[tuple[str, int]] = (),
        if_changed: Sequence[tuple[str, int]] = (),
    ) -> int:
        """Puts (key, value, lease or 0) and deletes in one step, if each key of `if_…` was created or changed at that revision, 0 for no such key.

        The revision of the change, or 0 where it was not made. Raises EtcdError, and then it may have been made.
        """
        compare = [pb.Compare(target=pb.Compare.CREATE, key=self._key(key), create_revision=at) for key, at in if_created]
        compare += [pb.Compare(target=pb.Compare.MOD, key=self._key(key), mod_revision=at) for key, at in if_changed]
        success = [pb.RequestOp(request_put=pb.PutRequest(key=self._key(key), value=value, lease=lease)) for key, value, lease in puts]
        success += [pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=self._key(key))) for key in deletes]
        answer = await self.client.call(TXN, pb.TxnRequest(compare=compare, success=success))
        return answer.header.revision if answer.succeeded else 0

    def _key(self, name: str) -> bytes:
        return f"{self.client.settings.prefix}/{name}".encode()

    async def _keep(self) -> None:
        while True:
            try:
                lease = self.lease = await self._refreshed(self.lease)
            except LeaseGone:
                self._lose()
            except EtcdError as error:
                await self._pause(str(error))
            except Exception as error:  # A defect must not end a membership that the next refresh may save.
                _log.exception("a refresh of the lease failed")
                await self._pause(f"a refresh of the lease failed: {error}")
            else:
                await asyncio.sleep(lease.sent + lease.ttl_s / 3 - time.monotonic())

    async def _refreshed(self, lease: Lease | None) -> Lease:
        sent = time.monotonic()
        was_good = False
        if lease is None:
            grant = await self.client.call(GRANT, pb.LeaseGrantRequest(TTL=self.client.settings.ttl_s))
            lease = Lease(grant.ID, sent, grant.TTL)
        else:
            answer = await self.client.keep_alive(lease.id)
            if answer.TTL <= 0:
                raise LeaseGone("the lease is gone")
            was_good = lease.is_good
            lease.refreshed(sent, answer.TTL)
        self._lease_problem = ""
        if not was_good:
            self.lease = lease
            self.bell.ring()
        return lease

    async def _pause(self, problem: str) -> None:
        self._lease_problem = problem
        self.bell.ring()
        await asyncio.sleep(_RETRY_S)

    def _lose(self) -> None:
        if self.lease is not None:
            self.lease.good_until = 0.0
            self.lease = None
            self._lease_problem = "etcd let this node's lease run out; a new one is asked for"
            self.bell.ring()

    def _tell(self) -> None:
        """Says in the log what has changed, once."""
        problem = self.problem
        if problem != self._told:
            self._told = problem
            if problem:
                _log.info("the cluster is out of reach, rounds go on: %s", problem)
            else:
                _log.info("the cluster is in reach")
