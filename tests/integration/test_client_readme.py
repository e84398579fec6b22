"""What the Python client's README and the demo show works against a live server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.live import LiveServer

README = Path(__file__).parent.parent.parent / "clients/python/README.md"
BLOCKS = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("readme")) as server:
        yield server


def test_the_readme_has_its_blocks() -> None:
    """A change of the README's form must not leave its blocks untested."""
    assert len(BLOCKS) == README.read_text(encoding="utf-8").count("```python") == 5


@pytest.mark.parametrize(("title", "block"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_a_block_runs(server: LiveServer, title: str, block: str) -> None:
    """Each block runs as it stands, beside the data/demo.json that the server wrote."""
    done = subprocess.run([sys.executable, "-c", block], cwd=server.folder, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 0, f"{title}: {done.stderr}"


def test_the_demo_plays_and_verifies(server: LiveServer) -> None:
    """`make play`: every family is shown, every round verified, the ledger's chain too; without a server it says what to do."""
    command = [sys.executable, "-m", "croupier_client.demo", "--rounds", "2"]
    done = subprocess.run(command, cwd=server.folder, capture_output=True, text=True, check=False, timeout=25)
    assert done.returncode == 0, done.stderr
    assert "8 rounds, 8 verified on this machine" in done.stdout
    assert "hash chain of the ledger: verified" in done.stdout
    lost = subprocess.run(command, cwd=server.folder.parent, capture_output=True, text=True, check=False, timeout=25)
    assert lost.returncode == 2
    assert "make run" in lost.stderr


def test_the_demo_runs_in_the_plainest_terminal(server: LiveServer) -> None:
    """Suits and the like that the terminal cannot show are replaced."""
    command = [sys.executable, "-m", "croupier_client.demo", "--rounds", "1", "--player", "plain"]
    env = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin"}
    done = subprocess.run(command, cwd=server.folder, env=env, capture_output=True, text=True, check=False, timeout=25)
    assert done.returncode == 0, done.stderr
