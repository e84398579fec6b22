"""The one error table: which gRPC code each refusal has, and how it is said on the wire."""

from __future__ import annotations

from functools import lru_cache

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from croupier import errors
from croupier.pb import errors_pb2

DOMAIN = "croupier.v1"
DETAILS_KEY = "grpc-status-details-bin"

CODES: dict[type[errors.Refusal], StatusCode] = {
    errors.FieldInvalid: StatusCode.INVALID_ARGUMENT,
    errors.BetInvalid: StatusCode.INVALID_ARGUMENT,
    errors.ActionInvalid: StatusCode.INVALID_ARGUMENT,
    errors.IdOutOfWindow: StatusCode.INVALID_ARGUMENT,
    errors.CredentialsInvalid: StatusCode.UNAUTHENTICATED,
    errors.SessionExpired: StatusCode.UNAUTHENTICATED,
    errors.Forbidden: StatusCode.PERMISSION_DENIED,
    errors.GameNotFound: StatusCode.NOT_FOUND,
    errors.WalletNotFound: StatusCode.NOT_FOUND,
    errors.SessionNotFound: StatusCode.NOT_FOUND,
    errors.RoundNotFound: StatusCode.NOT_FOUND,
    errors.TransferNotFound: StatusCode.NOT_FOUND,
    errors.InsufficientFunds: StatusCode.FAILED_PRECONDITION,
    errors.RoundOpen: StatusCode.FAILED_PRECONDITION,
    errors.RoundSettled: StatusCode.FAILED_PRECONDITION,
    errors.SessionClosed: StatusCode.FAILED_PRECONDITION,
    errors.GameDisabled: StatusCode.FAILED_PRECONDITION,
    errors.LimitExceeded: StatusCode.FAILED_PRECONDITION,
    errors.SeedNotRevealed: StatusCode.FAILED_PRECONDITION,
    errors.IdReused: StatusCode.ALREADY_EXISTS,
    errors.StepStale: StatusCode.ABORTED,
    errors.WriteConflict: StatusCode.ABORTED,
    errors.TokenOutOfRange: StatusCode.OUT_OF_RANGE,
    errors.Overloaded: StatusCode.RESOURCE_EXHAUSTED,
    errors.TooLarge: StatusCode.RESOURCE_EXHAUSTED,
    errors.NodeUnavailable: StatusCode.UNAVAILABLE,
    errors.StoreUnreachable: StatusCode.UNAVAILABLE,
    errors.OutcomeUnknown: StatusCode.UNAVAILABLE,
    errors.DeadlineExceeded: StatusCode.DEADLINE_EXCEEDED,
    errors.InvariantBroken: StatusCode.INTERNAL,
    errors.RngUnhealthy: StatusCode.INTERNAL,
}


def code(refusal: errors.Refusal) -> StatusCode:
    """The gRPC code of a refusal."""
    return CODES[type(refusal)]


def details(refusal: errors.Refusal) -> bytes:
    """A google.rpc.Status, encoded: what the trailer `grpc-status-details-bin` carries."""
    status = Status(code=code_number(refusal), message=refusal.message)
    status.details.append(_packed(ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=refusal.metadata)))
    if refusal.field:
        violation = BadRequest.FieldViolation(field=refusal.field, description=refusal.message)
        status.details.append(_packed(BadRequest(field_violations=[violation])))
    if refusal.retry_after_s:
        status.details.append(_packed(RetryInfo(retry_delay=_duration(refusal.retry_after_s))))
    return status.SerializeToString()


def reason(encoded: bytes) -> str:
    """The reason in what `details` made; empty where there is none."""
    info = ErrorInfo()
    for packed in Status.FromString(encoded).details:
        if packed.Unpack(info):
            return info.reason
    return ""


def said(refusal: errors.Refusal) -> tuple[int, str, bytes]:
    """What the front door says of a refusal: code, text, `details`."""
    return code_number(refusal), refusal.message, _details_once(refusal) if type(refusal) is errors.Overloaded else details(refusal)


@lru_cache(maxsize=2)
def _details_once(refusal: errors.Overloaded) -> bytes:
    """One refusal is told to everybody who is turned away within a moment; to encode it costs as much as a play."""
    return details(refusal)


def refusal_message(refusal: errors.Refusal) -> errors_pb2.Refusal:
    """The same facts for one item of a batch or stream."""
    message = errors_pb2.Refusal(
        code=code_number(refusal),
        reason=f"ERROR_REASON_{refusal.reason}",
        message=refusal.message,
        field=refusal.field,
        metadata=refusal.metadata,
    )
    if refusal.retry_after_s:
        message.retry_delay.CopyFrom(_duration(refusal.retry_after_s))
    return message


def code_number(refusal: errors.Refusal) -> int:
    """The gRPC code as a number."""
    return int(code(refusal).value[0])


def _packed(message: ErrorInfo | BadRequest | RetryInfo) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1_000_000_000))
