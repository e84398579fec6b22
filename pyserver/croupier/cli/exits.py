"""Exit codes, the same for every command; docs/cli.md lists them, and a test holds the two together."""

from __future__ import annotations

import click

OK = 0
"""Done; what was checked holds."""
FAILED = 1
"""A check found something: audit, verification, model, self-test, restored copy, the look at a cluster."""
USAGE = 2
"""The command line is wrong."""
STORE_FAILED = 3
"""The store failed at work, or a server left service for it: disk full, I/O error."""
UNUSABLE = 4
"""Database, key file, settings, models folder, port, node, etcd or Cassandra cannot be used; nothing was changed."""
REFUSED = 5
"""It exists already, is in use by another process, or would be unsafe now; nothing was changed."""
NOT_FOUND = 6
"""No such operator, key, game, round, wallet or node."""
INTERNAL = 70
"""A fault of the program."""
INTERRUPTED = 130
"""By Ctrl-C."""


class Failure(click.ClickException):
    """One sentence and an exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # pyright: ignore[reportAttributeAccessIssue] click declares it a class variable
