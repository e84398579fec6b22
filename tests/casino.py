"""A small casino to test in: one house, a clock that is set by hand, ids, bets and actions, and a desk that runs commands one after another."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from msgspec import structs

from croupier.config import MODELS
from croupier.engine import Catalog
from croupier.errors import Refusal
from croupier.limits import Limits
from croupier.model import Entry, TransferKind, Wallet, WalletKey
from croupier.operations import ledger
from croupier.operations.change_session import CloseSession, RevealView, RotateSeed, SetClientSeed
from croupier.operations.command import Command, wallet_key
from croupier.operations.house import House
from croupier.operations.open_session import OpenSession, SessionView
from croupier.operations.play_round import PlayRound, RoundView
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.pb import blackjack_pb2, dice_pb2, games_pb2
from croupier.runners.embedded import Call, EmbeddedRunner
from croupier.stores.memory import MemoryStore
from croupier.stores.store import EntryQuery, Store, drive
from croupier.vault import Vault

CATALOG = Catalog.load(MODELS)
VAULT = Vault({1: bytes(range(32))})
NOW_MS = 1_800_000_000_000
EUR = 1_000_000
WALLET = WalletKey("acme", "ann", "EUR")
DICE, BLACKJACK = "dice-10000", "blackjack-classic"
ALL_ENTRIES = 100_000

V = TypeVar("V")


def house_of(**limits: int) -> House:
    """A house with all shipped models, and other limits than the usual ones where given."""
    return House(CATALOG, VAULT, structs.replace(Limits(), **limits))


def uuid7(time_ms: int, chance: random.Random) -> bytes:
    """A UUIDv7 (RFC 9562) from a given time and chance."""
    tail = bytearray(chance.randbytes(10))
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return time_ms.to_bytes(6, "big") + bytes(tail)


def dice_bet(stake_micros: int = EUR, target: int = 5_000) -> bytes:
    """A dice bet under `target`."""
    return games_pb2.Bet(dice=dice_pb2.DiceBet(stake_micros=stake_micros, side=dice_pb2.DICE_SIDE_UNDER, target=target)).SerializeToString()


def blackjack_bet(stake_micros: int = EUR) -> bytes:
    """A blackjack bet."""
    return games_pb2.Bet(blackjack=blackjack_pb2.BlackjackBet(stake_micros=stake_micros)).SerializeToString()


def blackjack_action(kind: int) -> bytes:
    """A blackjack action, by its number in BlackjackActionKind."""
    action = blackjack_pb2.BlackjackAction(kind=blackjack_pb2.BlackjackActionKind.Name(kind))
    return games_pb2.Action(blackjack=action).SerializeToString()


def legal_actions(view: RoundView) -> list[int]:
    """The blackjack actions that a round allows after its step."""
    return list(games_pb2.Outcome.FromString(view.round.steps[view.step].outcome).blackjack.legal)


def stored_answer(view: RoundView) -> RoundView:
    """What a round's answer holds: the round as it stood after the view's step. Two answers to one call must be equal in it."""
    steps = view.round.steps[: view.step + 1]
    settled = view.round.settled and len(steps) == len(view.round.steps)
    return RoundView(view.wallet, structs.replace(view.round, steps=steps, settled=settled, engine_state=b""), view.step)


def chain_fault(key: WalletKey, create_time_ms: int, entries: Sequence[Entry]) -> str:
    """Says what is wrong with a wallet's whole ledger, oldest entry first; empty if nothing is."""
    hash_, balance = ledger.new_wallet(key, create_time_ms).chain_hash, 0
    for revision, entry in enumerate(entries, start=1):
        balance += entry.payout_micros + entry.transfer_micros - entry.stake_micros
        hash_ = ledger.chain(hash_, entry)
        if entry.revision != revision:
            return f"entry {revision} has revision {entry.revision}"
        if entry.balance_micros != balance:
            return f"entry {revision} has balance {entry.balance_micros}, the sum is {balance}"
        if entry.chain_hash != hash_:
            return f"entry {revision} breaks the chain"
    return ""


class Desk:
    """Runs commands over a store, one at a time, as services do; refusals are raised."""

    def __init__(self, store: Store | None = None, *, seed: int = 0, cache_bytes: int = 1 << 20, **limits: int) -> None:
        self.chance = random.Random(seed)
        self._entropy = random.Random(f"{seed}/entropy")
        self.store = store or MemoryStore()
        self.now_ms = NOW_MS
        self.runner = EmbeddedRunner(self.store, house_of(**limits), lambda: self.now_ms, self._entropy.randbytes, cache_bytes=cache_bytes)

    def id(self) -> bytes:
        """A new id, made now."""
        return uuid7(self.now_ms, self.chance)

    def results(self, *commands: Command) -> list[object]:
        """Answers and refusals of commands that are queued together."""
        return drive(self.runner.process([Call(command) for command in commands]))

    def run(self, command: Command, type_: type[V]) -> V:
        """The answer to one command; raises its refusal."""
        (result,) = self.results(command)
        if isinstance(result, Refusal):
            raise result
        assert isinstance(result, type_)
        return result

    def deposit(self, amount_micros: int = 100 * EUR, wallet: WalletKey = WALLET, id_: bytes = b"") -> TransferView:
        """Puts money into a wallet."""
        return self.run(MakeTransfer(wallet, id_ or self.id(), TransferKind.DEPOSIT, amount_micros, ""), TransferView)

    def open(self, game: str = DICE, wallet: WalletKey = WALLET, client_seed: str = "luck") -> bytes:
        """Opens a session; its id."""
        return self.run(OpenSession(wallet, self.id(), game, client_seed), SessionView).session.id

    def play(self, session: bytes, bet: bytes | None = None, id_: bytes = b"", wallet: WalletKey = WALLET) -> RoundView:
        """Plays one round of a session; dice for 1 EUR unless told otherwise."""
        return self.run(PlayRound(wallet, session, id_ or self.id(), bet or dice_bet()), RoundView)

    def rotate(self, session: bytes, number: int, client_seed: str = "") -> RevealView:
        """Rotates a session's seed."""
        return self.run(RotateSeed(WALLET, session, number, client_seed), RevealView)

    def set_client_seed(self, session: bytes, client_seed: str) -> SessionView:
        """Sets a session's client seed."""
        return self.run(SetClientSeed(WALLET, session, client_seed), SessionView)

    def close(self, session: bytes) -> RevealView:
        """Closes a session."""
        return self.run(CloseSession(WALLET, session), RevealView)

    def head(self, wallet: WalletKey = WALLET) -> Wallet:
        """A wallet as stored."""
        key = wallet_key(wallet)
        found = drive(self.store.load([key]))[key]
        assert isinstance(found, Wallet)
        return found

    def entries(self, wallet: WalletKey = WALLET) -> list[Entry]:
        """A wallet's whole ledger as stored, oldest entry first."""
        return drive(self.store.entries(EntryQuery(wallet, ALL_ENTRIES, oldest_first=True)))

    def open_hand(self, session: bytes) -> RoundView:
        """Plays blackjack rounds until one is left open."""
        while True:
            view = self.play(session, blackjack_bet())
            if not view.round.settled:
                return view
