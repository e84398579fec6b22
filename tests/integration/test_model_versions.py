"""A published model never changes: what happens to sessions and rounds when a new version of a game is installed."""

from __future__ import annotations

from pathlib import Path

from msgspec import structs

from croupier.config import MODELS
from croupier.engine import Catalog
from croupier.errors import InvariantBroken
from croupier.model import WalletKey
from croupier.operations.play_round import PlayRound
from croupier.runners.embedded import Call
from croupier.stores.store import drive
from tests.integration import worlds

WALLET = WalletKey("acme", "ada", "EUR")
OLD = (MODELS / "dice-10000.toml").read_text()
NEW = OLD.replace("version = 1", "version = 2").replace("return_ppm = 990_000", "return_ppm = 985_000")


def install(world: worlds.World, folder: Path, *texts: str) -> None:
    """The node is started with these model files."""
    folder.mkdir()
    for number, text in enumerate(texts):
        (folder / f"model-{number}.toml").write_text(text)
    world.runner.house = structs.replace(world.runner.house, catalog=Catalog.load(folder))


def test_an_open_session_keeps_its_rules(tmp_path: Path) -> None:
    """F6, F8: a new version is a new record with its own hash; it is for new sessions, and what was begun goes on under the rules it began with."""
    world = worlds.World(tmp_path / "data")
    install(world, tmp_path / "before", OLD)
    world.deposit(WALLET, 100_000_000)
    session = world.open(WALLET, "dice-10000")
    before = world.play(WALLET, session, worlds.DICE).round
    install(world, tmp_path / "after", OLD, NEW)
    later = world.play(WALLET, session, worlds.DICE).round
    other = world.play(WALLET, world.open(WALLET, "dice-10000"), worlds.DICE).round
    assert before.model == later.model != other.model
    world.close()


def test_a_session_without_its_model_is_not_played_by_another(tmp_path: Path) -> None:
    """F6: where the file of a session's model is missing the round is refused and nothing is staked, rather than played by other rules."""
    world = worlds.World(tmp_path / "data")
    install(world, tmp_path / "before", OLD)
    world.deposit(WALLET, 100_000_000)
    session = world.open(WALLET, "dice-10000")
    install(world, tmp_path / "after", NEW)
    entries = world.runner.counts.entries
    (result,) = drive(world.runner.process([Call(PlayRound(WALLET, session, world.id(), worlds.DICE))]))
    assert isinstance(result, InvariantBroken)
    assert world.runner.counts.entries == entries
    world.close()
