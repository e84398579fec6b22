"""Plays through the Python client at a steady rate while somebody breaks things, and says what players notice: rate, errors, gaps."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from croupier_client import bets
from croupier_client.client import Client
from croupier_client.errors import CroupierError
from croupier_client.ids import new_id
from croupier_client.session import SessionHandle

_GAME = "games/dice-10001"
_BET = bets.dice_over(1_000_000, 5_050)
_DEPOSIT_MICROS = 1_000_000 * 1_000_000
_TICK_S = 1.0
_FINISH_S = 30.0
"""How long a round that was asked for may take to come to an end after the last was begun."""


class CannotPlay(Exception):
    """No player could sit down. The message is the server's reason."""


class Tick(Struct, frozen=True):
    """What was noticed in one second."""

    at_s: float
    rounds: int
    p50_ms: float
    p99_ms: float
    gap_ms: float
    """The longest time in which no round was answered."""
    failed: int


class Summary(Struct, frozen=True):
    """What was noticed in all."""

    seconds: float
    rounds: int
    failed: dict[str, int]
    """Calls that failed after the client's own retries, by reason; each was repeated under its id."""
    unresolved: int
    """Rounds of which it was not learnt whether they took place."""
    p50_ms: float
    p99_ms: float
    gap_ms: float
    drift_micros: int
    """What the wallets hold more or less than the answered rounds explain: 0, unless money was lost or a round settled twice."""


class Load:
    """Some players at one table, each with a wallet of its own."""

    def __init__(self, addresses: list[str], key: str, *, operator: str, players: int, rate: float) -> None:
        """`rate` is rounds a second over all players. Nothing is sent yet."""
        self._players = [_Player(_turned(addresses, number), key, operator, number) for number in range(players)]
        self._interval_s = players / rate
        self._stop = threading.Event()
        self._start = time.monotonic()

    def run(self, seconds: float | None) -> Iterator[Tick]:
        """Plays for that long, or until `finish`; a tick each second. Raises CannotPlay if a session cannot be opened."""
        try:
            for player in self._players:
                player.sit_down()
        except CroupierError as error:
            raise CannotPlay(f"nobody can play: {error}") from error
        self._start = time.monotonic()
        for number, player in enumerate(self._players):
            first_s = self._start + self._interval_s * number / len(self._players)
            player.begin(self._stop, first_s, self._interval_s)
        seen, at_s = 0.0, 0.0
        while seconds is None or at_s < seconds:
            time.sleep(max(0.0, self._start + at_s + _TICK_S - time.monotonic()))
            seen, at_s = at_s, at_s + _TICK_S
            yield self._tick(seen, at_s)

    def finish(self) -> Summary:
        """Stops, waits for what runs, and adds up."""
        self._stop.set()
        for player in self._players:
            player.end(_FINISH_S)
        answers = self._answers(0.0, float("inf"))
        latencies = sorted(latency for _, latency in answers)
        failed: Counter[str] = Counter()
        for player in self._players:
            failed += player.failed
        return Summary(
            seconds=round(time.monotonic() - self._start, 1),
            rounds=len(answers),
            failed=dict(failed),
            unresolved=sum(player.unresolved for player in self._players),
            p50_ms=_quantile_ms(latencies, 0.5),
            p99_ms=_quantile_ms(latencies, 0.99),
            gap_ms=_gap_ms([at for at, _ in answers], 0.0, 0.0),
            drift_micros=sum(player.drift_micros() for player in self._players),
        )

    def _tick(self, from_s: float, to_s: float) -> Tick:
        answers = self._answers(from_s, to_s)
        latencies = sorted(latency for _, latency in answers)
        failed = sum(sum(player.failed.values()) for player in self._players)
        times = [at for at, _ in answers]
        return Tick(to_s, len(answers), _quantile_ms(latencies, 0.5), _quantile_ms(latencies, 0.99), _gap_ms(times, from_s, to_s), failed)

    def _answers(self, from_s: float, to_s: float) -> list[tuple[float, float]]:
        """When each round was answered, in seconds from the start, and how long it took; in order."""
        found = [(at - self._start, latency) for player in self._players for at, latency in list(player.answers)]
        return sorted(answer for answer in found if from_s <= answer[0] < to_s)


class _Player:
    """One player, who plays in a thread of its own and repeats what failed under the same id until it is answered."""

    def __init__(self, addresses: list[str], key: str, operator: str, number: int) -> None:
        self.answers: list[tuple[float, float]] = []
        self.failed: Counter[str] = Counter()
        self.unresolved = 0
        self._client = Client(addresses, key, operator=operator)
        self._wallet = self._client.wallet_name(f"load-{new_id()[-12:]}-{number}", "EUR")
        self._session: SessionHandle | None = None
        self._thread = threading.Thread(daemon=True)
        self._expected_micros = 0

    def sit_down(self) -> None:
        self._expected_micros = self._client.deposit(self._wallet, _DEPOSIT_MICROS, reference="load").balance_micros
        self._session = self._client.open_session(self._wallet, _GAME)

    def begin(self, stop: threading.Event, first_s: float, interval_s: float) -> None:
        self._thread = threading.Thread(target=self._play, args=(stop, first_s, interval_s), daemon=True)
        self._thread.start()

    def end(self, patience_s: float) -> None:
        self._thread.join(patience_s)

    def drift_micros(self) -> int:
        """The wallet's balance against what the answers say; a round of unknown fate can't be held against it."""
        if self.unresolved:
            return 0
        return self._client.get_wallet(self._wallet).balance_micros - self._expected_micros

    def _play(self, stop: threading.Event, due_s: float, interval_s: float) -> None:
        while not stop.wait(max(0.0, due_s - time.monotonic())):
            # Who fell behind does not catch up: it would turn one gap into a burst.
            due_s = max(due_s + interval_s, time.monotonic())
            self._play_round(stop)

    def _play_round(self, stop: threading.Event) -> None:
        assert self._session is not None
        id_, sent_s = new_id(), time.monotonic()
        while True:
            try:
                played = self._session.play(_BET, id_)
            except CroupierError as error:
                self.failed[error.reason or error.code.name] += 1
                if stop.is_set():
                    self.unresolved += 1
                    return
                continue
            now = time.monotonic()
            self.answers.append((now, now - sent_s))
            self._expected_micros += played.payout_micros - played.stake_micros
            return


def _turned(addresses: list[str], number: int) -> list[str]:
    """The addresses, from another one on for each player, so that players spread over the nodes."""
    first = number % len(addresses)
    return addresses[first:] + addresses[:first]


def _quantile_ms(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1_000, 1) if ordered else 0.0


def _gap_ms(times: list[float], from_s: float, to_s: float) -> float:
    """The longest silence between two answers; within a tick its two ends count as answers."""
    marks = [from_s, *times, *([to_s] if to_s else [])]
    return round(max((later - earlier for earlier, later in itertools.pairwise(marks)), default=0.0) * 1_000, 1)
