"""What can go wrong with etcd, each in one sentence for the operator."""

from __future__ import annotations

import re

import grpc

from croupier.config import Etcd


class EtcdError(Exception):
    """Something about etcd: the message is one sentence."""


class Unreachable(EtcdError):
    """No member answered, or none that has a leader. Whether the request was carried out is not known."""


class Nowhere(Unreachable):
    """No member could be reached: the sentence names them all."""


class Denied(EtcdError):
    """etcd does not let this node in."""


class LeaseGone(EtcdError):
    """The lease has run out or was revoked."""


class Compacted(EtcdError):
    """The revision asked for is no longer kept."""


class StaleToken(EtcdError):
    """The member does not know the token, or the accounts have changed since it was given: a new one is needed."""


_REASONS = (
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not signed by etcd.ca_file"),
    ("Hostname Verification Check failed", "its certificate is for another name"),
    ("is not in peer certificate", "its certificate is for another name"),
    ("WRONG_VERSION_NUMBER", "it speaks no TLS, but etcd.ca_file is set"),
    ("Connection refused", "connection refused"),
    ("DNS resolution failed", "its name does not resolve"),
    ("errors resolving", "its name does not resolve"),
    ("Network is unreachable", "the network is unreachable"),
    ("No route to host", "no route to it"),
    ("no leader", "it sees no leader"),
    ("leader changed", "etcd's leader changed"),
    ("Deadline Exceeded", "no answer in time"),
    ("timed out", "no answer in time"),
    ("Timeout occurred", "no answer in time"),
)
_CLOSED = ("Socket closed", "onnection reset", "Unwrap failed", "Broken pipe", "andshake", "GOAWAY")
"""What a member that wants other credentials looks like from here, and one that has just died, too."""
_DENIALS = (
    ("authentication failed", "etcd refuses the user {username}: wrong name or password in etcd.password_file"),
    ("user name is empty", "etcd wants a name and a password: set etcd.username and etcd.password_file"),
    ("permission denied", "etcd does not allow the user {username} to write under {prefix}: grant its role read and write there"),
    (
        "authentication is not enabled",
        "etcd.username is set, but etcd asks nobody for a name: enable its authentication, or remove the setting",
    ),
)
_STALE = ("invalid auth token", "revision of auth store is old")


def understood(error: grpc.aio.AioRpcError, settings: Etcd) -> EtcdError:
    """The error behind a gRPC status, as one of etcd's members gave it or gRPC did in its stead."""
    details = error.details() or ""
    if any(text in details for text in _STALE):
        return StaleToken("etcd no longer knows the token that it gave")
    for text, sentence in _DENIALS:
        if text in details:
            return Denied(sentence.format(username=settings.username or "without a name", prefix=settings.prefix))
    if "lease not found" in details:
        return LeaseGone("the lease is gone")
    if "has been compacted" in details:
        return Compacted("the revision is compacted")
    if "database space exceeded" in details:
        return EtcdError("etcd's database is full: compact and defragment it, then disarm its alarm")
    if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}:
        return Unreachable(reason(details, settings))
    return EtcdError(f"etcd answered {error.code().name}: {_one_line(details)}")


def reason(details: str, settings: Etcd) -> str:
    """Why a member could not be reached, in a few words."""
    for text, words in _REASONS:
        if text in details:
            return words
    if not any(text in details for text in _CLOSED):
        return _one_line(details)
    if settings.ca_file is None:
        return "it closed the connection; does it want TLS (etcd.ca_file)?"
    if settings.certificate_file is None:
        return "it closed the connection; does it speak TLS, or want this node's certificate (etcd.certificate_file)?"
    return "it closed the connection; does it speak TLS, and trust etcd.certificate_file?"


def nowhere(failures: dict[str, str]) -> Nowhere:
    """No member could be reached: the reasons by endpoint, said once where they agree."""
    if len(set(failures.values())) == 1:
        return Nowhere(f"etcd cannot be reached at {', '.join(failures)}: {next(iter(failures.values()))}")
    return Nowhere("etcd cannot be reached: " + "; ".join(f"{endpoint}: {why}" for endpoint, why in failures.items()))


def _one_line(details: str) -> str:
    return re.sub(r"\s+", " ", details)[:200] or "no reason given"
