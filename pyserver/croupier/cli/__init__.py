"""The command line: one file a group of commands, found here by name and imported only when it is called.

Results go to standard output, for people or with --json for programs; whatever fails is one sentence on standard error and an exit code of `exits.py`.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from croupier.cli import exits
from croupier.errors import StoreFailed, StoreUnusable

_COMMANDS = {
    "serve": "croupier.cli.serve:serve",
    "operator": "croupier.cli.operator:operator",
    "game": "croupier.cli.game:game",
    "round": "croupier.cli.round:round_",
    "node": "croupier.cli.node:node",
    "cluster": "croupier.cli.cluster:cluster",
    "audit": "croupier.cli.audit:audit",
    "rng": "croupier.cli.rng:rng",
    "migrate": "croupier.cli.migrate:migrate",
    "backup": "croupier.cli.backup:backup",
    "restore": "croupier.cli.restore:restore",
    "dev": "croupier.cli.dev:dev",
    "completion": "croupier.cli.completion:completion",
    "version": "croupier.cli.version:version",
}


class Commands(click.Group):
    """The registry, and the one place where an error becomes a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the registry."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command that was named."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read the output has seen enough; nothing more can be flushed to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return exits.OK
        return result

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Runs the command line and ends the process."""
        extra["standalone_mode"] = False
        sys.exit(self._run(args, prog_name or "croupier", *rest, **extra))

    def _run(self, *args: Any, **extra: Any) -> int:
        try:
            code = super().main(*args, **extra)
        except Exception as error:
            return _report(error)
        return code if isinstance(code, int) else exits.OK


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def croupier() -> None:
    """A highly available casino game engine: serve it, check its games, prove its ledger."""


def main() -> NoReturn:
    """The script `croupier`."""
    # Commands speak for themselves; a server sets up a log of its own.
    logging.getLogger("croupier").addHandler(logging.NullHandler())
    croupier.main()


def _report(error: Exception) -> int:
    """Says what failed in one sentence; the exit code."""
    if isinstance(error, click.Abort):
        click.echo("croupier: interrupted", err=True)
        return exits.INTERRUPTED
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "croupier"
        click.echo(f"croupier: {error.format_message().rstrip('.')}; see {command} --help", err=True)
        return exits.USAGE
    if isinstance(error, click.ClickException):
        click.echo(f"croupier: {error.format_message()}", err=True)
        return error.exit_code
    if isinstance(error, StoreFailed):
        click.echo(f"croupier: {error}", err=True)
        return exits.STORE_FAILED
    if isinstance(error, StoreUnusable):
        click.echo(f"croupier: {error}", err=True)
        return exits.UNUSABLE
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        click.echo(f"croupier: {name}{error.strerror or error}", err=True)
        return exits.UNUSABLE
    if os.environ.get("CROUPIER_TRACEBACK"):
        raise error
    click.echo(f"croupier: internal error, {type(error).__name__}: {error}; CROUPIER_TRACEBACK=1 shows where", err=True)
    return exits.INTERNAL
