"""The session that is being played, as an object of the blocking client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from . import calls
from .answers import PlayAnswer
from .names import wallet_of
from .pb import games_pb2 as games
from .pb import round_service_pb2 as rounds
from .pb import session_service_pb2 as sessions
from .verify import VerifyReport, verify_round

if TYPE_CHECKING:
    from .client import Client


class SessionHandle:
    """One session: plays its rounds and keeps what the server last said of it.

    Attributes:
        state: the session as of the last call that returned it; `refresh_state` reads it anew.
        token: for the player's own client, `Client(addresses, token)`; empty if the handle was made from a name.
        token_expire_time: in UTC, or None.
    """

    def __init__(self, client: Client, state: sessions.Session, token: str, token_expire_time: datetime | None) -> None:
        self._client = client
        self.state = state
        self.token = token
        self.token_expire_time = token_expire_time

    @property
    def name(self) -> str:
        """`operators/…/sessions/{session}`."""
        return self.state.name

    @property
    def wallet(self) -> str:
        """Name of the wallet that it plays from."""
        return wallet_of(self.state.name)

    def play(self, bet: games.Bet, round_id: str | None = None) -> rounds.Round:
        """Plays a round."""
        return self._client.play(self.name, bet, round_id)

    def act(self, round_: rounds.Round, action: games.Action) -> rounds.Round:
        """Takes the step after the one that `round_` shows."""
        return self._client.act(round_.name, round_.step + 1, action)

    def play_batch(self, bets: Iterable[games.Bet]) -> list[PlayAnswer]:
        """Plays up to 1,000 rounds in one call."""
        return self._client.play_batch([calls.play_request(self.name, bet, None) for bet in bets])

    def play_stream(self, bets: Iterable[games.Bet], window: int = 64) -> Iterator[PlayAnswer]:
        """Plays rounds without waiting for answers between, up to `window` ahead."""
        return self._client.play_stream((calls.play_request(self.name, bet, None) for bet in bets), window)

    def open_round(self) -> rounds.Round | None:
        """The round that waits for an action."""
        return self._client.open_round(self.name)

    def rounds(self) -> Iterator[rounds.Round]:
        """The session's rounds, newest first."""
        return self._client.rounds(self.name)

    def seeds(self) -> Iterator[sessions.Seed]:
        """The session's seeds, newest first."""
        return self._client.seeds(self.name)

    def set_client_seed(self, client_seed: str) -> None:
        """Sets the client seed of the rounds to come."""
        self.state = self._client.set_client_seed(self.name, client_seed)

    def rotate_seed(self, client_seed: str = "") -> sessions.Seed:
        """Reveals the seed in force, and puts the next in its place."""
        self.refresh_state()
        rotated = self._client.rotate_seed(self.name, self.state.seed.number, client_seed)
        self.state = rotated.session
        return rotated.revealed

    def verify(self, round_: rounds.Round) -> VerifyReport:
        """Recomputes a round in pure Python from its revealed seed and its model, and compares.

        Raises:
            LookupError: if the session has no seed of that number.
        """
        seed = next((seed for seed in self.seeds() if seed.number == round_.seed_number), None)
        if seed is None:
            raise LookupError(f"session {self.name} has no seed {round_.seed_number}")
        return verify_round(self._client.get_model(round_.model).definition, round_, seed, step_micros=self.state.step_micros)

    def refresh_state(self) -> sessions.Session:
        """Reads the session anew."""
        self.state = self._client.get_session(self.name)
        return self.state

    def refresh_token(self) -> str:
        """A new token for the player; the old one lives on until its own expiry."""
        fresh = self._client.refresh_session(self.name)
        self.token, self.token_expire_time = fresh.token, fresh.token_expire_time.ToDatetime()
        return self.token

    def close(self) -> sessions.Seed:
        """Closes the session and reveals its seed."""
        closed = self._client.close_session(self.name)
        self.state = closed.session
        return closed.revealed
