"""A real haproxy with the configuration of deploy/haproxy, and callers behind it that know nothing of nodes."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from msgspec import Struct

from croupier.pb import wallet_service_pb2
from tests.integration.calling import EUR, new_id, new_wallet
from tests.integration.serving import eventually

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
_DEPOSIT = "/croupier.v1.WalletService/Deposit"
_PAUSE_S = 0.01
_OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)


def haproxy() -> str:
    """The program; the test is skipped where there is none, and fails in CI."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        said = "haproxy is not installed; on Debian: apt-get install haproxy"
        assert not os.environ.get("CI"), said
        pytest.skip(said)
    return found


class Haproxy:
    """haproxy in front of nodes."""

    def __init__(self, folder: Path, host: str, nodes: Sequence[str], certificate: Path) -> None:
        """`nodes` are the host:port of three. It listens on `host`, on 7400 in plain text and on 7443 with the PEM file `certificate`."""
        self.address, self.tls_address = f"{host}:7400", f"{host}:7443"
        self._socket = folder / "haproxy.sock"
        self._log = folder / "haproxy.log"
        self._environment = {
            "STATS_SOCKET": str(self._socket),
            "LISTEN": self.address,
            "LISTEN_TLS": self.tls_address,
            "CERTIFICATE": str(certificate),
            **{f"NODE{number}": node for number, node in enumerate(nodes, start=1)},
        }

    def __enter__(self) -> Self:
        program = haproxy()
        checked = subprocess.run(
            [program, "-c", "-f", CONFIGURATION], env=self._environment, capture_output=True, text=True, check=False, timeout=10
        )
        assert checked.returncode == 0, checked.stderr
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([program, "-db", "-f", CONFIGURATION], env=self._environment, stdout=log, stderr=log)
        eventually(lambda: set(self.states().values()) == {"UP"})
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(5)

    def states(self) -> dict[str, str]:
        """What it thinks of each node: UP or DOWN, or on its way there."""
        return {row["svname"]: row["status"] for row in self._servers()}

    def calls(self) -> dict[str, int]:
        """How many calls each node got so far."""
        return {row["svname"]: int(row["stot"]) for row in self._servers()}

    @contextmanager
    def only(self, name: str) -> Iterator[None]:
        """All calls go to one node, as while the others are taken out by a person."""
        others = [node for node in self.states() if node != name]
        for node in others:
            self._ask(f"set server croupier/{node} state maint")
        yield
        for node in others:
            self._ask(f"set server croupier/{node} state ready")
        eventually(lambda: set(self.states().values()) == {"UP"})

    def _servers(self) -> list[dict[str, str]]:
        lines = self._ask("show stat").removeprefix("# ").strip().splitlines()
        if not lines:
            return []
        names = lines[0].split(",")
        rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
        return [row for row in rows if row["pxname"] == "croupier" and row["svname"] not in {"FRONTEND", "BACKEND"}]

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as asking:
            try:
                asking.connect(str(self._socket))
            except OSError:
                return ""
            asking.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: asking.recv(65_536), b"")).decode()


class Failed(Struct, frozen=True):
    """An attempt that failed."""

    at_s: float
    code: str
    said: str


class Callers:
    """Callers that pay into new wallets, one call after another each, and send what failed again under its id; in a thread of their own."""

    def __init__(self, address: str, key: str, count: int = 8, *, options: Sequence[tuple[str, Any]] = (), timeout_s: float = 10.0) -> None:
        """`options` are those of their channels, of which every second caller has its own."""
        self.answered = 0
        self.failed: list[Failed] = []
        self.latencies_s: list[tuple[float, float]] = []
        """When each call was answered, and how long after its first attempt."""
        self._address = address
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._count = count
        self._options = options
        self._timeout_s = timeout_s
        self._ending = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self.answered > 20)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._thread.join(20)
        assert not self._thread.is_alive()

    def go_on(self, calls: int = 50) -> None:
        """Waits for so many more answers."""
        enough = self.answered + calls
        eventually(lambda: self.answered >= enough)

    def slowest_s(self, since_s: float) -> float:
        """The longest that a call took, of those answered since then."""
        return max((took_s for at_s, took_s in self.latencies_s if at_s >= since_s), default=0.0)

    async def _run(self) -> None:
        channels = [grpc.aio.insecure_channel(self._address, [*self._options, _OWN_CONNECTION]) for _ in range((self._count + 1) // 2)]
        await asyncio.gather(*(self._call(channels[number // 2]) for number in range(self._count)))
        for channel in channels:
            await channel.close()

    async def _call(self, channel: grpc.aio.Channel) -> None:
        deposit = channel.unary_unary(_DEPOSIT, None, wallet_service_pb2.DepositResponse.FromString)
        while not self._ending:
            asked = wallet_service_pb2.DepositRequest(wallet=new_wallet(), transfer_id=new_id(), amount_micros=EUR)
            began_s = time.monotonic()
            while not self._ending:
                try:
                    await deposit(asked.SerializeToString(), metadata=self._metadata, timeout=self._timeout_s)
                except grpc.aio.AioRpcError as error:
                    self.failed.append(Failed(time.monotonic(), error.code().name, error.details() or ""))
                    await asyncio.sleep(_PAUSE_S)
                    continue
                self.answered += 1
                self.latencies_s.append((time.monotonic(), time.monotonic() - began_s))
                break
            await asyncio.sleep(_PAUSE_S)
