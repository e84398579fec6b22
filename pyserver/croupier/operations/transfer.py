"""Transfer: money into a wallet, or out of it."""

from __future__ import annotations

from msgspec import Struct

from croupier.errors import FieldInvalid, IdReused, InsufficientFunds, LimitExceeded, Refusal, WalletNotFound
from croupier.model import Answer, Decision, EntryKind, Key, State, Transfer, TransferKind, Wallet, WalletKey
from croupier.operations import ledger
from croupier.operations.command import row, wallet_key
from croupier.operations.house import Entropy, House


class TransferView(Struct, frozen=True):
    """A transfer with its wallet: the answer of Deposit and Withdraw."""

    wallet: WalletKey
    transfer: Transfer


class MakeTransfer(Struct, frozen=True):
    """Deposit or withdraw `amount_micros` as transfer `transfer_id`."""

    wallet: WalletKey
    transfer_id: bytes
    kind: TransferKind
    amount_micros: int
    reference: str

    def keys(self) -> tuple[Key, ...]:
        """Wallet, and the transfer that may be there already."""
        return wallet_key(self.wallet), Key(self.wallet, "transfer", self.transfer_id)

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decision | Answer | Refusal:
        """Refusals in order: id known (replayed or reused), id out of window, amount, no wallet, limit, funds. A deposit opens its wallet."""
        head_key, transfer_key = self.keys()
        known = row(state, transfer_key, Transfer)
        if known is not None:
            return self._replay(known)
        refusal = house.refuse_id(self.transfer_id, now_ms, "transfer_id") or self._refuse_amount(house)
        if refusal:
            return refusal
        wallet = row(state, head_key, Wallet)
        if wallet is None:
            if self.kind is TransferKind.WITHDRAWAL:
                return WalletNotFound("no such wallet; a deposit or a session opens it", field="wallet")
            wallet = ledger.new_wallet(self.wallet, now_ms)
        refusal = self._refuse_balance(house, wallet)
        if refusal:
            return refusal
        return self._write(house, wallet, now_ms)

    def _replay(self, known: Transfer) -> Answer | Refusal:
        if (known.kind, known.amount_micros, known.reference) != (self.kind, self.amount_micros, self.reference):
            return IdReused("transfer_id was used before with another content; make a new UUIDv7 for a new transfer", field="transfer_id")
        return Answer(TransferView(self.wallet, known))

    def _refuse_amount(self, house: House) -> Refusal | None:
        step = house.step_micros(self.wallet.currency)
        if isinstance(step, Refusal):
            return step
        if self.amount_micros <= 0 or self.amount_micros % step:
            return FieldInvalid(f"amount_micros must be above 0 and a multiple of {step}, not {self.amount_micros}", field="amount_micros")
        limit = house.limits.max_transfer_micros
        if self.amount_micros > limit:
            return LimitExceeded(f"a transfer is at most {limit} micros", field="amount_micros", metadata={"limit_micros": str(limit)})
        return None

    def _refuse_balance(self, house: House, wallet: Wallet) -> Refusal | None:
        if self.kind is TransferKind.WITHDRAWAL and self.amount_micros > wallet.balance_micros:
            return InsufficientFunds(
                f"the balance of {wallet.balance_micros} micros does not cover the withdrawal of {self.amount_micros}",
                field="amount_micros",
                metadata={"balance_micros": str(wallet.balance_micros)},
            )
        limit = house.limits.max_balance_micros
        if self.kind is TransferKind.DEPOSIT and wallet.balance_micros + self.amount_micros > limit:
            return LimitExceeded(f"a balance is at most {limit} micros", field="amount_micros", metadata={"limit_micros": str(limit)})
        return None

    def _write(self, house: House, wallet: Wallet, now_ms: int) -> Decision:
        deposit = self.kind is TransferKind.DEPOSIT
        wallet, epochs = ledger.roll_epoch(self.wallet, wallet, house.limits.epoch_max_entries, now_ms)
        wallet, entry = ledger.append(
            wallet,
            EntryKind.DEPOSIT if deposit else EntryKind.WITHDRAWAL,
            self.transfer_id,
            now_ms,
            transfer_micros=self.amount_micros if deposit else -self.amount_micros,
            detail=ledger.digest(self.reference.encode()),
        )
        transfer = Transfer(self.transfer_id, self.kind, self.amount_micros, self.reference, wallet.balance_micros, wallet.revision, now_ms)
        key = Key(self.wallet, "transfer", self.transfer_id)
        return Decision(wallet, (entry,), TransferView(self.wallet, transfer), creates=((key, transfer),), updates=epochs)
