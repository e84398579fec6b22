"""The command line beside a cluster, on a thread of its own: a process for each command would cost a test more than what it does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from croupier.cli import croupier as command_line
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
    """Runs `croupier` with these arguments, and with an API key in its environment. One at a time: what it prints is caught."""
    runner = CliRunner(env={"CROUPIER_API_KEY": key})
    result = await asyncio.to_thread(runner.invoke, command_line, [str(argument) for argument in arguments])
    return Said(result.exit_code, result.stdout, result.stderr)


def settings_of(node: Node) -> Path:
    """The node's settings file."""
    return node.folder / "settings.toml"


def admin_key(node: Node) -> str:
    """The key of the operator `admin` that a demo server made."""
    return str(json.loads((node.folder / "demo.json").read_text())["admin_key"])
