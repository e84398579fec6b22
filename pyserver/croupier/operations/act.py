"""Act: takes the next step of an open round."""

from __future__ import annotations

from msgspec import Struct, structs

from croupier.engine import Played
from croupier.errors import InvariantBroken, Refusal, RoundNotFound, RoundSettled, StepStale
from croupier.model import Answer, Decision, Entry, EntryKind, Key, NeedState, Round, Session, State, Step, Wallet, WalletKey
from croupier.operations import ledger, seeds
from croupier.operations.command import row, wallet_key
from croupier.operations.house import Entropy, House
from croupier.operations.play_round import RoundView, refuse_stake


class Act(Struct, frozen=True):
    """Take `action` as step `step` of a round."""

    wallet: WalletKey
    round_id: bytes
    step: int
    action: bytes
    """A croupier.v1.Action, encoded."""
    session: bytes = b""
    """If given, the round must be of this session: a player may act in no other."""

    def keys(self) -> tuple[Key, ...]:
        """Wallet and round; the session follows from the round."""
        return wallet_key(self.wallet), Key(self.wallet, "round", self.round_id)

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal | NeedState:
        """Refusals in order: no such round, step known (replayed or stale), settled, step ahead, action, limit, funds."""
        head_key, round_key = self.keys()
        wallet, round_ = row(state, head_key, Wallet), row(state, round_key, Round)
        if wallet is None or round_ is None or self.session not in (b"", round_.session):
            return RoundNotFound("no such round in this wallet", field="round")
        last = len(round_.steps) - 1
        if 1 <= self.step <= last:
            if round_.steps[self.step].action == self.action:
                return Answer(RoundView(self.wallet, round_, self.step))
            return self._stale(f"step {self.step} was taken with another action", last)
        if round_.settled:
            return RoundSettled("the round is settled; no further step is possible", field="round")
        if self.step != last + 1:
            return self._stale(f"the next step is {last + 1}, not {self.step}", last)
        session_key = Key(self.wallet, "session", round_.session)
        if session_key not in state:
            return NeedState((session_key,))
        session = row(state, session_key, Session)
        if session is None or session.open_round != self.round_id:
            return InvariantBroken("an open round is not its session's open round")
        played = self._draw(house, wallet, session, round_)
        if isinstance(played, Refusal):
            return played
        return self._write(house, wallet, session, round_, played, now_ms, entropy)

    def _stale(self, message: str, last: int) -> Refusal:
        return StepStale(f"{message}; read the round, then decide", field="step", metadata={"step": str(last)})

    def _draw(self, house: House, wallet: Wallet, session: Session, round_: Round) -> Played | Refusal:
        model, step_micros = house.model(round_.model), house.step_micros(self.wallet.currency)
        if isinstance(model, Refusal):
            return model
        if isinstance(step_micros, Refusal):
            return step_micros
        server_seed = seeds.server_seed(house, self.wallet, session)
        played = model.act(server_seed, round_.client_seed, round_.number, round_.bet, step_micros, round_.engine_state, self.action)
        if isinstance(played, Refusal):
            return played
        added = played.stake_micros - round_.steps[-1].stake_micros
        assert added >= 0, "a step never gives a stake back before the settlement"
        return refuse_stake(house, wallet, added, played.stake_micros) or played

    def _write(
        self, house: House, wallet: Wallet, session: Session, round_: Round, played: Played, now_ms: int, entropy: Entropy
    ) -> Decision:
        wallet, epochs = ledger.roll_epoch(self.wallet, wallet, house.limits.epoch_max_entries, now_ms)
        wallet, entry = ledger.append(
            wallet,
            EntryKind.ROUND,
            self.round_id,
            now_ms,
            session=session.id,
            step=self.step,
            stake_micros=played.stake_micros - round_.steps[-1].stake_micros,
            payout_micros=played.payout_micros,
            detail=ledger.digest(self.action, played.outcome),
        )
        step = Step(self.action, played.outcome, played.stake_micros, played.payout_micros, wallet.balance_micros, wallet.revision, now_ms)
        round_ = structs.replace(round_, engine_state=played.state, settled=played.settled, steps=(*round_.steps, step))
        updates = [*epochs, (Key(self.wallet, "round", self.round_id), round_)]
        rotated: tuple[Entry, ...] = ()
        if played.settled:
            session = structs.replace(session, open_round=b"")
            wallet, session, rotated, reveals = seeds.rotate_if_due(house, self.wallet, wallet, session, now_ms, entropy)
            updates += [*reveals, (Key(self.wallet, "session", session.id), session)]
        return Decision(wallet, (entry, *rotated), RoundView(self.wallet, round_, self.step), updates=tuple(updates))
