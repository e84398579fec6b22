"""Kills within the very first start on an empty folder: whatever was half made there, the next server starts on it."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

from tests.faults.process import START_S_MAX, Server, ServerDied

FIRST_START_S = 0.12
"""About how long a server takes from its first file to its first word."""


async def killed_at_first_start(folder: Path, seed: int, kills: int) -> list[str]:
    """Kills so many servers, each on a folder of its own, at some moment after their first file is there; what the servers after them said wrong."""
    chance = random.Random(seed)
    faults: list[str] = []
    for number in range(kills):
        data = folder / str(number)
        process = await Server.launch(data)
        await asyncio.to_thread(_wait_for, data / "croupier.db.lock")
        await asyncio.sleep(chance.uniform(0, FIRST_START_S))
        process.kill()
        await process.wait()
        try:
            server = await Server.start(data)
        except ServerDied as error:
            faults.append(str(error))
        else:
            code = await server.drain()
            faults += [f"a drain ended with {code}"] if code else []
    return faults


def _wait_for(path: Path) -> None:
    end = time.monotonic() + START_S_MAX
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.001)
