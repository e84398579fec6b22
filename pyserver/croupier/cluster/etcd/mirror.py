"""A copy of everything under the prefix, kept by one watch: what members, elections and people look at.

The copy is a state that etcd really had, and moves forward only: list once, then take every change from the next revision on. A watch that breaks is resumed
after the last change taken; where etcd has forgotten what came after it (compaction, or a restored backup) all is listed again. While no member answers, the
copy stays as it was.
"""

from __future__ import annotations

import asyncio
import logging
import time

from msgspec import Struct

from croupier.cluster.etcd.bell import Bell
from croupier.cluster.etcd.client import RANGE, Client
from croupier.cluster.etcd.errors import Compacted, EtcdError, Nowhere, Unreachable, nowhere
from croupier.cluster.etcd.pb import etcd_pb2 as pb

_PAGE_KEYS = 1_000
_RETRY_S = 0.2
_SILENT_PULSES = 2

_log = logging.getLogger("croupier.cluster")


class Entry(Struct, frozen=True):
    """One key as it stands."""

    value: bytes
    created: int
    """Revision that created it: in an election, the place in the queue."""
    changed: int
    """Revision that changed it last."""
    lease: int


class Mirror:
    """Everything under the prefix; keys are without it: `members/node-1`."""

    def __init__(self, client: Client, bell: Bell) -> None:
        self.entries: dict[str, Entry] = {}
        self.revision = 0
        """Of the last change taken; 0 before the first listing."""
        self.history = 0
        """How often etcd has gone back in time, as it does when it is restored from a backup: revisions of one history say nothing in another."""
        self.problem = ""
        """Why it may lag behind, in one sentence; empty while it follows."""
        self.back_at = 0.0
        """On the monotonic clock, when etcd was heard again after a silence in which leases may have run out, or came back without them."""
        self._heard_at = time.monotonic()
        self._client = client
        self._bell = bell
        self._prefix = f"{client.settings.prefix}/".encode()
        self._is_listed = False
        self._failures: dict[str, str] = {}
        """By endpoint, since one last answered."""

    def under(self, folder: str) -> list[tuple[str, Entry]]:
        """The entries whose key begins with `folder`, in order of their keys."""
        return sorted((key, entry) for key, entry in self.entries.items() if key.startswith(folder))

    def mark(self, revision: int) -> tuple[int, int]:
        """A change that was made at `revision`, to be asked for by `has_seen`."""
        return self.history, revision

    def has_seen(self, mark: tuple[int, int]) -> bool:
        """The copy is no older than that change, or the change is of a history that is no more."""
        return mark[0] != self.history or mark[1] <= self.revision

    async def follow(self) -> None:
        """Keeps the copy, until cancelled."""
        while True:
            endpoint = self._client.endpoint
            try:
                if not self._is_listed:
                    await self.list_all()
                await self._watch()
            except Compacted:
                self._is_listed = False
                await asyncio.sleep(_RETRY_S)
            except Nowhere as error:
                await self._pause(str(error))
            except Unreachable as error:
                self._failures[endpoint] = str(error)
                self._client.move_on(endpoint)
                if len(self._failures) == len(self._client.settings.endpoints):
                    await self._pause(str(nowhere(self._failures)))
            except EtcdError as error:
                await self._pause(str(error))
            except Exception as error:  # A defect must not leave the node with a copy that stands still for ever.
                _log.exception("the watch of etcd failed")
                await self._pause(f"the watch of etcd failed: {error}")

    async def list_all(self) -> None:
        """Takes over everything as it stands now. Raises EtcdError."""
        entries: dict[str, Entry] = {}
        end = self._prefix[:-1] + bytes([self._prefix[-1] + 1])
        request = pb.RangeRequest(key=self._prefix, range_end=end, limit=_PAGE_KEYS)
        while True:
            page = await self._client.call(RANGE, request)
            entries.update((self._name(kv), _entry(kv)) for kv in page.kvs)
            request.revision = request.revision or page.header.revision
            if not page.more:
                break
            request.key = page.kvs[-1].key + b"\0"
        self._hear()
        if request.revision < self.revision:
            self.history += 1
            self.back_at = time.monotonic()
        self.entries, self.revision, self._is_listed = entries, request.revision, True
        self._bell.ring()

    async def _watch(self) -> None:
        stream = await self._client.watch()
        try:
            end = self._prefix[:-1] + bytes([self._prefix[-1] + 1])
            create = pb.WatchCreateRequest(key=self._prefix, range_end=end, start_revision=self.revision + 1)
            await stream.send(pb.WatchRequest(create_request=create))
            pulse_s = self._client.settings.request_timeout_s
            silent = 0
            while True:
                answer = await stream.read(pulse_s)
                if answer is not None:
                    silent = 0
                    self._failures.clear()
                    self._hear()
                    self._take(answer)
                elif (silent := silent + 1) > _SILENT_PULSES:
                    raise Unreachable("no answer in time")
                else:
                    # Only the answer matters, as a sign of life: its revision may be ahead of changes that are still to come (etcd before 3.4.25).
                    await stream.send(pb.WatchRequest(progress_request=pb.WatchProgressRequest()))
        finally:
            await stream.close()

    def _take(self, answer: pb.WatchResponse) -> None:
        if answer.compact_revision or answer.header.revision < self.revision:
            raise Compacted("etcd has forgotten what came after the last change taken, or was restored from a backup")
        if answer.canceled:
            self._is_listed = False
            raise EtcdError(f"etcd ended the watch: {answer.cancel_reason}")
        for event in answer.events:
            name = self._name(event.kv)
            self.revision = event.kv.mod_revision
            if event.type == pb.Event.DELETE:
                self.entries.pop(name, None)
            else:
                self.entries[name] = _entry(event.kv)
        if answer.events or self.problem:
            self.problem = ""
            self._bell.ring()

    def _hear(self) -> None:
        now = time.monotonic()
        if now - self._heard_at > self._client.settings.ttl_s / 2:
            self.back_at = now
        self._heard_at = now

    def _name(self, kv: pb.KeyValue) -> str:
        return kv.key[len(self._prefix) :].decode(errors="replace")

    async def _pause(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            self._bell.ring()
        await asyncio.sleep(_RETRY_S)


def _entry(kv: pb.KeyValue) -> Entry:
    return Entry(kv.value, kv.create_revision, kv.mod_revision, kv.lease)
