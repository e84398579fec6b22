"""Plays the golden scenarios through the Python client; tests/golden/scenarios/README.md says what they hold."""

from __future__ import annotations

import hashlib
import json
import re
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from croupier_client import Client, CroupierError, bets, new_id
from croupier_client.calls import Call
from croupier_client.ids import format_id
from croupier_client.pb import (
    admin_service_pb2,
    blackjack_pb2,
    catalog_service_pb2,
    round_service_pb2,
    session_service_pb2,
    wallet_service_pb2,
)

FOLDER = Path(__file__).parent.parent / "golden/scenarios"
SERVICES = {
    service.name: service
    for module in (admin_service_pb2, catalog_service_pb2, round_service_pb2, session_service_pb2, wallet_service_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
}
REPEATS_MAX = 200


class Scenario:
    """One scenario with the names it knows."""

    def __init__(self, path: Path, address: str, names: dict[str, str]) -> None:
        self._file: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self._address = address
        self._names = names
        self._kept: dict[str, Message] = {}
        for name, text in self._file["vars"].items():
            self._names[name] = self._fill(text)

    def run(self) -> None:
        """Plays every step; the first that comes out differently fails with its number."""
        for number, step in enumerate(self._file["steps"], start=1):
            try:
                self._step(step)
            except Exception as error:
                error.add_note(f"in step {number}: {json.dumps(step)[:300]}")
                raise

    def _step(self, step: dict[str, Any]) -> None:
        if "finish" in step:
            self._finish(step["finish"])
        elif "seed" in step:
            assert hashlib.sha256(bytes.fromhex(self._fill(step["seed"]))).hexdigest() == self._fill(step["hash"])
        elif "error" in step:
            with pytest.raises(CroupierError) as caught:
                self._responses(step)
            _compare_error(caught.value, self._fill(step["error"]))
        else:
            self._check(step, self._responses(step))

    def _check(self, step: dict[str, Any], responses: list[Message]) -> None:
        expected = self._fill(step.get("expect", []))
        for response, part in zip(responses, expected if "stream" in step else [expected] if expected else [], strict=False):
            _compare(part, _as_json(response), "response")
        if "stream" in step:
            assert len(responses) == len(expected)
        if "same" in step:
            assert responses[-1].SerializeToString(deterministic=True) == self._kept[step["same"]].SerializeToString(deterministic=True)
        if "keep" in step:
            self._kept[step["keep"]] = responses[-1]
        for name, path in step.get("save", {}).items():
            self._names[name] = _at(_as_json(responses[-1]), path)
            assert self._names[name], f"{path} is not set"

    def _responses(self, step: dict[str, Any]) -> list[Message]:
        with Client(self._address, self._fill(step.get("as", "${operatorKey}"))) as client:
            if "stream" in step:
                return self._stream(client, step)
            for _ in range(REPEATS_MAX):
                response = client.send(_call(step["call"], self._fill(step["request"])))
                if "until" not in step or _holds(step["until"], _as_json(response)):
                    return [response]
        raise AssertionError(f"{REPEATS_MAX} calls, and none came out as {step['until']}")

    def _stream(self, client: Client, step: dict[str, Any]) -> list[Message]:
        requests = [self._fill(request) for request in step["requests"]]
        if step["stream"] == "WalletService.WatchWallet":
            (request,) = requests
            watch = client.watch_wallet(request["name"], request.get("resumeToken", ""))
            return list(islice(watch, len(step.get("expect", [None]))))
        plays = [json_format.ParseDict(request["play"], round_service_pb2.PlayRequest()) for request in requests]
        return [_response_of(answer.round, answer.error) for answer in client.play_stream(plays)]

    def _finish(self, kept: str) -> None:
        response = self._kept[kept]
        assert isinstance(response, (round_service_pb2.PlayResponse, round_service_pb2.ActResponse))
        with Client(self._address, self._names["operatorKey"]) as client:
            while response.round.state == round_service_pb2.ROUND_STATE_OPEN:
                insured = blackjack_pb2.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE in response.round.outcome.blackjack.legal
                action = bets.decline_insurance() if insured else bets.stand()
                step = response.round.step + 1
                made = [client.act(response.round.name, step, action) for _ in range(2)]
                assert made[0] == made[1], "a step repeated gives its stored answer"
                response = round_service_pb2.ActResponse(round=made[0])
        self._kept[kept] = response

    def _fill(self, value: Any) -> Any:
        """The value with every ${name} replaced."""
        if isinstance(value, str):
            return re.sub(r"\$\{([^}]+)\}", lambda match: self._name(match[1]), value)
        if isinstance(value, dict):
            return {key: self._fill(part) for key, part in value.items()}  # pyright: ignore[reportUnknownVariableType]
        return [self._fill(part) for part in value] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]

    def _name(self, name: str) -> str:
        if name == "fresh":
            return new_id()
        if name.startswith("old."):
            return format_id(time.time_ns() // 1_000_000 - int(name.removeprefix("old.")) * 86_400_000, int.from_bytes(name.encode()))
        if name.startswith("id."):
            return self._names.setdefault(name, new_id())
        return self._names[name]


def _call(path: str, request: dict[str, Any]) -> Call[Any, Any]:
    service, method = path.split(".")
    descriptor = SERVICES[service].methods_by_name[method]
    message = json_format.ParseDict(request, GetMessageClass(descriptor.input_type)())
    return Call(f"/{SERVICES[service].full_name}/{method}", message, GetMessageClass(descriptor.output_type), lambda response: response)


def _response_of(round_: round_service_pb2.Round | None, error: CroupierError | None) -> Message:
    result = round_service_pb2.PlayResult(round=round_)
    if error is not None:
        result.refusal.code = error.code.value[0]
        result.refusal.reason = f"ERROR_REASON_{error.reason}"  # pyright: ignore[reportAttributeAccessIssue]
        result.refusal.field = error.field
    return round_service_pb2.PlayStreamResponse(result=result)


def _as_json(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message, always_print_fields_with_no_presence=True)


def _compare_error(error: CroupierError, expected: dict[str, Any]) -> None:
    assert (error.code.name, error.reason) == (expected["code"], expected["reason"]), str(error)
    assert error.field == expected.get("field", error.field), str(error)
    assert expected.get("metadata", {}).items() <= error.metadata.items(), f"{error}: {error.metadata}"


def _compare(expected: Any, got: Any, path: str) -> None:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, part in expected.items():  # pyright: ignore[reportUnknownVariableType]
            _compare(part, got.get(key), f"{path}.{key}")  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    elif isinstance(expected, list) and isinstance(got, list):
        assert len(expected) == len(got), path  # pyright: ignore[reportUnknownArgumentType]
        for index, (part, other) in enumerate(zip(expected, got, strict=True)):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            _compare(part, other, f"{path}[{index}]")
    else:
        assert expected == got or (_unset(expected) and _unset(got)), f"{path} is {got!r}, expected {expected!r}"


def _holds(expected: Any, got: Any) -> bool:
    try:
        _compare(expected, got, "")
    except AssertionError:
        return False
    return True


def _unset(value: Any) -> bool:
    return value in (None, 0, "", "0", [])


def _at(value: Any, path: str) -> Any:
    for part in re.findall(r"[^.\[\]]+", path):
        value = value[int(part)] if isinstance(value, list) else value.get(part)
    return value
