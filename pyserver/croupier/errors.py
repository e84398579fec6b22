"""The error tree: one class for each croupier.v1.ErrorReason. A refusal is a value that a decision returns; services raise it to the caller.

The gRPC code of each class stands in services/status.py; a test proves that proto, classes and table agree.
"""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):
    """Why a call was refused: one sentence, the field at fault, and facts for a program. Nothing was changed."""

    reason: ClassVar[str]
    """Name in croupier.v1.ErrorReason without its prefix."""
    retryable: ClassVar[bool] = False
    """The same call with the same id may succeed later."""

    def __init__(self, message: str, *, field: str = "", metadata: dict[str, str] | None = None, retry_after_s: float = 0) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.metadata = metadata or {}
        self.retry_after_s = retry_after_s


class FieldInvalid(Refusal):
    """A field is missing, malformed or out of range."""

    reason = "FIELD_INVALID"


class BetInvalid(Refusal):
    """The bet is not one that the model offers."""

    reason = "BET_INVALID"


class ActionInvalid(Refusal):
    """The action is not one that the round allows now."""

    reason = "ACTION_INVALID"


class IdOutOfWindow(Refusal):
    """The time inside a UUIDv7 is older than the dedupe window or too far ahead."""

    reason = "ID_OUT_OF_WINDOW"


class CredentialsInvalid(Refusal):
    """No credentials, or none that are known."""

    reason = "CREDENTIALS_INVALID"


class SessionExpired(Refusal):
    """The session token has expired."""

    reason = "SESSION_EXPIRED"


class Forbidden(Refusal):
    """These credentials may not call this method, or not for this resource."""

    reason = "FORBIDDEN"


class GameNotFound(Refusal):
    """No such game or model."""

    reason = "GAME_NOT_FOUND"


class WalletNotFound(Refusal):
    """No such wallet."""

    reason = "WALLET_NOT_FOUND"


class SessionNotFound(Refusal):
    """No such session in this wallet."""

    reason = "SESSION_NOT_FOUND"


class RoundNotFound(Refusal):
    """No such round in this wallet."""

    reason = "ROUND_NOT_FOUND"


class TransferNotFound(Refusal):
    """No such transfer in this wallet."""

    reason = "TRANSFER_NOT_FOUND"


class InsufficientFunds(Refusal):
    """The balance does not cover the stake or withdrawal."""

    reason = "INSUFFICIENT_FUNDS"


class RoundOpen(Refusal):
    """The session has an open round."""

    reason = "ROUND_OPEN"


class RoundSettled(Refusal):
    """The round is settled."""

    reason = "ROUND_SETTLED"


class SessionClosed(Refusal):
    """The session is closed."""

    reason = "SESSION_CLOSED"


class GameDisabled(Refusal):
    """The game, or all gaming, is disabled."""

    reason = "GAME_DISABLED"


class LimitExceeded(Refusal):
    """A configured limit refuses the amount."""

    reason = "LIMIT_EXCEEDED"


class SeedNotRevealed(Refusal):
    """The round's seed has not been revealed yet."""

    reason = "SEED_NOT_REVEALED"


class IdReused(Refusal):
    """The id was used before with another content."""

    reason = "ID_REUSED"


class StepStale(Refusal):
    """The named step is not the next one."""

    reason = "STEP_STALE"


class WriteConflict(Refusal):
    """Another writer won three times."""

    reason = "WRITE_CONFLICT"
    retryable = True


class TokenOutOfRange(Refusal):
    """A resume token or page token that cannot be gone on from."""

    reason = "TOKEN_OUT_OF_RANGE"


class Overloaded(Refusal):
    """No room for the call."""

    reason = "OVERLOADED"
    retryable = True


class TooLarge(Refusal):
    """A message or batch that is too large."""

    reason = "TOO_LARGE"


class NodeUnavailable(Refusal):
    """The node is draining or its store is out of service."""

    reason = "NODE_UNAVAILABLE"
    retryable = True


class StoreUnreachable(Refusal):
    """The store cannot be reached, or has no quorum; nothing was done."""

    reason = "STORE_UNREACHABLE"
    retryable = True


class OutcomeUnknown(Refusal):
    """The store did not say whether the write happened."""

    reason = "OUTCOME_UNKNOWN"
    retryable = True


class DeadlineExceeded(Refusal):
    """The deadline passed before the call was decided."""

    reason = "DEADLINE_EXCEEDED"
    retryable = True


class InvariantBroken(Refusal):
    """Something that cannot be is so; the game is disabled."""

    reason = "INVARIANT_BROKEN"


class RngUnhealthy(Refusal):
    """The random source failed a health test; the game is disabled."""

    reason = "RNG_UNHEALTHY"


class StoreFailed(Exception):
    """The store cannot go on: after a failed commit or fsync what it holds is unknown, so the node leaves service."""


class StoreUnusable(Exception):
    """The store cannot be opened: foreign, corrupt, too new, or under another key. One sentence for the operator."""
