"""The command line as such: its frame, its promises, and the commands that need no database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from croupier.cli import croupier, exits
from croupier.config import MODELS

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"


def run(*args: object) -> Result:
    """Runs `croupier` with these arguments, in this process."""
    return CliRunner().invoke(croupier, [str(arg) for arg in args])


def value_of(*args: object) -> dict[str, object]:
    """The JSON that a command prints."""
    result = run(*args, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def commands(group: click.Group = croupier, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands())


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    """--help works everywhere, and every command but the server can speak JSON."""
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert result.stdout.count("\n") > 3
    assert words == ("serve",) or "--json" in result.stdout


@pytest.mark.parametrize("words", list(COMMANDS), ids=" ".join)
def test_every_command_is_in_the_reference(words: tuple[str, ...]) -> None:
    """docs/cli.md names every command and every option of it."""
    text = DOCUMENT.read_text()
    assert f"croupier {' '.join(words)}" in text
    for parameter in COMMANDS[words].params:
        for option in parameter.opts:
            assert not option.startswith("--") or option in text, f"{' '.join(words)} {option}"


def test_every_exit_code_is_in_the_reference() -> None:
    """docs/cli.md lists the exit codes, and no others."""
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCUMENT.read_text(), re.MULTILINE)}
    assert listed == {code for name, code in vars(exits).items() if name.isupper()}


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["audit", "--nothing"],
        ["operator", "create"],
        ["round", "show", "rounds/7"],
        ["game", "new", "poker", "x.toml"],
        ["serve", "--listen", "nowhere"],
        ["serve", "--tls-key", "key.pem"],
        ["serve", "--store", "paper"],
        ["rng", "raw", "--json"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_one_sentence(words: list[str]) -> None:
    """Exit code 2 and one line that says what is wrong and where help is."""
    result = run(*words)
    assert result.exit_code == exits.USAGE
    assert result.stdout == ""
    assert re.fullmatch(r"croupier: .+; see croupier.* --help\n", result.stderr)


def test_version() -> None:
    """The version, the schema and the engine's digest (S1)."""
    value = value_of("version")
    assert re.fullmatch(r"[0-9a-f]{64}", str(value["engine_sha256"]))
    assert str(value["version"]) in run("version").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """Each shell gets a script that calls back into the program."""
    assert "_CROUPIER_COMPLETE" in run("completion", shell).stdout
    assert value_of("completion", shell)["shell"] == shell


def test_raw_output_is_counted_and_never_the_same() -> None:
    """R14, R2: as many bytes as asked for, other ones in each run."""
    first, second = (CliRunner().invoke(croupier, ["rng", "raw", "--bytes", "1000"]).stdout_bytes for _ in range(2))
    assert len(first) == len(second) == 1_000
    assert first != second
    assert len(str(value_of("rng", "raw", "--bytes", 8)["hex"])) == 16


def test_self_test() -> None:
    """The known answers hold."""
    assert value_of("rng", "self-test")["ok"] is True


def test_every_shipped_model_passes_its_check() -> None:
    """F1, F2: the folder of models has no problem, and what players must be told is noted."""
    value = value_of("game", "check", MODELS)
    assert value["ok"] is True
    assert "show these odds" in run("game", "check", MODELS).stdout


@pytest.mark.parametrize(
    ("find", "put", "line", "said"),
    [
        ("version = 1", "version = -1", 4, "-1"),
        ("rows = 3", "rows = 30", 8, "1 to 8 rows"),
        ('scatter = "Star"', 'scatter = "Moon"', None, "Moon"),
        ("[slots]", "[slots", 7, ""),
    ],
)
def test_a_bad_model_is_told_by_file_and_line(tmp_path: Path, find: str, put: str, line: int | None, said: str) -> None:
    """Each error of a model file names the file and the line, and says what is wrong; exit code 1."""
    path = tmp_path / "bad.toml"
    assert run("game", "new", "slots", path).exit_code == 0
    path.write_text(path.read_text().replace(find, put))
    for command in ("check", "rtp", "simulate"):
        result = run("game", command, path)
        assert result.exit_code == exits.FAILED
        assert re.search(rf"bad\.toml:{line or r'[0-9]+'}: .*{said}", result.stderr), result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize("family", ["slots", "roulette", "dice", "blackjack"])
def test_a_new_model_is_valid_at_once(tmp_path: Path, family: str) -> None:
    """What `game new` writes passes `game check`; it never overwrites."""
    path = tmp_path / "my-own-game.toml"
    assert value_of("game", "new", family, path)["name"] == "my-own-game"
    assert value_of("game", "check", path)["ok"] is True
    assert run("game", "new", family, path).exit_code == exits.REFUSED


def test_a_return_below_the_floor_fails(tmp_path: Path) -> None:
    """F1: the floor is a setting, and the failing bet is named."""
    result = run("game", "check", MODELS / "roulette-american.toml", "--floor", "0.93")
    assert result.exit_code == exits.FAILED
    assert "top line" in result.stderr
    doubled = tmp_path / "roulette-copy.toml"
    doubled.write_text((MODELS / "roulette-american.toml").read_text() + "\n")
    result = run("game", "check", MODELS / "roulette-american.toml", doubled)
    assert "a change of a model is a new version" in result.stderr


def test_exact_figures_by_name_and_by_path() -> None:
    """F8: the figures of a game, exact and as decimals, the same by either way."""
    value = value_of("game", "rtp", "roulette-european")
    assert value == value_of("game", "rtp", MODELS / "roulette-european.toml")
    assert value["return"] == {"exact": "36/37", "value": 36 / 37}
    assert {"model", "variance", "hit_rate"} <= value.keys()
    assert "36/37" in run("game", "rtp", "roulette-european").stdout
    assert run("game", "rtp", "roulette-of-mars").exit_code == exits.NOT_FOUND


def test_a_simulation_confirms_the_exact_figure() -> None:
    """F8: mean, interval, z; the same seed gives the same result on any number of threads, and a bound on z can fail it."""
    one = value_of("game", "simulate", "dice-10000", "--rounds", 300_000, "--threads", 1)
    assert one == value_of("game", "simulate", "dice-10000", "--rounds", 300_000, "--threads", 2)
    assert isinstance(one["z_score"], float)
    assert abs(one["z_score"]) < 4
    assert "99 % interval" in run("game", "simulate", "blackjack-classic", "--rounds", 70_000).stdout
    assert run("game", "simulate", "dice-10000", "--rounds", 300_000, "--z-max", "0").exit_code == exits.FAILED


def test_par_sheets_are_written_and_checked(tmp_path: Path) -> None:
    """A sheet is written beside its model, fresh until the model changes."""
    path = tmp_path / "my-dice.toml"
    run("game", "new", "dice", path)
    assert run("game", "par", path, "--check").exit_code == exits.FAILED
    assert run("game", "par", path).exit_code == 0
    assert run("game", "par", path, "--check").exit_code == 0
    path.write_text(path.read_text().replace("version = 1", "version = 2"))
    assert run("game", "par", path, "--check").exit_code == exits.FAILED


def test_shipped_par_sheets_are_fresh() -> None:
    """Every model has the PAR sheet of its very bytes."""
    assert value_of("game", "par", "--check")["ok"] is True
