"""The thread of the blocking client that asks in the background; discovery.py says what."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc

from .discovery import ASK_TIMEOUT_S, HEALTH_CHECK, HEALTH_QUESTION, LIST_NODES, TICK_S, Schedule, says_serving, take_over
from .nodes import Nodes, Report
from .pb import cluster_service_pb2 as cluster


class Watcher:
    """Begins with the first call. `channel` gives the channel to an address; `tidy` is called after each list."""

    def __init__(
        self,
        nodes: Nodes,
        channel: Callable[[str], grpc.Channel],
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
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Starts the thread, once."""
        if self._thread is None and not self._stopped.is_set():
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="croupier-nodes", daemon=True)
                    self._thread.start()

    def hurry(self) -> None:
        """A call failed: asks for the list soon."""
        self._schedule.hurry()
        self._woken.set()

    def stop(self) -> None:
        """Ends the thread within one question's time."""
        self._stopped.set()
        self._woken.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2 * ASK_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            if self._asks_for_list and self._schedule.is_due(time.monotonic()):
                self._schedule.asked(time.monotonic(), is_answered=self._ask())
            for address in self._nodes.to_probe(time.monotonic()):
                self._probe(address)
            self._woken.wait(TICK_S)
            self._woken.clear()

    def _ask(self) -> bool:
        """Asks the next node for the list; False if it did not answer."""
        self._asked = address = self._nodes.to_ask(self._asked)
        started = time.monotonic()
        try:
            call: Any = self._channel(address).unary_unary(LIST_NODES, _serialize, cluster.ListNodesResponse.FromString)
            response: cluster.ListNodesResponse = call(cluster.ListNodesRequest(), timeout=ASK_TIMEOUT_S, metadata=self._metadata)
        except ValueError:  # The channel is closed: the client is closing.
            return True
        except grpc.RpcError as failure:
            return not self._failed(failure, Report(address, started, time.monotonic()))
        self._nodes.answered(Report(address, started, time.monotonic()))
        take_over(self._nodes, response)
        # Nodes that have not been called yet are connected to now, not when a call has to move.
        for met in set(self._nodes.near()) - self._greeted:
            self._greeted.add(met)
            self._probe(met)
        self._tidy()
        return True

    def _failed(self, failure: Any, report: Report) -> bool:
        if failure.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return False  # A server that knows no such list, or a caller who may not see it: the addresses given are all there is.
        self._nodes.failed(report, hung=failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED)
        return True

    def _probe(self, address: str) -> None:
        try:
            channel: Any = self._channel(address)
            question = channel.unary_unary(HEALTH_CHECK).future(HEALTH_QUESTION, timeout=ASK_TIMEOUT_S)
            question.add_done_callback(partial(self._probed, address))
        except ValueError:  # The channel is closed.
            return

    def _probed(self, address: str, done: Any) -> None:
        serving = done.code() is grpc.StatusCode.OK and says_serving(done.result())
        self._nodes.probed(address, time.monotonic(), serving=serving)


def _serialize(message: cluster.ListNodesRequest) -> bytes:
    return message.SerializeToString()
