"""What happens to an open session besides rounds: its client seed is set, its server seed rotated, it is closed."""

from __future__ import annotations

from msgspec import Struct, structs

from croupier.errors import FieldInvalid, Refusal, SessionNotFound
from croupier.model import Answer, Decision, Entry, EntryKind, Key, NeedState, Row, Seed, Session, State, Wallet, WalletKey, seed_key
from croupier.operations import ledger, seeds
from croupier.operations.command import row, wallet_key
from croupier.operations.house import Entropy, House
from croupier.operations.open_session import SessionView
from croupier.operations.play_round import refuse_session


class RevealView(Struct, frozen=True):
    """A session and the seed that was revealed: the answer of RotateSeed and CloseSession."""

    session: SessionView
    revealed: Seed


class SetClientSeed(Struct, frozen=True):
    """Draw the rounds to come under `client_seed`."""

    wallet: WalletKey
    session: bytes
    client_seed: str

    def keys(self) -> tuple[Key, ...]:
        """Wallet and session."""
        return _keys(self.wallet, self.session)

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal:
        """Refusals in order: no such session, closed, round open. Setting the seed in force again changes nothing."""
        found = _find(self.wallet, self.session, state)
        if isinstance(found, Refusal):
            return found
        wallet, session = found
        if not session.close_time_ms and session.seed.client_seed == self.client_seed:
            return Answer(SessionView(self.wallet, session, wallet.balance_micros))
        refusal = refuse_session(self.wallet, session)
        if refusal:
            return refusal
        session = structs.replace(session, seed=structs.replace(session.seed, client_seed=self.client_seed))
        wallet, updates, entry = _note(
            house, self.wallet, wallet, EntryKind.CLIENT_SEED_SET, session, ledger.digest(self.client_seed.encode()), now_ms
        )
        return Decision(wallet, (entry,), SessionView(self.wallet, session, wallet.balance_micros), updates=updates)


class RotateSeed(Struct, frozen=True):
    """Reveal seed `seed_number` and go on with the next."""

    wallet: WalletKey
    session: bytes
    seed_number: int
    client_seed: str
    """Empty keeps the one in force."""

    def keys(self) -> tuple[Key, ...]:
        """Wallet, session, and the reveal that may be there already."""
        return *_keys(self.wallet, self.session), seed_key(self.wallet, self.session, self.seed_number)

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal:
        """Refusals in order: no such session, seed known (revealed again), closed, round open, seed number ahead."""
        found = _find(self.wallet, self.session, state)
        if isinstance(found, Refusal):
            return found
        wallet, session = found
        known = row(state, seed_key(self.wallet, self.session, self.seed_number), Seed)
        if known is not None:
            return Answer(RevealView(SessionView(self.wallet, session, wallet.balance_micros), known))
        refusal = refuse_session(self.wallet, session)
        if refusal:
            return refusal
        if self.seed_number != session.seed.number:
            return FieldInvalid(f"the seed in force is number {session.seed.number}, not {self.seed_number}", field="seed_number")
        session, revealed = seeds.rotate(house, self.wallet, session, self.client_seed, now_ms, entropy)
        detail = ledger.digest(revealed.revealed, session.next_seed.commitment)
        wallet, updates, entry = _note(house, self.wallet, wallet, EntryKind.SEED_ROTATED, session, detail, now_ms)
        entries: tuple[Entry, ...] = (entry,)
        if session.seed.client_seed != revealed.client_seed:
            detail = ledger.digest(session.seed.client_seed.encode())
            wallet, entry = ledger.append(wallet, EntryKind.CLIENT_SEED_SET, session.id, now_ms, session=session.id, detail=detail)
            entries = (*entries, entry)
        answer = RevealView(SessionView(self.wallet, session, wallet.balance_micros), revealed)
        return Decision(wallet, entries, answer, updates=(*updates, (seed_key(self.wallet, session.id, revealed.number), revealed)))


class CloseSession(Struct, frozen=True):
    """Close a session and reveal its seed in force."""

    wallet: WalletKey
    session: bytes

    def keys(self) -> tuple[Key, ...]:
        """Wallet and session."""
        return _keys(self.wallet, self.session)

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal | NeedState:
        """Refusals in order: no such session, round open. Closing again gives the same answer."""
        found = _find(self.wallet, self.session, state)
        if isinstance(found, Refusal):
            return found
        wallet, session = found
        if session.close_time_ms:
            return Answer(RevealView(SessionView(self.wallet, session, wallet.balance_micros), session.seed))
        refusal = refuse_session(self.wallet, session)
        if refusal:
            return refusal
        revealed = structs.replace(
            session.seed,
            revealed=seeds.server_seed(house, self.wallet, session),
            reveal_time_ms=now_ms,
            last_round=seeds.last_round(session),
        )
        session = structs.replace(session, seed=revealed, close_time_ms=now_ms)
        wallet, updates, entry = _note(
            house, self.wallet, wallet, EntryKind.SESSION_CLOSED, session, ledger.digest(revealed.revealed), now_ms
        )
        answer = RevealView(SessionView(self.wallet, session, wallet.balance_micros), revealed)
        return Decision(wallet, (entry,), answer, updates=(*updates, (seed_key(self.wallet, session.id, revealed.number), revealed)))


def _keys(wallet: WalletKey, session: bytes) -> tuple[Key, Key]:
    return wallet_key(wallet), Key(wallet, "session", session)


def _find(key: WalletKey, session_id: bytes, state: State) -> tuple[Wallet, Session] | Refusal:
    head_key, session_key = _keys(key, session_id)
    wallet, session = row(state, head_key, Wallet), row(state, session_key, Session)
    if wallet is None or session is None:
        return SessionNotFound("no such session in this wallet", field="session")
    return wallet, session


def _note(
    house: House, key: WalletKey, wallet: Wallet, kind: EntryKind, session: Session, detail: bytes, now_ms: int
) -> tuple[Wallet, tuple[tuple[Key, Row], ...], Entry]:
    """The wallet after an entry without money about `session`, and the rows to update."""
    wallet, epochs = ledger.roll_epoch(key, wallet, house.limits.epoch_max_entries, now_ms)
    wallet, entry = ledger.append(wallet, kind, session.id, now_ms, session=session.id, detail=detail)
    return wallet, (*epochs, (Key(key, "session", session.id), session)), entry
