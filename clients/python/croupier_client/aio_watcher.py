"""The task of the asyncio client that asks in the background; discovery.py says what."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio

from .discovery import ASK_TIMEOUT_S, HEALTH_CHECK, HEALTH_QUESTION, LIST_NODES, TICK_S, Schedule, says_serving, take_over
from .nodes import Nodes, Report
from .pb import cluster_service_pb2 as cluster


class AioWatcher:
    """Begins with the first call. `channel` gives the channel to an address; `tidy` is called after each list."""

    def __init__(
        self,
        nodes: Nodes,
        channel: Callable[[str], grpc.aio.Channel],
        metadata: tuple[tuple[str, str], ...],
        tidy: Callable[[], None],
        *,
        asks_for_list: bool,
        interval_s: float,
    ) -> None:
        self._nodes = nodes
        self._channel = channel
        self._metadata = metadata
        self._tidy = tidy
        self._asks_for_list = asks_for_list
        self._schedule = Schedule(interval_s, random.Random())  # noqa: S311 -- spreading questions needs no secrecy
        self._asked = ""
        self._greeted: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._probes: set[asyncio.Task[None]] = set()
        self._woken: asyncio.Event | None = None

    def start(self) -> None:
        """Starts the task on the running loop, once."""
        if self._task is None:
            self._woken = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._run(self._woken), name="croupier-nodes")

    def hurry(self) -> None:
        """A call failed: asks for the list soon."""
        self._schedule.hurry()
        if self._woken is not None:
            self._woken.set()

    async def stop(self) -> None:
        """Ends the task and what it has begun."""
        tasks = [task for task in (self._task, *self._probes) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, woken: asyncio.Event) -> None:
        while True:
            if self._asks_for_list and self._schedule.is_due(time.monotonic()):
                self._schedule.asked(time.monotonic(), is_answered=await self._ask())
            for address in self._nodes.to_probe(time.monotonic()):
                self._begin(self._probe(address))
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await woken.wait()
            woken.clear()

    async def _ask(self) -> bool:
        """Asks the next node for the list; False if it did not answer."""
        self._asked = address = self._nodes.to_ask(self._asked)
        started = time.monotonic()
        call: Any = self._channel(address).unary_unary(LIST_NODES, _serialize, cluster.ListNodesResponse.FromString)
        try:
            response: cluster.ListNodesResponse = await call(cluster.ListNodesRequest(), timeout=ASK_TIMEOUT_S, metadata=self._metadata)
        except grpc.aio.AioRpcError as failure:
            return not self._failed(failure, Report(address, started, time.monotonic()))
        self._nodes.answered(Report(address, started, time.monotonic()))
        take_over(self._nodes, response)
        # Nodes that have not been called yet are connected to now, not when a call has to move.
        for met in set(self._nodes.near()) - self._greeted:
            self._greeted.add(met)
            self._begin(self._probe(met))
        self._tidy()
        return True

    def _failed(self, failure: grpc.aio.AioRpcError, report: Report) -> bool:
        if failure.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return False  # A server that knows no such list, or a caller who may not see it: the addresses given are all there is.
        self._nodes.failed(report, hung=failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED)
        return True

    def _begin(self, probe: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(probe)
        self._probes.add(task)
        task.add_done_callback(self._probes.discard)

    async def _probe(self, address: str) -> None:
        channel: Any = self._channel(address)
        serving = False
        with suppress(grpc.aio.AioRpcError):
            serving = says_serving(await channel.unary_unary(HEALTH_CHECK)(HEALTH_QUESTION, timeout=ASK_TIMEOUT_S))
        self._nodes.probed(address, time.monotonic(), serving=serving)


def _serialize(message: cluster.ListNodesRequest) -> bytes:
    return message.SerializeToString()
