"""The game engine as the rest of the server sees it: models, plays and steps, OS entropy."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from croupier import _engine
from croupier.errors import ActionInvalid, BetInvalid, InvariantBroken, Refusal, RngUnhealthy

raw = _engine.raw
"""`raw(n)` gives n bytes of the generator before any scaling, for test batteries."""

BINARY = Path(_engine.__file__)
"""The native module's file: what a version is told by."""

self_test = _engine.self_test
"""Runs the known-answer tests; raises EngineError."""

EngineError = _engine.EngineError
ModelError = _engine.ModelError
NotExactError = _engine.NotExactError


def entropy(n: int) -> bytes:
    """N bytes of the operating system's randomness through the continuous health test. Fails closed: raises RngUnhealthy."""
    try:
        return _engine.entropy(n)
    except _engine.RngUnhealthyError as error:
        raise RngUnhealthy(str(error)) from error


class Played(Struct, frozen=True):
    """What a play or a step came to."""

    stake_micros: int
    """All that was staked in the round so far."""
    payout_micros: int
    """0 while the round is open."""
    settled: bool
    outcome: bytes
    """A croupier.v1.Outcome, encoded."""
    state: bytes
    """What the next step resumes from; empty once settled."""


class GameModel:
    """One model, ready to be played."""

    def __init__(self, definition: str, par_sheet: str = "") -> None:
        """Reads a model file's text; raises ModelError with its line. `par_sheet` is the JSON of its figures, if they were computed."""
        self._model = _engine.Model.parse(definition)
        self.definition = definition
        self.name: str = self._model.name
        self.title: str = self._model.title
        self.version: int = self._model.version
        self.family: str = self._model.family
        self.hash: bytes = self._model.hash
        self.par_sheet = par_sheet

    @property
    def native(self) -> _engine.Model:
        """The engine's own object, for analysis and simulation."""
        return self._model

    def pay_table(self) -> bytes:
        """A croupier.v1.PayTable, encoded."""
        return self._model.pay_table()

    def play(self, server_seed: bytes, client_seed: str, number: int, bet: bytes, step_micros: int) -> Played | Refusal:
        """Plays round `number` from its seed. The same arguments give the same bytes."""
        try:
            stake, payout, outcome, state = self._model.play(server_seed, client_seed, number, bet, step_micros)
        except EngineError as error:
            return _refusal(error)
        return _played(stake, payout, outcome, state)

    def act(
        self, server_seed: bytes, client_seed: str, number: int, bet: bytes, step_micros: int, state: bytes, action: bytes
    ) -> Played | Refusal:
        """Takes the next step of an open round, from the state that the step before gave."""
        try:
            stake, payout, outcome, state = self._model.act(server_seed, client_seed, number, bet, step_micros, state, action)
        except EngineError as error:
            return _refusal(error)
        return _played(stake, payout, outcome, state)


class Catalog:
    """All models that this node can play."""

    def __init__(self, models: list[GameModel]) -> None:
        self.by_hash = {model.hash: model for model in models}
        self.current: dict[str, GameModel] = {}
        """The newest version of each game, by name, in order of names."""
        for model in sorted(models, key=lambda model: (model.name, model.version)):
            self.current[model.name] = model

    @classmethod
    def load(cls, folder: Path) -> Catalog:
        """Reads every *.toml in `folder`, with the *.par.json beside it. Raises ValueError naming the file and line."""
        models: list[GameModel] = []
        for path in sorted(folder.glob("*.toml")):
            try:
                sheet = path.with_suffix(".par.json")
                models.append(GameModel(path.read_text(), sheet.read_text() if sheet.exists() else ""))
            except ModelError as error:
                raise ValueError(f"{path}: {error}") from error
        return cls(models)


def _played(stake: int, payout: int | None, outcome: bytes, state: bytes) -> Played:
    if payout is None:
        return Played(stake, 0, False, outcome, state)
    return Played(stake, payout, True, outcome, b"")


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, _engine.BetError):
        return BetInvalid(str(error), field=error.field)
    if isinstance(error, _engine.ActionError):
        return ActionInvalid(str(error), field="action")
    if isinstance(error, _engine.RngUnhealthyError):
        return RngUnhealthy(str(error))
    if isinstance(error, _engine.AmountError):
        return BetInvalid(str(error), field="bet")
    return InvariantBroken(str(error))
