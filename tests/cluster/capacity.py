"""A store that can do only so much: regions of one test share two cores, so what one region can do is set instead of being measured."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from croupier import server
from croupier.model import WalletWrite
from croupier.runners.limiter import Bounds
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import CommitResult

CAPACITY = "CROUPIER_TEST_CAPACITY"


class Capacity(Struct, frozen=True):
    """So many writes at once, each of which takes that long on top of the store's own time; the others wait."""

    places: int
    service_s: float

    @property
    def environment(self) -> dict[str, str]:
        """What tells a node's process."""
        return {CAPACITY: f"{self.places}:{self.service_s}"}


def narrow() -> None:
    """In the node's process, where the environment says so: writes queue before the store."""
    said = os.environ.get(CAPACITY, "")
    if not said:
        return
    places, service_s = said.split(":")
    room = asyncio.Semaphore(int(places))
    commit = CassandraStore.commit

    # Limits that suit thousands of writes a second would take minutes to find their way down here.
    setattr(server, "Bounds", partial(Bounds, start=32, lowest=4, settling_lowest=4))  # noqa: B010

    async def in_turn(store: CassandraStore, writes: Sequence[WalletWrite]) -> list[CommitResult]:
        async with room:
            await asyncio.sleep(float(service_s))
        return await commit(store, writes)

    setattr(CassandraStore, "commit", in_turn)  # noqa: B010
