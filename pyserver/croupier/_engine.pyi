"""The native engine. Bets, actions, outcomes and pay tables are encoded croupier.v1 messages, so nothing here knows a game family."""

from collections.abc import Callable
from typing import Never, final

class EngineError(Exception):
    """The engine refused or stopped; `message` says why. Base of all errors here."""

    message: str

class ModelError(EngineError):
    """A model file is malformed; `line` counts from 1, 0 if no line is to blame."""

    line: int

class BetError(EngineError):
    """The model does not offer this bet; `field` is the path inside it."""

    field: str

class ActionError(EngineError):
    """The round does not allow this action now."""

class StateError(EngineError):
    """A stored round cannot be resumed by this engine."""

class AmountError(EngineError):
    """An amount left the range of checked integer money."""

class RngUnhealthyError(EngineError):
    """A random source failed a health test; nothing drawn may be used."""

class NotExactError(EngineError):
    """The model has no exact figure of the kind that was asked for."""

@final
class Model:
    """One version of a game's maths and rules, read from a TOML file. Immutable, safe to share between threads."""

    def __new__(cls, *args: Never) -> Never: ...
    @staticmethod
    def parse(text: str) -> Model:
        """Reads a model file's text; raises ModelError with the line, what is wrong and what would be right."""
    @property
    def name(self) -> str:
        """The game's id."""
    @property
    def title(self) -> str:
        """The name for people."""
    @property
    def version(self) -> int:
        """Version of this game's maths, from 1."""
    @property
    def family(self) -> str:
        """The family: "slots", "roulette", "dice" or "blackjack"."""
    @property
    def hash(self) -> bytes:
        """SHA-256 of the file, 32 bytes."""
    def play(
        self, server_seed: bytes, client_seed: str, number: int, bet: bytes, step_micros: int, /
    ) -> tuple[int, int | None, bytes, bytes]:
        """Starts round `number` (from 1).

        Returns (stake_micros, payout_micros or None while open, encoded croupier.v1.Outcome, state for `act`).
        """
    def act(
        self, server_seed: bytes, client_seed: str, number: int, bet: bytes, step_micros: int, state: bytes, action: bytes, /
    ) -> tuple[int, int | None, bytes, bytes]:
        """Takes the next step of an open round; returns what `play` returns."""
    def pay_table(self) -> bytes:
        """What the model pays, as an encoded croupier.v1.PayTable."""
    def analyse(self, threads: int, /) -> str:
        """The exact figures of every kind of bet, as JSON: the PAR sheet. Raises NotExactError where there are none."""
    def simulate(
        self, rounds: int, seed: int, threads: int, progress: Callable[[int], object] | None = None, bet: bytes | None = None, /
    ) -> str:
        """Plays `bet` (under a step of 10,000 micros; None: the reference bet) `rounds` times; return, variance and z-score as JSON.

        The same seed gives the same result on every number of threads. `progress` is called with the rounds done so far, from any thread;
        what it raises stops the run.
        """

def bench_draws(n: int, /) -> float:
    """Seconds for `n` unbiased draws below 43, on one thread."""

def bench_spins(model: Model, rounds: int, threads: int, /) -> tuple[float, int]:
    """(seconds, spins) for `rounds` whole rounds of a slots model; spins count the free ones too."""

def bench_scan(model: Model, threads: int, /) -> tuple[float, int]:
    """(seconds, combinations) for one full enumeration of every mode of a slots model."""

def entropy(n: int, /) -> bytes:
    """`n` bytes of the operating system's entropy, at most 16 MiB; raises RngUnhealthyError if a health test fails, now or before."""

def raw(n: int, /) -> bytes:
    """`n` bytes of raw generator output for test batteries, before any scaling, at most 16 MiB."""

def self_test() -> None:
    """Checks the generator against published known answers; raises RngUnhealthyError if one does not hold."""
