"""The house: everything a decision may know besides the wallet's own rows. Read-only while a decision runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from croupier.currencies import STEP_MICROS
from croupier.engine import Catalog, GameModel
from croupier.errors import FieldInvalid, GameDisabled, IdOutOfWindow, InvariantBroken, Refusal
from croupier.limits import Limits
from croupier.vault import Vault

ALL_GAMING = "-"
"""In `disabled`, the name that stands for every game."""

Entropy = Callable[[int], bytes]
"""Gives that many bytes of the operating system's randomness."""


class House(Struct, frozen=True):
    """Models, keys, limits and switches in force."""

    catalog: Catalog
    vault: Vault
    limits: Limits
    disabled: Mapping[str, str] = {}
    """Reason by game name, or by ALL_GAMING."""

    def step_micros(self, currency: str) -> int | Refusal:
        """Smallest amount of a currency."""
        step = STEP_MICROS.get(currency)
        if step is None:
            return FieldInvalid(f"currency {currency} is not supported; use an ISO 4217 code such as EUR", field="wallet")
        return step

    def model(self, hash_: bytes) -> GameModel | Refusal:
        """The model of a session."""
        model = self.catalog.by_hash.get(hash_)
        if model is None:
            return InvariantBroken(f"model {hash_.hex()} is not installed on this node; install its file and start again")
        return model

    def refuse_disabled(self, game: str) -> Refusal | None:
        """Refuses new sessions and rounds of a disabled game."""
        if self.disabled:
            for name, what in ((game, f"game {game}"), (ALL_GAMING, "all gaming")):
                if name in self.disabled:
                    return GameDisabled(f"{what} is disabled: {self.disabled[name]}")
        return None

    def refuse_id(self, id_: bytes, now_ms: int, field: str) -> Refusal | None:
        """Refuses an id whose time lies outside the dedupe window."""
        time_ms = int.from_bytes(id_[:6], "big")
        if time_ms < now_ms - self.limits.dedupe_window_ms:
            days = self.limits.dedupe_window_ms // 86_400_000
            return IdOutOfWindow(f"{field} was made more than {days} days ago; make a new UUIDv7", field=field)
        if time_ms > now_ms + self.limits.clock_ahead_ms:
            return IdOutOfWindow(f"{field} lies {(time_ms - now_ms) // 1000} s in the future; check the caller's clock", field=field)
        return None
