"""Nodes of a cluster inside the test's process, as far as membership and elections go; and etcd's own side, by its JSON gateway."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from croupier.cluster.etcd import join
from croupier.cluster.membership import Member, Run, Term
from croupier.config import Etcd

_numbers = itertools.count(1)


class Fences:
    """Fences in memory, shared by the nodes of a test; raising fails for the nodes in `broken`."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.broken: set[str] = set()

    async def raise_fence(self, singleton: str, holder: str) -> int:
        if holder in self.broken:
            raise ConnectionError("the store is away")
        self.numbers[singleton] = self.numbers.get(singleton, 0) + 1
        return self.numbers[singleton]


class Node:
    """One node: what it holds now, and how often anything began."""

    def __init__(self, name: str, settings: Etcd, fences: Fences) -> None:
        number = next(_numbers)
        self.name = name
        self.began: list[Term] = []
        self.lost_at = 0.0
        me = Member(name, "eu", f"10.0.0.{number}:7400", "test", start_ms=number)
        self.membership, self.elections = join(settings, me, fences, lambda: time.time_ns() // 1_000_000)

    async def start(self, *singletons: str, run: Run | None = None) -> Node:
        await self.membership.start()
        for singleton in singletons:
            self.elections.campaign(singleton, run or self._run)
        return self

    async def stop(self) -> None:
        await self.elections.stop()
        await self.membership.stop()

    @property
    def holds(self) -> list[str]:
        return sorted(term.singleton for term in self.elections.terms)

    @property
    def sees(self) -> list[str]:
        return [member.node for member in self.membership.members]

    async def _run(self, term: Term) -> None:
        self.began.append(term)
        await term.over.wait()
        self.lost_at = time.monotonic()


@asynccontextmanager
async def nodes(settings: Etcd, *names: str, fences: Fences | None = None, singletons: Sequence[str] = ()) -> AsyncIterator[list[Node]]:
    """Started nodes, in this order; stopped at the end."""
    shared = fences or Fences()
    all_nodes = [Node(name, settings, shared) for name in names]
    try:
        for node in all_nodes:
            await node.start(*singletons)
        yield all_nodes
    finally:
        await asyncio.gather(*(node.stop() for node in all_nodes))


async def until(is_so: Callable[[], object], within_s: float = 10.0) -> float:
    """Waits until `is_so()`; how long that took, in seconds."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not so within {within_s} s")
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def gateway(endpoint: str, path: str, **body: object) -> dict[str, object]:
    """A call of etcd's JSON gateway: for what the server never asks of etcd."""
    request = urllib.request.Request(f"http://{endpoint}/v3/{path}", msgspec.json.encode(body), method="POST")
    with urllib.request.urlopen(request, timeout=5.0) as answer:  # noqa: S310
        return msgspec.json.decode(answer.read())


def text(value: str) -> str:
    """Bytes as the gateway takes them."""
    return base64.b64encode(value.encode()).decode()


def compact(endpoint: str, key: str) -> int:
    """Makes etcd forget everything before now; writes `key` to learn the revision."""
    header = gateway(endpoint, "kv/put", key=text(key), value=text("x"))["header"]
    assert isinstance(header, dict)
    revision = int(header["revision"])
    gateway(endpoint, "kv/compaction", revision=str(revision), physical=True)
    return revision


def leader(endpoints: Sequence[str]) -> int:
    """Which of the members leads, counted from 1."""
    for number, endpoint in enumerate(endpoints, 1):
        status = gateway(endpoint, "maintenance/status")
        header = status["header"]
        assert isinstance(header, dict)
        if status.get("leader") == header["member_id"]:
            return number
    raise AssertionError("etcd has no leader")
