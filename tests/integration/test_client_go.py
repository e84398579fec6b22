"""A client in a second language, generated from proto/ alone, plays the golden scenarios against a live server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.live import LiveServer

CHECK = Path(__file__).parent.parent.parent / "clients/go/check.sh"
needs_go = pytest.mark.skipif(shutil.which("go") is None and "CI" not in os.environ, reason="Go is not installed here")


@needs_go
@pytest.mark.timeout(600)
def test_go_plays_the_golden_scenarios(tmp_path: Path) -> None:
    """Stubs from Go's own generators: every scenario passes, errors and byte-for-byte repeats included."""
    with LiveServer(tmp_path) as server:
        facts = server.facts
        done = subprocess.run(
            [CHECK, server.address, facts["operator_key"], facts["admin_key"]],
            env={**os.environ, "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    scenarios = len(list((CHECK.parent.parent.parent / "tests/golden/scenarios").glob("*.json")))
    assert f"{scenarios} of {scenarios} scenarios passed" in done.stdout


@needs_go
@pytest.mark.timeout(600)
def test_the_go_check_fails_where_a_call_fails(tmp_path: Path) -> None:
    """With a key that is not known nothing passes, and the exit code says so."""
    with LiveServer(tmp_path) as server:
        command = [CHECK, server.address, "ck_0000000000000000_no"]
        done = subprocess.run(command, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED  wallet.json: step 1" in done.stdout
    assert "skipped catalog_and_admin.json" in done.stdout
