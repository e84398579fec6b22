"""`croupier game`: models, their figures and PAR sheets."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from croupier import config
from croupier.cli import models
from croupier.cli.exits import FAILED, REFUSED, Failure
from croupier.cli.game_text import bets_table, problems_of, simulation_text
from croupier.cli.options import json_option, models_option
from croupier.cli.output import Progress, emit, table
from croupier.engine import GameModel

_TEMPLATES = {"slots": "sizzling-hot", "roulette": "roulette-european", "dice": "dice-10000", "blackjack": "blackjack-classic"}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")


@click.group()
def game() -> None:
    """Games and their models: check, exact figures, simulation, PAR sheets."""


@game.command("list")
@models_option
@json_option
def list_(models_dir: Path, *, as_json: bool) -> None:
    """List the models in a folder."""
    found = models.load_all(models_dir)
    value = [
        {"name": m.name, "title": m.title, "version": m.version, "family": m.family, "sha256": m.hash.hex(), "file": str(path)}
        for path, m in found
    ]
    rows = [
        ("GAME", "TITLE", "VERSION", "FAMILY", "SHA-256"),
        *((m.name, m.title, str(m.version), m.family, m.hash.hex()[:16]) for _, m in found),
    ]
    emit({"games": value}, table(rows), as_json=as_json)


@game.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--floor", type=click.FloatRange(0, 1), default=0.75, show_default=True, help="The least return that any bet may have (F1).")
@models.threads_option
@json_option
def check(paths: tuple[Path, ...], floor: float, threads: int, *, as_json: bool) -> None:
    """Check model files, or every model in a folder: format, rules, least return, top award. Each error names file and line."""
    files = [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    results = [_checked(file, floor, threads) for file in files]
    results += _doubles(results)
    bad = [result for result in results if not result["ok"]]
    for result in bad:
        for problem in result["problems"]:
            click.echo(problem, err=True)
    good = [f"{r['file']}: ok, {r['model']} {r['version']}, {r['family']}{_notes(r)}" for r in results if r["ok"]]
    emit({"ok": not bad, "models": results}, "\n".join(good), as_json=as_json)
    if bad:
        sys.exit(FAILED)


@game.command()
@click.argument("target", metavar="PATH|GAME")
@models_option
@models.threads_option
@json_option
def rtp(target: str, models_dir: Path, threads: int, *, as_json: bool) -> None:
    """Compute the exact return, variance and hit rate of a model: a file, or a game's name.

    A family without exact figures (blackjack) is simulated, and named so: its `method` is "simulation" and its return has no exact fraction.
    """
    model = models.load(models.find(target, models_dir))
    found = _figures(model, threads)
    emit(found, bets_table(found), as_json=as_json)


@game.command()
@click.argument("target", metavar="PATH|GAME")
@click.option("--rounds", type=click.IntRange(min=1), default=10_000_000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed gives the same result.")
@click.option("--z-max", type=float, default=4.0, show_default=True, help="Fail (exit code 1) if |z| is larger.")
@models_option
@models.threads_option
@json_option
def simulate(target: str, rounds: int, seed: int, z_max: float, models_dir: Path, threads: int, *, as_json: bool) -> None:
    """Play a model's reference bet many times: mean with its 99 % interval, and how far it is from the exact return in standard errors (z)."""
    model = models.load(models.find(target, models_dir))
    with Progress("rounds", rounds) as progress:
        found = models.simulation(model, rounds, seed, threads, progress.reach)
    emit(found, simulation_text(found), as_json=as_json)
    if abs(found.get("z_score", 0.0)) > z_max:
        raise Failure(f"z = {found['z_score']:.2f}: the simulation does not confirm the exact return", FAILED)


