"""Models and their figures, as the commands of `croupier game` need them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from croupier.cli.exits import FAILED, NOT_FOUND, UNUSABLE, Failure
from croupier.engine import GameModel, ModelError, NotExactError

SIMULATED_ROUNDS = 1 << 24
"""Rounds behind the figures of a model that has no exact ones."""
SIMULATED_SEED = 1


def threads_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --threads; the figures do not depend on it."""
    return click.option("--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores")(command)


def find(target: str, models_dir: Path) -> Path:
    """The file of a model: a path, or the name of a game in `models_dir` (its newest version)."""
    path = Path(target)
    if path.suffix == ".toml" or path.exists():
        return path
    found = [(model.version, file) for file, model in load_all(models_dir) if model.name == target]
    if not found:
        raise Failure(f"there is no game {target} in {models_dir} and no file of that name; croupier game list names the games", NOT_FOUND)
    return max(found)[1]


def load(path: Path) -> GameModel:
    """Reads a model file; its error names file and line."""
    try:
        return GameModel(path.read_text())
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}", UNUSABLE) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not UTF-8 text", FAILED) from error
    except ModelError as error:
        raise Failure(where(path, error), FAILED) from error


def load_all(folder: Path) -> list[tuple[Path, GameModel]]:
    """Every model in a folder, in order of file names."""
    if not folder.is_dir():
        raise Failure(f"there is no folder {folder}", UNUSABLE)
    return [(path, load(path)) for path in sorted(folder.glob("*.toml"))]


def where(path: Path, error: ModelError) -> str:
    """file:line: what is wrong."""
    line = f":{error.line}" if error.line else ""
    return f"{path}{line}: {error.message}"


def sheet_path(model_file: Path) -> Path:
    """Where a model's PAR sheet lies."""
    return model_file.with_suffix(".par.json")


def sheet_text(figures: dict[str, Any]) -> str:
    """A PAR sheet as it is stored."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=2).decode() + "\n"


def figures(model: GameModel, threads: int, progress: Callable[[int], object] = lambda rounds: None) -> dict[str, Any]:
    """The exact figures; of a model that has none those of a simulation of SIMULATED_ROUNDS, with `method` "simulation" and no exact return."""
    try:
        return msgspec.json.decode(model.native.analyse(threads))
    except NotExactError:
        return simulation(model, SIMULATED_ROUNDS, SIMULATED_SEED, threads, progress)


def simulation(model: GameModel, rounds: int, seed: int, threads: int, progress: Callable[[int], object]) -> dict[str, Any]:
    """What a simulation came to; its mean is not called exact."""
    found = msgspec.json.decode(model.native.simulate(rounds, seed, threads, progress))
    found["return"]["exact"] = None
    return found


def is_fresh(model: GameModel, sheet: str, threads: int) -> bool:
    """Whether a PAR sheet is this model's: an exact one byte for byte, a simulated one by the model's hash, rounds and seed."""
    try:
        return sheet == sheet_text(msgspec.json.decode(model.native.analyse(threads)))
    except NotExactError:
        stored = msgspec.json.decode(sheet)
        plan = (stored.get("sha256"), stored.get("rounds"), stored.get("seed"))
        return plan == (model.hash.hex(), SIMULATED_ROUNDS, SIMULATED_SEED)
