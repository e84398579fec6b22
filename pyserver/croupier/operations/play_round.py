"""Play: stakes, draws and evaluates a round; settles it at once, or leaves it open for its player's actions."""

from __future__ import annotations

from msgspec import Struct, structs

from croupier.engine import Played
from croupier.errors import IdReused, InsufficientFunds, LimitExceeded, Refusal, RoundOpen, SessionClosed, SessionNotFound
from croupier.model import Answer, Decision, Entry, EntryKind, Key, NeedState, Round, Session, State, Step, Wallet, WalletKey
from croupier.operations import ledger, seeds
from croupier.operations.command import row, wallet_key
from croupier.operations.house import Entropy, House


class RoundView(Struct, frozen=True):
    """A round as it stood after one of its steps: the answer of Play and Act."""

    wallet: WalletKey
    round: Round
    step: int


class PlayRound(Struct, frozen=True):
    """Play `bet` as round `round_id` of a session."""

    wallet: WalletKey
    session: bytes
    round_id: bytes
    bet: bytes
    """A croupier.v1.Bet, encoded."""

    def keys(self) -> tuple[Key, ...]:
        """Wallet, session, and the round that may be there already."""
        wallet = self.wallet
        return wallet_key(wallet), Key(wallet, "session", self.session), Key(wallet, "round", self.round_id)

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal | NeedState:
        """Refusals in order: id known (replayed or reused), id out of window, session unknown or closed, round open, game switch, bet, limit, funds."""
        head_key, session_key, round_key = self.keys()
        known = row(state, round_key, Round)
        if known is not None:
            return self._replay(known)
        refusal = house.refuse_id(self.round_id, now_ms, "round_id")
        if refusal:
            return refusal
        wallet, session = row(state, head_key, Wallet), row(state, session_key, Session)
        if wallet is None or session is None:
            return SessionNotFound("no such session in this wallet; open it first", field="session")
        refusal = refuse_session(self.wallet, session) or house.refuse_disabled(session.game)
        if refusal:
            return refusal
        wallet, epochs = ledger.roll_epoch(self.wallet, wallet, house.limits.epoch_max_entries, now_ms)
        played = self._draw(house, wallet, session)
        if isinstance(played, Refusal):
            return played
        session = structs.replace(session, rounds=session.rounds + 1, open_round=b"" if played.settled else self.round_id)
        wallet, entry, round_ = self._settle(wallet, session, played, now_ms)
        wallet, session, rotated, reveals = seeds.rotate_if_due(house, self.wallet, wallet, session, now_ms, entropy)
        view = RoundView(self.wallet, round_, 0)
        return Decision(wallet, (entry, *rotated), view, ((round_key, round_),), (*epochs, *reveals, (session_key, session)))

    def _replay(self, known: Round) -> Answer | Refusal:
        if known.session != self.session or known.bet != self.bet:
            return IdReused("round_id was used before for another session or bet; make a new UUIDv7 for a new round", field="round_id")
        return Answer(RoundView(self.wallet, known, 0))

    def _draw(self, house: House, wallet: Wallet, session: Session) -> Played | Refusal:
        model, step_micros = house.model(session.model), house.step_micros(self.wallet.currency)
        if isinstance(model, Refusal):
            return model
        if isinstance(step_micros, Refusal):
            return step_micros
        server_seed = seeds.server_seed(house, self.wallet, session)
        played = model.play(server_seed, session.seed.client_seed, session.rounds + 1, self.bet, step_micros)
        if isinstance(played, Refusal):
            return played
        return refuse_stake(house, wallet, played.stake_micros, played.stake_micros) or played

    def _settle(self, wallet: Wallet, session: Session, played: Played, now_ms: int) -> tuple[Wallet, Entry, Round]:
        """The wallet, its entry and the round, after what was played; `session` is as it stands afterwards."""
        before_micros = wallet.balance_micros
        wallet, entry = ledger.append(
            wallet,
            EntryKind.ROUND,
            self.round_id,
            now_ms,
            session=self.session,
            stake_micros=played.stake_micros,
            payout_micros=played.payout_micros,
            detail=ledger.digest(self.bet, played.outcome),
        )
        step = Step(b"", played.outcome, played.stake_micros, played.payout_micros, wallet.balance_micros, wallet.revision, now_ms)
        seed = session.seed
        round_ = Round(
            self.round_id,
            self.session,
            session.rounds,
            session.model,
            self.bet,
            seed.number,
            seed.commitment,
            seed.client_seed,
            before_micros,
            played.state,
            played.settled,
            (step,),
        )
        return wallet, entry, round_


def refuse_session(wallet: WalletKey, session: Session) -> Refusal | None:
    """Refuses a new round of a closed session, or beside an open one (G2)."""
    if session.close_time_ms:
        return SessionClosed("the session is closed; open another", field="session")
    if session.open_round:
        name = f"{wallet}/rounds/{format_id(session.open_round)}"
        return RoundOpen("the session has an open round; finish it first", field="session", metadata={"round": name})
    return None


def refuse_stake(house: House, wallet: Wallet, stake_micros: int, total_micros: int) -> Refusal | None:
    """Refuses a further stake that the limit on a round's total or the balance does not cover (G1)."""
    limit = house.limits.max_stake_micros
    if total_micros > limit:
        return LimitExceeded(
            f"the stake of a round is at most {limit} micros, not {total_micros}", field="bet", metadata={"limit_micros": str(limit)}
        )
    if stake_micros > wallet.balance_micros:
        return InsufficientFunds(
            f"the balance of {wallet.balance_micros} micros does not cover the stake of {stake_micros}",
            field="bet",
            metadata={"balance_micros": str(wallet.balance_micros)},
        )
    return None


def format_id(id_: bytes) -> str:
    """The text form of a 16-byte UUID."""
    text = id_.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
