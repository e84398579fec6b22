"""A disk that is full and a sync that fails: the node leaves service, says why, and after a restart everything acknowledged is there."""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from msgspec import Struct

from croupier.stores.sqlite_connection import connect
from tests.faults.campaign import Campaign, Outcome
from tests.faults.process import Server

STORE_FAILED = 3
"""The exit code of a server whose store has failed."""
LIFE_S_MAX = 60.0
SMALL_DISK_MIB = 6
_PAGE_BYTES = 4_096
ROOM_BYTES = 400_000
"""How much the database may still grow where the limit on file sizes stands in for a small disk."""


class Departure(Struct):
    """How a server left service, and what the data folder held afterwards."""

    code: int
    health: list[str]
    """What health said, in order, to one who watched."""
    said: str
    """Its last line on standard error."""
    outcome: Outcome

    @property
    def is_orderly(self) -> bool:
        """It said why, told those who watch its health, and ended by itself with its exit code."""
        is_heard = self.health[:1] == ["SERVING"] and "NOT_SERVING" in self.health
        return self.code == STORE_FAILED and "left service, because" in self.said and is_heard


async def full_disk(data: Path, seed: int) -> Departure:
    """Fills a file system of a few MiB, or, where none may be mounted, meets a limit on the size of files."""
    campaign = Campaign(data, seed)
    with small_disk(data) as is_mounted:
        server = await Server.start(data)
        if not is_mounted:
            await campaign.play_a_little(server, 300)
            _limit_files(server.process.pid, data)
        departure = await _depart(campaign, server)
        if is_mounted:
            _enlarge(data)
        return await _return(campaign, departure)


async def failing_sync(data: Path, seed: int, control: str = "") -> Departure:
    """Every sync fails from some moment on, as on a medium that went bad; then the medium is sound again."""
    campaign = Campaign(data, seed)
    switch = data.with_name(f"{data.name}-sync-fails")
    server = await Server.start(data, eio=switch, control=control)
    await campaign.play_a_little(server, 300)
    switch.touch()
    departure = await _depart(campaign, server, 10.0 if control else LIFE_S_MAX)
    switch.unlink()
    return await _return(campaign, departure)


async def damaged_file(data: Path, seed: int) -> Departure:
    """Pages of the file are overwritten while no server runs; nothing can be settled after that, but nothing may be answered either."""
    campaign = Campaign(data, seed)
    server = await Server.start(data)
    await campaign.play_a_little(server, 300)
    await server.drain()
    _damage(data / "croupier.db")
    return await _depart(campaign, await Server.start(data))


def _damage(database: Path) -> None:
    """Overwrites every page that holds rows of wallets, so that no call can do without one; documents stay, so that the server starts."""
    with closing(connect(database)) as connection:
        pages = connection.query("SELECT pageno FROM dbstat WHERE name IN ('record', 'entry', 'entry_by_wallet') AND pagetype = 'leaf'")
    with database.open("rb+") as file:
        for (page,) in pages:
            file.seek((page - 1) * _PAGE_BYTES)
            file.write(b"\xff" * _PAGE_BYTES)


async def _depart(campaign: Campaign, server: Server, seconds: float = LIFE_S_MAX) -> Departure:
    hears = asyncio.Event()
    watching = asyncio.create_task(_watch_health(server.address, hears))
    await hears.wait()
    (code,) = await campaign.live([server], seconds)
    health = await watching
    lines = server.log().splitlines()
    return Departure(code, health, lines[-1] if lines else "", Outcome(campaign.compared(), campaign.kills))


async def _return(campaign: Campaign, departure: Departure) -> Departure:
    """A new server on the same folder settles what is unknown; then all is compared."""
    await campaign.settle()
    departure.outcome = campaign.outcome()
    return departure


async def _watch_health(address: str, hears: asyncio.Event) -> list[str]:
    """The states that a watcher of the server's health hears until it is gone; `hears` is set at the first."""
    heard: list[str] = []
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        states = health_pb2.HealthCheckResponse.ServingStatus
        with suppress(grpc.aio.AioRpcError):
            async for response in stub.Watch(health_pb2.HealthCheckRequest()):
                heard += [states.Name(response.status)]
                hears.set()
    return heard


def _limit_files(pid: int, data: Path) -> None:
    size = (data / "croupier.db-wal").stat().st_size + ROOM_BYTES
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))


def _enlarge(data: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=256m", str(data)], check=True)


@contextmanager
def small_disk(data: Path) -> Iterator[bool]:
    """A file system of its own for the folder, if one may be mounted; says whether it is."""
    data.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "croupier-faults", str(data)]
    is_mounted = shutil.which("mount") is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", str(data)], check=True)
