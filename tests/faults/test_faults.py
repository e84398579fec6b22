"""L1, a short selection: a real server under load is killed, its disk fills, its syncs fail. `make faults` runs the whole list."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.campaign import Control, is_caught, kill_often
from tests.faults.disk import damaged_file, failing_sync
from tests.faults.points import POINTS, faults

pytestmark = pytest.mark.timeout(240)


async def test_kills_lose_nothing(tmp_path: Path) -> None:
    """S4, G5: kill -9 within a commit, within a write to the log, after a commit and before its answer: all acknowledged is there once, same bytes."""
    chosen = [
        (point, 5) for point in POINTS if point.name in ("before_commit", "after_commit", "half_delivered", "after_take", "half_answered")
    ]
    outcome = await kill_often(tmp_path / "data", 1, [*chosen, (POINTS[5], 40), *faults(2, random.Random(1))])
    assert outcome.is_clean, (outcome.findings, outcome.audit.get("problems"))
    assert outcome.findings.rounds and outcome.unknown and outcome.retried


async def test_a_failing_sync_ends_service(tmp_path: Path) -> None:
    """S4: after an I/O error on a sync the server says so, tells its health's watchers, ends with its exit code, and nothing acknowledged is lost."""
    departure = await failing_sync(tmp_path / "data", 2)
    assert departure.is_orderly and departure.outcome.is_clean, departure


async def test_a_damaged_file_ends_service(tmp_path: Path) -> None:
    """S4: a server on a file whose pages are damaged says so and ends; it neither answers from memory nor hangs."""
    departure = await damaged_file(tmp_path / "data", 4)
    assert departure.is_orderly and "malformed" in departure.said, departure


async def test_answers_before_commits_are_noticed(tmp_path: Path) -> None:
    """Negative control: a server that answers before it commits is caught."""
    assert await is_caught(tmp_path / "data", 3, Control("answer_before_commit", 2, "lost"))
