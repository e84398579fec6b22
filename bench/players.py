"""Sessions to play in, opened over the wire as an operator would."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import NamedTuple

from croupier_client import bets
from croupier_client.aio import AsyncClient
from croupier_client.pb import round_service_pb2

GAME = "sizzling-hot"
BET = bets.slots(50_000)
"""0.01 a line on five lines."""
DEPOSIT_MICROS = 1_000_000_000_000
_AT_ONCE = 64


class Table(NamedTuple):
    """What a load needs to know of a server."""

    authorization: str
    sessions: list[str]
    bet: bytes
    answer: bytes
    """A real PlayResponse, encoded."""


def open_sessions(address: str, data: Path, wallets: int, *, prefix: str = "p") -> Table:
    """One session in each of `wallets` new wallets of the demo operator."""
    key = json.loads((data / "demo.json").read_text())["operator_key"]
    names, answer = asyncio.run(_open(address, key, wallets, prefix))
    return Table(f"Bearer {key}", names, BET.SerializeToString(), answer)


async def _open(address: str, key: str, wallets: int, prefix: str) -> tuple[list[str], bytes]:
    async with AsyncClient(address, key, operator="demo") as client:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> str:
            async with gate:
                wallet = client.wallet_name(f"{prefix}{number:07}", "EUR")
                await client.deposit(wallet, DEPOSIT_MICROS)
                return (await client.open_session(wallet, f"games/{GAME}")).name

        names = await asyncio.gather(*(one(number) for number in range(wallets)))
        rounds = [await client.play(names[0], BET) for _ in range(64)]
        typical = sorted((round_service_pb2.PlayResponse(round=round_).SerializeToString() for round_ in rounds), key=len)
        return list(names), typical[len(typical) // 2]
