"""What a call can fail with: one class per family of reasons. errors.proto says what each reason means and what to do."""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # pyright: ignore[reportMissingTypeStubs]

from .pb import errors_pb2

_DETAILS_KEY = "grpc-status-details-bin"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class CroupierError(Exception):
    """A call that failed.

    Attributes:
        reason: name of the `ErrorReason` without its prefix, such as "ROUND_OPEN"; empty where the transport failed.
        code: the gRPC status code.
        message: one sentence for a person.
        field: path of the request's field at fault, or "".
        metadata: the facts that the reason's comment in errors.proto names.
        retry_after_s: seconds to wait before trying again, or None where the server did not say.
        id: the id that the call carried: repeat it with the same content to learn its fate. "" for calls without one.
        attempts: how often the call was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        field: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.field = field
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.id = ""
        self.attempts = 1

    def __str__(self) -> str:
        where = f" ({self.field})" if self.field else ""
        return f"{self.code.name} {self.reason}{where}: {self.message}"


class RequestInvalid(CroupierError):
    """The request is at fault: FIELD_INVALID, BET_INVALID, ACTION_INVALID, ID_OUT_OF_WINDOW, TOO_LARGE. Mend it; nothing was done."""


class Unauthenticated(CroupierError):
    """CREDENTIALS_INVALID, or SESSION_EXPIRED: refresh the session."""


class Forbidden(CroupierError):
    """FORBIDDEN: these credentials may not do that."""


class NotFound(CroupierError):
    """GAME_, WALLET_, SESSION_, ROUND_ or TRANSFER_NOT_FOUND."""


class PreconditionFailed(CroupierError):
    """The state of the wallet, session, round or game forbids it; nothing was done."""


class InsufficientFunds(PreconditionFailed):
    """INSUFFICIENT_FUNDS."""

    @property
    def balance_micros(self) -> int | None:
        """The balance that does not cover the amount."""
        text = self.metadata.get("balance_micros")
        return int(text) if text else None


class RoundOpen(PreconditionFailed):
    """ROUND_OPEN: finish that round first."""

    @property
    def round(self) -> str:
        """Name of the open round."""
        return self.metadata.get("round", "")


class LimitExceeded(PreconditionFailed):
    """LIMIT_EXCEEDED; `metadata["limit_micros"]` holds the limit."""


class IdReused(CroupierError):
    """ID_REUSED: the id was used before with another content. Make a new id for a new request."""


class Conflict(CroupierError):
    """STEP_STALE: read the round, then decide. WRITE_CONFLICT, after the client's own retries: retry with the same id."""


class TokenOutOfRange(CroupierError):
    """TOKEN_OUT_OF_RANGE: the stream or list cannot go on from that token; start anew."""


class Overloaded(CroupierError):
    """OVERLOADED, after the client's own retries. Nothing was done."""


class Unavailable(CroupierError):
    """No node could be reached or all refused: NODE_UNAVAILABLE, STORE_UNREACHABLE or a broken connection. Retry with the same id."""


class OutcomeUnknown(CroupierError):
    """OUTCOME_UNKNOWN, or the deadline passed without an answer: it may or may not have happened.

    Retry with the same id; it has one effect at most.
    """


class DeadlineExceeded(CroupierError):
    """The server saw the deadline pass before it decided: nothing was done."""


class EngineFault(CroupierError):
    """INVARIANT_BROKEN or RNG_UNHEALTHY: report it."""


