from __future__ import annotations

import asyncio
import os
import tracemalloc  # noqa: F401 - pytest imports it when it tells of an object that was never closed, and fails where that happens in the midst of an import.
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from croupier.config import Config
from croupier.stores.cassandra import opening
from croupier.stores.cassandra.opening import CassandraStore
from croupier.stores.store import Store
from tests.cluster.machines import Ring
from tests.conformance.candidates import CANDIDATES, Candidate, config_on, on_ring

_RING_TEST_S = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's time limit starts when the ring that it needs stands."""
    for item in items:
        candidate = getattr(item, "callspec", None) and item.callspec.params.get("candidate")  # type: ignore[attr-defined]
        if isinstance(candidate, Candidate) and candidate.is_on_ring:
            item.add_marker(pytest.mark.timeout(_RING_TEST_S, func_only=True), append=False)


@pytest.fixture(scope="session")
def keyspace(cassandra: Ring) -> Iterator[Config]:
    """A keyspace of this run's own, gone when it ends, as the whole ring is if this run started it."""
    config = config_on(cassandra, f"conformance_{os.getpid()}")
    asyncio.run(_make(config))
    yield config
    if not cassandra.running:
        asyncio.run(_drop(config))


@pytest.fixture(params=CANDIDATES, ids=lambda candidate: candidate.name)
def candidate(request: pytest.FixtureRequest) -> Candidate:
    one: Candidate = request.param
    return on_ring(one, request.getfixturevalue("keyspace")) if one.is_on_ring else one


@pytest.fixture
async def store(candidate: Candidate, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await candidate.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
async def node(keyspace: Config) -> AsyncIterator[CassandraStore]:
    """A node's store in the run's keyspace."""
    opened = CassandraStore(keyspace)
    await opened.open()
    yield opened
    opened.close()


async def _make(config: Config) -> None:
    await opening.create_keyspace(config, {config.region: 1})
    await opening.migrate(config, "conformance")


async def _drop(config: Config) -> None:
    driver = opening.connecting(config, keyspace="")
    await driver.connect()
    await driver.run(f"DROP KEYSPACE {config.cassandra.keyspace}", 20)
    driver.close()
