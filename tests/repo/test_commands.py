"""What the documents tell a reader to type is there: make targets, commands of the command line, files that links name."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from croupier.cli import croupier
from tests.repo.sources import ROOT, report, text_of, tracked

PROMISED = {"run", "play", "test", "lint", "proto", "bench", "bench-quick", "faults", "faults-quick"}
DOCUMENTS = [path for path in tracked() if path.suffix == ".md"]


def make_targets() -> dict[str, str]:
    """Each target that is meant to be typed, with what `make help` says of it."""
    text = text_of(Path("Makefile"))
    phony = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    told = dict(re.findall(r"^([a-z-]+):.*## (.+)$", text, re.MULTILINE))
    return {name: told.get(name, "") for line in phony for name in line.split()}


def code_lines(text: str) -> list[str]:
    """Lines of fenced shell blocks, and code in the running text."""
    blocks = re.findall(r"^```(?:bash|sh|console|text)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()] + inline


def test_make_targets_are_told() -> None:
    """Each target that can be typed says what it does, and the promised ones exist."""
    targets = make_targets()
    silent = [name for name, told in targets.items() if not told]
    assert not silent, report(silent, "`make help` lists each target by its `##` comment; these have none:")
    assert targets.keys() >= PROMISED, f"the Makefile must offer {sorted(PROMISED - targets.keys())}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_make_commands_exist(document: Path) -> None:
    """Each `make x` that a document names is a target."""
    named = {match.group(1) for line in code_lines(text_of(document)) if (match := re.match(r"make ([a-z][a-z-]*)\b", line))}
    missing = sorted(named - make_targets().keys())
    assert not missing, report(missing, f"{document} names make targets that the Makefile has not:")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_croupier_commands_exist(document: Path) -> None:
    """Each `croupier x y` that a document names is a command, and each --option in it is an option of that command."""
    typed = [line for line in code_lines(text_of(document)) if re.match(r"(\.venv/bin/)?croupier [a-z]", line)]
    wrong = [f"{line}: {problem}" for line in typed if (problem := problem_of(line))]
    assert not wrong, report(wrong, f"{document} names commands that `croupier` has not:")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    """Each relative link of a document names a file or folder that is there."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text_of(document))
    broken = [link for link in links if not (ROOT / document.parent / link).exists()]
    assert not broken, report(broken, f"{document} links to what is not there:")


def test_readme_names_the_two_commands() -> None:
    """The README's first two commands start the server and play."""
    typed = [line for line in code_lines(text_of(Path("README.md"))) if line.startswith("make ")]
    assert typed[:2] == ["make run", "make play"]


def test_a_wrong_command_is_found() -> None:
    """The finding itself."""
    assert problem_of("croupier nonsense")
    assert problem_of("croupier serve --nonsense")
    assert not problem_of("croupier serve --demo")
    assert code_lines("a `make x` b\n```bash\n$ make y\n```\n") == ["make y", "make x"]


def problem_of(line: str) -> str:
    """What is wrong with a command line of croupier, or nothing."""
    command: click.Command = croupier
    context = click.Context(command)
    words = re.split(r"\s+", re.sub(r"\s*[|>#&;].*", "", line))[1:]
    while words and isinstance(command, click.Group):
        name = words.pop(0)
        if name.startswith("-"):
            continue
        found = command.get_command(context, name)
        if found is None:
            return f"there is no command {name}"
        command = found
    known = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"there is no option {' '.join(unknown)}" if unknown else ""
