"""Latency between engine nodes and the store: a toxiproxy before each Cassandra node, which delays what goes through it, or holds it."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.cluster.tools import toxiproxy

_API_PORT = 8474
_FIRST_PORT = 19_042
_START_S_MAX = 10.0


class Proxies:
    """A running toxiproxy. Each address has a proxy of its own, under the same name."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._ports: dict[str, int] = {}

    def before(self, address: str) -> str:
        """host:port of the proxy in front of an address; made at the first request."""
        if address not in self._ports:
            port = _FIRST_PORT + len(self._ports)
            self._ask("POST", "/proxies", {"name": address, "listen": f"{self._host}:{port}", "upstream": address, "enabled": True})
            self._ports[address] = port
        return f"{self._host}:{self._ports[address]}"

    def delay(self, latency_ms: int, jitter_ms: int = 0) -> None:
        """From now on everything takes that much longer, each way."""
        for address in self._ports:
            for stream in ("upstream", "downstream"):
                toxic = {"type": "latency", "name": stream, "stream": stream, "attributes": {"latency": latency_ms, "jitter": jitter_ms}}
                self._ask("POST", f"/proxies/{address}/toxics", toxic)

    def calm(self) -> None:
        """Takes the delays away."""
        self._ask("POST", "/reset", {})

    def _ask(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        connection = http.client.HTTPConnection(self._host, _API_PORT, timeout=5.0)
        try:
            connection.request(method, path, json.dumps(body))
            response = connection.getresponse()
            said = response.read()
            assert response.status < 300, f"toxiproxy: {said!r}"
        finally:
            connection.close()


@contextmanager
def proxies(host: str) -> Iterator[Proxies]:
    """A toxiproxy that listens on an address of this machine, until the end of the block."""
    process = subprocess.Popen([toxiproxy(), "-host", host, "-port", str(_API_PORT)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(host)
        yield Proxies(host)
    finally:
        process.kill()
        process.wait()


def _wait(host: str) -> None:
    end = time.monotonic() + _START_S_MAX
    while True:
        connection = http.client.HTTPConnection(host, _API_PORT, timeout=1.0)
        try:
            connection.request("GET", "/version")
            connection.getresponse().read()
        except OSError:
            assert time.monotonic() < end, "toxiproxy did not start"
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
