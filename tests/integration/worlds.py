"""Makes data folders that hold a played history, through the real operations, runner and store."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

from croupier import config, keyfile
from croupier.engine import Catalog
from croupier.limits import Limits
from croupier.model import TransferKind, WalletKey
from croupier.operations.act import Act
from croupier.operations.change_session import CloseSession, RotateSeed, SetClientSeed
from croupier.operations.command import Command
from croupier.operations.house import House
from croupier.operations.open_session import OpenSession
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer
from croupier.pb import blackjack_pb2, dice_pb2, games_pb2, roulette_pb2
from croupier.runners.embedded import Call, EmbeddedRunner
from croupier.stores.sqlite import SqliteStore
from croupier.stores.store import drive
from croupier.vault import Vault

START_MS = 1_700_000_000_000
DICE = games_pb2.Bet(dice=dice_pb2.DiceBet(stake_micros=1_000_000, side=dice_pb2.DICE_SIDE_UNDER, target=4_950)).SerializeToString()
STAND, DECLINE = (
    games_pb2.Action(blackjack=blackjack_pb2.BlackjackAction(kind=kind)).SerializeToString()
    for kind in (blackjack_pb2.BLACKJACK_ACTION_KIND_STAND, blackjack_pb2.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE)
)
BLACKJACK = games_pb2.Bet(blackjack=blackjack_pb2.BlackjackBet(stake_micros=1_000_000)).SerializeToString()
RED = games_pb2.Bet(
    roulette=roulette_pb2.RouletteBet(
        wagers=[roulette_pb2.RouletteWager(kind=roulette_pb2.ROULETTE_WAGER_KIND_RED, stake_micros=1_000_000)]
    )
).SerializeToString()


class World:
    """A data folder, played on by one runner at a clock that moves a second a call."""

    def __init__(self, data_dir: Path, limits: Limits | None = None) -> None:
        self.config = config.Config(data_dir=data_dir)
        self.database = self.config.database
        data_dir.mkdir(parents=True, exist_ok=True)
        is_new = not self.config.keys.exists()
        self.vault: Vault = keyfile.create(self.config.keys, bytes(range(32))) if is_new else keyfile.load(self.config.keys)
        self.store = SqliteStore(self.database)
        drive(keyfile.check(self.store, self.vault, self.config.keys))
        self.catalog = Catalog.load(config.MODELS)
        self._ticks = itertools.count(1)
        self._drawn = itertools.count(1)
        self.now_ms = START_MS
        house = House(self.catalog, self.vault, limits or Limits(epoch_max_entries=7, seed_max_rounds=4))
        self.runner = EmbeddedRunner(self.store, house, lambda: self.now_ms, self._entropy)

    def id(self) -> bytes:
        """A new UUIDv7."""
        tail = next(self._ticks).to_bytes(10, "big")
        return self.now_ms.to_bytes(6, "big") + b"\x70" + tail[1:2] + b"\x80" + tail[3:]

    def _entropy(self, count: int) -> bytes:
        """The same in every run, so that every world of one history is the same."""
        return hashlib.shake_256(next(self._drawn).to_bytes(8, "big")).digest(count)

    def call(self, command: Command) -> object:
        """The answer of a call; a refusal is raised."""
        self.now_ms += 1_000
        (result,) = drive(self.runner.process([Call(command)]))
        if isinstance(result, Exception):
            raise result
        return result

    def deposit(self, wallet: WalletKey, micros: int, reference: str = "card") -> None:
        self.call(MakeTransfer(wallet, self.id(), TransferKind.DEPOSIT, micros, reference))

    def withdraw(self, wallet: WalletKey, micros: int) -> None:
        self.call(MakeTransfer(wallet, self.id(), TransferKind.WITHDRAWAL, micros, "bank"))

    def open(self, wallet: WalletKey, game: str, client_seed: str = "") -> bytes:
        session = self.id()
        self.call(OpenSession(wallet, session, game, client_seed))
        return session

    def play(self, wallet: WalletKey, session: bytes, bet: bytes) -> RoundView:
        answer = self.call(PlayRound(wallet, session, self.id(), bet))
        assert isinstance(answer, RoundView)
        return answer

    def stand(self, wallet: WalletKey, view: RoundView) -> None:
        """Declines insurance and stands until the round is settled."""
        step = 0
        while not view.round.settled:
            step += 1
            legal = games_pb2.Outcome.FromString(view.round.steps[-1].outcome).blackjack.legal
            can_stand = blackjack_pb2.BLACKJACK_ACTION_KIND_STAND in legal
            answer = self.call(Act(wallet, view.round.id, step, STAND if can_stand else DECLINE))
            assert isinstance(answer, RoundView)
            view = answer

    def close(self) -> None:
        self.store.close()


def played(data_dir: Path, *, players: Sequence[str] = ("ada", "bob"), rounds: int = 9) -> World:
    """A folder with every kind of row: rotated, set, closed and open sessions, transfers, epochs, a round left open, documents. Closed."""
    world = World(data_dir)
    for player in players:
        wallet = WalletKey("acme", player, "EUR")
        world.deposit(wallet, 500_000_000)
        dice = world.open(wallet, "dice-10001", "lucky")
        for _ in range(rounds):
            world.play(wallet, dice, DICE)
        world.call(SetClientSeed(wallet, dice, "luckier"))
        world.play(wallet, dice, DICE)
        number = 1 + rounds // 4
        world.call(RotateSeed(wallet, dice, number, "luckiest"))
        world.play(wallet, dice, DICE)
        world.call(CloseSession(wallet, dice))
        table = world.open(wallet, "blackjack-classic")
        for _ in range(3):
            world.stand(wallet, world.play(wallet, table, BLACKJACK))
        while world.play(wallet, table, BLACKJACK).round.settled:
            pass
        world.play(wallet, world.open(wallet, "roulette-french"), RED)
        world.withdraw(wallet, 10_000_000)
    world.close()
    return world
