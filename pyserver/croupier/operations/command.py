"""What every operation is: a command that decides."""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, TypeVar

from croupier.errors import Refusal
from croupier.model import Answer, Decision, Key, NeedState, Row, State, WalletKey
from croupier.operations.house import Entropy, House

Decided = Decision | Answer | Refusal | NeedState
R = TypeVar("R", bound=Row)


class Command(Protocol):
    """One call as the casino sees it."""

    @property
    def wallet(self) -> WalletKey:
        """The wallet that it concerns; commands of one wallet are decided one after another."""
        ...

    def keys(self) -> tuple[Key, ...]:
        """The rows that it reads, the wallet's own first."""
        ...

    def decide(self, house: House, state: State, now_ms: int, entropy: Entropy) -> Decided:
        """What happens. `state` holds at least the rows of `keys()`. Pure: the same arguments give the same decision."""
        ...


def row(state: State, key: Key, type_: type[R]) -> R | None:
    """The row under `key`, which must have been loaded; None where there is none."""
    found = state[key]
    assert found is None or isinstance(found, type_), f"{key.kind} row holds a {type(found).__name__}"
    return found


@lru_cache(4_096)
def wallet_key(wallet: WalletKey) -> Key:
    """The key of the wallet's own row."""
    return Key(wallet, "wallet", b"")
