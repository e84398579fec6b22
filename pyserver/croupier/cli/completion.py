"""`croupier completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from croupier.cli.options import json_option
from croupier.cli.output import emit

_WHERE = {
    "bash": 'eval "$(croupier completion bash)" in .bashrc',
    "zsh": 'eval "$(croupier completion zsh)" in .zshrc',
    "fish": "croupier completion fish > ~/.config/fish/completions/croupier.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_WHERE)))
@json_option
@click.pass_context
def completion(ctx: click.Context, shell: str, *, as_json: bool) -> None:
    """Print the completion script of a SHELL.

    bash: eval "$(croupier completion bash)" in .bashrc; zsh alike in .zshrc; fish: save it as ~/.config/fish/completions/croupier.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "croupier", "_CROUPIER_COMPLETE").source()
    emit({"shell": shell, "script": script, "install": _WHERE[shell]}, script, as_json=as_json)