@game.command()
@click.argument("targets", metavar="[PATH|GAME]...", nargs=-1)
@click.option("--check", "checks", is_flag=True, help="Write nothing; exit code 1 if a sheet is missing or not of its model's bytes.")
@models_option
@models.threads_option
@json_option
def par(targets: tuple[str, ...], models_dir: Path, threads: int, *, checks: bool, as_json: bool) -> None:
    """Write the PAR sheet of each model beside it as *.par.json; without arguments of all models in the folder.

    --check compares exact sheets whole, and simulated ones by the model's hash.
    """
    files = [models.find(target, models_dir) for target in targets] or [path for path, _ in models.load_all(models_dir)]
    results = [_checked_sheet(file, threads) if checks else _written_sheet(file, threads) for file in files]
    stale = [result for result in results if result["state"] in ("missing", "stale")]
    emit({"ok": not stale, "sheets": results}, "\n".join(f"{result['sheet']}: {result['state']}" for result in results), as_json=as_json)
    if stale:
        sys.exit(FAILED)


@game.command()
@click.argument("family", type=click.Choice(list(_TEMPLATES)))
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", help="The game's id: lower case, digits, hyphens.  [default: the file's name]")
@click.option("--title", help="Name for people.  [default: from the id]")
@json_option
def new(family: str, path: Path, name: str | None, title: str | None, *, as_json: bool) -> None:
    """Start a model of FAMILY at PATH from a shipped one; docs/models.md describes every key."""
    name = name or path.stem
    if not _NAME.match(name):
        raise click.UsageError(f"a game's name is 1 to 64 lower-case letters, digits or hyphens, not {name!r}")
    title = title or name.replace("-", " ").capitalize()
    if '"' in title or "\\" in title or not title.isprintable():
        raise click.UsageError("a title holds printable characters without quotes and backslashes")
    template = _TEMPLATES[family]
    text = (config.MODELS / f"{template}.toml").read_text()
    body = text[text.index("\n[") :]
    head = f'# Started from {template}; docs/models.md describes every key.\nname = "{name}"\ntitle = "{title}"\nversion = 1\nfamily = "{family}"\n'
    GameModel(head + body)
    try:
        with path.open("x") as file:
            file.write(head + body)
    except FileExistsError:
        raise Failure(f"{path} exists already; name another file", REFUSED) from None
    emit(
        {"file": str(path), "name": name, "family": family, "template": template},
        f"{path}: a {family} model, from {template}",
        as_json=as_json,
    )


def _figures(model: GameModel, threads: int) -> dict[str, Any]:
    with Progress("rounds", models.SIMULATED_ROUNDS) as progress:
        return models.figures(model, threads, progress.reach)


def _checked(path: Path, floor: float, threads: int) -> dict[str, Any]:
    """One file's result: ok, problems (file:line: what), notes."""
    try:
        model = models.load(path)
        problems, notes = problems_of(str(path), model, floor, threads)
    except Failure as failure:
        return {"file": str(path), "ok": False, "problems": [failure.message], "notes": []}
    return {
        "file": str(path),
        "ok": not problems,
        "model": model.name,
        "version": model.version,
        "family": model.family,
        "sha256": model.hash.hex(),
        "problems": problems,
        "notes": notes,
    }


def _doubles(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Files that claim a game and version that another file has."""
    first: dict[tuple[str, int], str] = {}
    doubles: list[dict[str, Any]] = []
    for result in results:
        if "model" in result:
            key = (result["model"], result["version"])
            other = first.setdefault(key, result["file"])
            if other != result["file"]:
                problem = f"{result['file']}: {other} is {key[0]} version {key[1]} too; a change of a model is a new version"
                doubles.append({"file": result["file"], "ok": False, "problems": [problem], "notes": []})
    return doubles


def _notes(result: dict[str, Any]) -> str:
    return "".join(f"\n  {note}" for note in result["notes"])


def _written_sheet(file: Path, threads: int) -> dict[str, Any]:
    sheet = models.sheet_path(file)
    text = models.sheet_text(_figures(models.load(file), threads))
    if sheet.exists() and sheet.read_text() == text:
        return {"sheet": str(sheet), "state": "unchanged"}
    sheet.write_text(text)
    return {"sheet": str(sheet), "state": "written"}


def _checked_sheet(file: Path, threads: int) -> dict[str, Any]:
    sheet, model = models.sheet_path(file), models.load(file)
    if not sheet.exists():
        return {"sheet": str(sheet), "state": "missing"}
    return {"sheet": str(sheet), "state": "fresh" if models.is_fresh(model, sheet.read_text(), threads) else "stale"}
