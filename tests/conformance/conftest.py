from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from croupier.stores.store import Store
from tests.conformance.candidates import CANDIDATES, Candidate


@pytest.fixture(params=CANDIDATES, ids=lambda candidate: candidate.name)
def candidate(request: pytest.FixtureRequest) -> Candidate:
    return request.param


@pytest.fixture
async def store(candidate: Candidate, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await candidate.open(tmp_path)
    yield opened
    opened.close()