_BY_REASON: dict[str, type[CroupierError]] = {
    "FIELD_INVALID": RequestInvalid,
    "BET_INVALID": RequestInvalid,
    "ACTION_INVALID": RequestInvalid,
    "ID_OUT_OF_WINDOW": RequestInvalid,
    "TOO_LARGE": RequestInvalid,
    "CREDENTIALS_INVALID": Unauthenticated,
    "SESSION_EXPIRED": Unauthenticated,
    "FORBIDDEN": Forbidden,
    "GAME_NOT_FOUND": NotFound,
    "WALLET_NOT_FOUND": NotFound,
    "SESSION_NOT_FOUND": NotFound,
    "ROUND_NOT_FOUND": NotFound,
    "TRANSFER_NOT_FOUND": NotFound,
    "INSUFFICIENT_FUNDS": InsufficientFunds,
    "ROUND_OPEN": RoundOpen,
    "ROUND_SETTLED": PreconditionFailed,
    "SESSION_CLOSED": PreconditionFailed,
    "GAME_DISABLED": PreconditionFailed,
    "LIMIT_EXCEEDED": LimitExceeded,
    "SEED_NOT_REVEALED": PreconditionFailed,
    "ID_REUSED": IdReused,
    "STEP_STALE": Conflict,
    "WRITE_CONFLICT": Conflict,
    "TOKEN_OUT_OF_RANGE": TokenOutOfRange,
    "OVERLOADED": Overloaded,
    "NODE_UNAVAILABLE": Unavailable,
    "STORE_UNREACHABLE": Unavailable,
    "OUTCOME_UNKNOWN": OutcomeUnknown,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "INVARIANT_BROKEN": EngineFault,
    "RNG_UNHEALTHY": EngineFault,
}

# For failures without an ErrorInfo: the transport's own, or a proxy's.
_BY_CODE: dict[grpc.StatusCode, type[CroupierError]] = {
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.INTERNAL: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: OutcomeUnknown,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.INVALID_ARGUMENT: RequestInvalid,
    grpc.StatusCode.RESOURCE_EXHAUSTED: RequestInvalid,
}


def reasons() -> dict[str, type[CroupierError]]:
    """Every reason that the client knows, with its class."""
    return dict(_BY_REASON)


def error_of_call(call: grpc.RpcError) -> CroupierError:
    """The typed error of a failed call of grpc or grpc.aio, read from its `grpc-status-details-bin` trailer."""
    if not isinstance(call, grpc.Call | grpc.aio.AioRpcError):
        return CroupierError(str(call))
    code, message = call.code(), call.details() or ""
    trailers = call.trailing_metadata() or ()
    details = next((value for key, value in trailers if key == _DETAILS_KEY), None)
    try:
        status = status_pb2.Status.FromString(details) if isinstance(details, bytes) else status_pb2.Status()
    except DecodeError:
        status = status_pb2.Status()
    return _error(code, message, _facts(status))


def error_of_refusal(refusal: errors_pb2.Refusal) -> CroupierError:
    """The typed error of one refused play of a batch or stream."""
    facts = _Facts()
    facts.reason = errors_pb2.ErrorReason.Name(refusal.reason).removeprefix("ERROR_REASON_") if refusal.reason else ""
    facts.field = refusal.field
    facts.metadata = dict(refusal.metadata)
    if refusal.HasField("retry_delay"):
        facts.retry_after_s = refusal.retry_delay.ToTimedelta().total_seconds()
    return _error(_CODES.get(refusal.code, grpc.StatusCode.UNKNOWN), refusal.message, facts)


class _Facts:
    """What the details of a status say."""

    def __init__(self) -> None:
        self.reason = ""
        self.field = ""
        self.metadata: dict[str, str] = {}
        self.retry_after_s: float | None = None


def _facts(status: status_pb2.Status) -> _Facts:
    facts = _Facts()
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(info):
            facts.reason, facts.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad) and bad.field_violations:
            facts.field = bad.field_violations[0].field
        elif detail.Unpack(retry):
            facts.retry_after_s = retry.retry_delay.ToTimedelta().total_seconds()
    return facts


def _error(code: grpc.StatusCode, message: str, facts: _Facts) -> CroupierError:
    kind = _BY_REASON.get(facts.reason) or _BY_CODE.get(code, CroupierError)
    return kind(message, code=code, reason=facts.reason, field=facts.field, metadata=facts.metadata, retry_after_s=facts.retry_after_s)
