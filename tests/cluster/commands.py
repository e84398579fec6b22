"""The command line as a person runs it beside a cluster: a process of its own, so that nothing of the test's is at hand."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.cluster.node import Node


class Said(NamedTuple):
    """What a command came to."""

    exit_code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """What it printed with --json."""
        return json.loads(self.out)


async def croupier(*arguments: object, key: str = "") -> Said:
    """Runs `croupier` with these arguments, and with an API key in its environment."""
    environment = {**os.environ, "CROUPIER_API_KEY": key}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "croupier", *(str(argument) for argument in arguments), stdout=-1, stderr=-1, env=environment
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


def settings_of(node: Node) -> Path:
    """The node's settings file."""
    return node.folder / "settings.toml"


def admin_key(node: Node) -> str:
    """The key of the operator `admin` that a demo server made."""
    return str(json.loads((node.folder / "demo.json").read_text())["admin_key"])
