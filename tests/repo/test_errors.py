"""The error table: the proto enum, the server's classes and its table of gRPC codes say the same."""

from __future__ import annotations

import re

from croupier import errors
from croupier.pb import errors_pb2
from croupier.services import status
from tests.repo.sources import ROOT, report

PREFIX = "ERROR_REASON_"


def test_proto_classes_and_table_agree() -> None:
    """Each reason in proto has one class, each class one code, and the code is the one that the proto's comment promises."""
    promised = codes_in_comments((ROOT / "proto/croupier/v1/errors.proto").read_text())
    classes = {refusal.reason: refusal for refusal in errors.Refusal.__subclasses__()}
    table = {refusal.reason: code.name for refusal, code in status.CODES.items()}
    in_proto = {name.removeprefix(PREFIX) for name in errors_pb2.ErrorReason.DESCRIPTOR.values_by_name} - {"UNSPECIFIED"}
    offences = [
        *(f"{reason}: proto has it, errors.py has no class for it" for reason in in_proto - classes.keys()),
        *(f"{reason}: errors.py has it, proto has not" for reason in classes.keys() - in_proto),
        *(f"{reason}: errors.py has it, services/status.py has no code for it" for reason in classes.keys() - table.keys()),
        *(
            f"{reason}: proto promises {promised.get(reason)}, services/status.py says {code}"
            for reason, code in table.items()
            if promised.get(reason) != code
        ),
    ]
    assert len(in_proto) == len(promised), "every reason's comment, or that of the reason above it, must start with its gRPC code"
    assert not offences, report(sorted(offences), "An error stands in errors.proto, errors.py and services/status.py alike:")


def test_each_error_says_whether_to_retry() -> None:
    """What says nothing was done, or that one id has one effect at most, may be retried; a refusal for what the request says may not."""
    retryable = {refusal.reason for refusal in errors.Refusal.__subclasses__() if refusal.retryable}
    codes = {status.CODES[refusal].name for refusal in errors.Refusal.__subclasses__() if refusal.retryable}
    assert {"OVERLOADED", "NODE_UNAVAILABLE", "OUTCOME_UNKNOWN", "WRITE_CONFLICT"} <= retryable
    assert not codes & {"INVALID_ARGUMENT", "ALREADY_EXISTS", "PERMISSION_DENIED", "NOT_FOUND"}, "no retry mends the request itself"


def codes_in_comments(text: str) -> dict[str, str]:
    """Reason -> gRPC code; a reason without a comment of its own shares that of the reason above."""
    codes: dict[str, str] = {}
    code = ""
    for line in text.splitlines():
        if said := re.match(r"\s*// ([A-Z_]{4,})\. ", line):
            code = said.group(1)
        elif (value := re.match(rf"\s*{PREFIX}(\w+) = \d+;", line)) and code:
            codes[value.group(1)] = code
    return codes
