"""Python client of the Croupier game engine: `Client` blocks, `AsyncClient` is awaited, `verify_round` checks a round on its own.

```python
from croupier_client import Client, bets, micros

with Client("127.0.0.1:8640", "ck_…", operator="demo") as client:
    wallet = client.wallet_name("alice", "EUR")
    client.deposit(wallet, micros("100"))
    session = client.open_session(wallet, "games/roulette-european")
    round_ = session.play(bets.roulette(bets.wager("red", micros("5"))))
```
"""

from . import bets
from .aio import AsyncClient
from .aio_session import AsyncSessionHandle
from .answers import PlayAnswer
from .calls import play_request
from .channel import Tls
from .client import Client
from .errors import (
    Conflict,
    CroupierError,
    DeadlineExceeded,
    EngineFault,
    Forbidden,
    IdReused,
    InsufficientFunds,
    LimitExceeded,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    PreconditionFailed,
    RequestInvalid,
    RoundOpen,
    TokenOutOfRange,
    Unauthenticated,
    Unavailable,
)
from .ids import new_id
from .money import micros, show, units
from .names import id_of, round_name, session_name, transfer_name, wallet_name, wallet_of
from .retry import RetryPolicy
from .session import SessionHandle
from .verify import VerifyReport, verify_ledger, verify_round

__all__ = [
    "AsyncClient",
    "AsyncSessionHandle",
    "Client",
    "Conflict",
    "CroupierError",
    "DeadlineExceeded",
    "EngineFault",
    "Forbidden",
    "IdReused",
    "InsufficientFunds",
    "LimitExceeded",
    "NotFound",
    "OutcomeUnknown",
    "Overloaded",
    "PlayAnswer",
    "PreconditionFailed",
    "RequestInvalid",
    "RetryPolicy",
    "RoundOpen",
    "SessionHandle",
    "Tls",
    "TokenOutOfRange",
    "Unauthenticated",
    "Unavailable",
    "VerifyReport",
    "bets",
    "id_of",
    "micros",
    "new_id",
    "play_request",
    "round_name",
    "session_name",
    "show",
    "transfer_name",
    "units",
    "verify_ledger",
    "verify_round",
    "wallet_name",
    "wallet_of",
]
