"""OpenSession: one player sits down at one game; the first seed is drawn and committed to."""

from __future__ import annotations

from msgspec import Struct

from croupier.errors import GameNotFound, IdReused, Refusal, SessionClosed
from croupier.model import Answer, Decision, EntryKind, Key, Session, State, Wallet, WalletKey
from croupier.operations import ledger, seeds
from croupier.operations.command import row, wallet_key
from croupier.operations.house import Entropy, House


class SessionView(Struct, frozen=True):
    """A session with its wallet's balance: the answer of the calls that concern one session."""

    wallet: WalletKey
    session: Session
    balance_micros: int


class OpenSession(Struct, frozen=True):
    """Open session `session_id` at `game`."""

    wallet: WalletKey
    session_id: bytes
    game: str
    client_seed: str
    """Empty for the session's id in hex."""

    def keys(self) -> tuple[Key, ...]:
        """Wallet, and the session that may be there already."""
        return wallet_key(self.wallet), Key(self.wallet, "session", self.session_id)

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal:
        """Refusals in order: id known (replayed or reused), id out of window, currency, no such game, game switch. Opens the wallet if there is none."""
        head_key, session_key = self.keys()
        wallet, known = row(state, head_key, Wallet), row(state, session_key, Session)
        if known is not None:
            return self._replay(known, wallet)
        refusal = house.refuse_id(self.session_id, now_ms, "session_id")
        if refusal:
            return refusal
        step = house.step_micros(self.wallet.currency)
        if isinstance(step, Refusal):
            return step
        model = house.catalog.current.get(self.game)
        if model is None:
            return GameNotFound(f"there is no game {self.game}; ListGames names them", field="game")
        refusal = house.refuse_disabled(self.game)
        if refusal:
            return refusal
        return self._write(house, wallet or ledger.new_wallet(self.wallet, now_ms), model.hash, now_ms, entropy)

    def _replay(self, known: Session, wallet: Wallet | None) -> Answer | Refusal:
        assert wallet is not None, "a session lies in a wallet"
        if known.game != self.game or known.opened_client_seed != self.client_seed:
            return IdReused("session_id was used before for another game or client seed; make a new UUIDv7", field="session_id")
        if known.close_time_ms:
            return SessionClosed("the session is closed; open another", field="session_id")
        return Answer(SessionView(self.wallet, known, wallet.balance_micros))

    def _write(self, house: House, wallet: Wallet, model: bytes, now_ms: int, entropy: Entropy) -> Decision:
        seed = seeds.first(house, self.wallet, self.session_id, self.client_seed or self.session_id.hex(), now_ms, entropy)
        next_seed = seeds.draw(house, self.wallet, self.session_id, entropy)
        session = Session(self.session_id, self.game, model, 0, b"", seed, next_seed, now_ms, self.client_seed)
        wallet, epochs = ledger.roll_epoch(self.wallet, wallet, house.limits.epoch_max_entries, now_ms)
        wallet, entry = ledger.append(
            wallet,
            EntryKind.SESSION_OPENED,
            self.session_id,
            now_ms,
            session=self.session_id,
            detail=ledger.digest(model, seed.commitment, next_seed.commitment, self.game.encode(), self.client_seed.encode()),
        )
        answer = SessionView(self.wallet, session, wallet.balance_micros)
        return Decision(wallet, (entry,), answer, creates=((Key(self.wallet, "session", self.session_id), session),), updates=epochs)
