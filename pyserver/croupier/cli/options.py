"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from msgspec import Struct, structs

from croupier import config
from croupier.cli.exits import UNUSABLE, Failure
from croupier.config import Config
from croupier.engine import Catalog
from croupier.model import WalletKey

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
models_option = click.option(
    "--models-dir",
    type=click.Path(path_type=Path),
    default=config.MODELS,
    show_default="those of the package",
    help="Folder of *.toml models.",
)
config_option = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="Settings of a server, TOML; see docs/operations.md."
)


class Place(Struct, frozen=True):
    """Where a command finds its database, keys and models."""

    database: Path
    keys: Path
    models_dir: Path
    keys_named: bool = False
    """The key file was named, so it must be there."""
    settings: Config = Config()
    """All that the file of settings says."""

    def at(self, path: Path) -> Place:
        """The same for another database: a file, or a data folder; its key file lies beside it unless one was named."""
        database = path / "croupier.db" if path.is_dir() else path
        return structs.replace(self, database=database, keys=self.keys if self.keys_named else database.with_name("croupier.keys"))


def place_options(command: F) -> F:
    """Adds --config, --data-dir, --database, --key-file and --models-dir; the command gets `place`."""

    @config_option
    @click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the database and the key file.  [default: data]")
    @click.option("--database", type=click.Path(path_type=Path), help="Database file, or a data folder.  [default: DATA_DIR/croupier.db]")
    @click.option(
        "--key-file", type=click.Path(path_type=Path), help="Keys that seal the seeds.  [default: croupier.keys beside the database]"
    )
    @click.option("--models-dir", type=click.Path(path_type=Path), help="Folder of *.toml models.  [default: those of the package]")
    @functools.wraps(command)
    def with_place(
        config_file: Path | None, data_dir: Path | None, database: Path | None, key_file: Path | None, models_dir: Path | None, **rest: Any
    ) -> Any:
        return command(place=_place(load_config(config_file), data_dir, database, key_file, models_dir), **rest)

    return with_place  # type: ignore[return-value]


def load_config(path: Path | None) -> Config:
    """The settings in a file, or the defaults."""
    if path is None:
        return Config()
    try:
        return config.load(path)
    except ValueError as error:
        raise Failure(str(error), UNUSABLE) from error


def load_catalog(models_dir: Path) -> Catalog:
    """Every model in a folder."""
    try:
        return Catalog.load(models_dir)
    except ValueError as error:
        raise Failure(str(error), UNUSABLE) from error


def _place(settings: Config, data_dir: Path | None, database: Path | None, key_file: Path | None, models_dir: Path | None) -> Place:
    if database is not None and database.is_dir():
        data_dir, database = database, None
    if data_dir is not None:
        settings = structs.replace(settings, data_dir=data_dir)
    file = database or settings.database
    keys = key_file or settings.key_file or (database.with_name("croupier.keys") if database else settings.keys)
    return Place(file, keys, models_dir or settings.models_dir, keys_named=key_file is not None, settings=settings)


def parse_wallet(name: str) -> WalletKey:
    """The wallet that --wallet names. Raises click.UsageError."""
    parts = name.split("/")
    if parts[::2] != ["operators", "players", "wallets"] or len(parts) != 6:
        raise click.UsageError(f"--wallet is operators/{{operator}}/players/{{player}}/wallets/{{currency}}, not {name!r}")
    return WalletKey(*parts[1::2])
