"""The faults of the drivers' contract: what a reply can say or fail to say, whether the server executed the request, and what a driver must make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from croupier.stores.cassandra.driver import DriverError, NotSent, Unknown
from tests.cluster import cql_frames
from tests.cluster.cql_frames import Message
from tests.cluster.cql_proxy import Answer, Fault

OVERLOADED, BOOTSTRAPPING, TRUNCATE, SERVER_ERROR, PROTOCOL_ERROR = 0x1001, 0x1002, 0x1003, 0x0000, 0x000A


@dataclass(frozen=True)
class Case:
    """A fault, and the class of error that a driver must raise."""

    fault: Fault
    expected: type[DriverError]
    silent: bool | None = False
    """None where it does not matter."""


def forged(name: str, body: bytes, expected: type[DriverError], *, reaches_server: bool = True) -> Case:
    return Case(Fault(name, reaches_server, Answer.FORGED, lambda _: body), expected)


def forged_for(name: str, forge: Callable[[Message], bytes], expected: type[DriverError]) -> Case:
    return Case(Fault(name, True, Answer.FORGED, forge), expected)


def _write_failure(message: Message) -> bytes:
    return cql_frames.write_failure("CAS", message.version & 0x7F)


CASES = [
    forged("write timeout of the conditions", cql_frames.write_timeout("CAS"), Unknown),
    forged("write timeout of the batch log", cql_frames.write_timeout("BATCH_LOG"), Unknown),
    forged("write timeout of the batch", cql_frames.write_timeout("BATCH"), Unknown),
    forged("write timeout of one write", cql_frames.write_timeout("SIMPLE"), Unknown),
    forged_for("write failure", _write_failure, Unknown),
    forged("conditional write unknown", cql_frames.cas_unknown(), Unknown),
    forged("read timeout", cql_frames.read_timeout(), Unknown),
    forged("overloaded, though executed", cql_frames.plain_error(OVERLOADED), Unknown),
    forged("overloaded, not executed", cql_frames.plain_error(OVERLOADED), Unknown, reaches_server=False),
    forged("server error, though executed", cql_frames.plain_error(SERVER_ERROR), Unknown),
    forged("server error, not executed", cql_frames.plain_error(SERVER_ERROR), Unknown, reaches_server=False),
    forged("truncation error", cql_frames.plain_error(TRUNCATE), Unknown),
    forged("an error without a name", cql_frames.plain_error(0x7777), Unknown),
    forged("unavailable", cql_frames.unavailable(), NotSent, reaches_server=False),
    replace(forged("bootstrapping", cql_frames.plain_error(BOOTSTRAPPING), NotSent, reaches_server=False), silent=None),
    Case(Fault("reply swallowed", True, Answer.NOTHING), Unknown, silent=True),
    Case(Fault("request swallowed", False, Answer.NOTHING), Unknown, silent=True),
    Case(Fault("connection cut after it was executed", True, Answer.CUT), Unknown, silent=True),
    Case(Fault("connection cut before it was executed", False, Answer.CUT), Unknown, silent=True),
    Case(Fault("connection cut within the reply", True, Answer.HALF), Unknown, silent=True),
]
