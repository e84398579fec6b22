"""proto/ is the API's reference: every RPC names its roles, everything is explained, and the words are the project's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

from croupier.pb import options_pb2
from tests.repo.sources import ROOT, report

# A word of another trade -> the project's word for the same thing.
FORBIDDEN = {
    "user": "player",
    "customer": "player",
    "account": "wallet",
    "spin": "round",
    "hand": "round",
    "tenant": "operator",
}
# Parts of an outcome, which are called what players call them.
PARTS_OF_AN_OUTCOME = {("slots.proto", "spin"), ("blackjack.proto", "hand")}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[descriptor_pb2.FileDescriptorProto]:
    """croupier.v1 as descriptors, with comments."""
    made = tmp_path_factory.mktemp("proto") / "image"
    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/croupier/v1").glob("*.proto"))
    include = str(Path(protoc.__file__).parent / "_proto")
    assert (
        protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"-I{include}", "--include_source_info", f"--descriptor_set_out={made}", *protos])
        == 0
    )
    return list(descriptor_pb2.FileDescriptorSet.FromString(made.read_bytes()).file)


def test_every_rpc_names_its_roles(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    """Deny by default: an RPC without the roles option may be called by nobody, so one without it is a mistake."""
    methods = [(service.name, method) for file in files for service in file.service for method in service.method]
    without = [f"{service}.{method.name}" for service, method in methods if not roles_of(method)]
    assert methods, "there must be RPCs"
    assert not without, report(without, "Each RPC names who may call it by `option (roles) = ROLE_…`:")


def test_identifiers_use_the_words(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    """No identifier says by another word what the project has a word for."""
    offences = [
        f"{file.name.rsplit('/', 1)[-1]}: {name} says {word}; the word is {FORBIDDEN[word]}"
        for file in files
        for name in identifiers(file)
        for word in words(name)
        if word in FORBIDDEN and (file.name.rsplit("/", 1)[-1], word) not in PARTS_OF_AN_OUTCOME
    ]
    assert not offences, report(offences, "One word per idea:")


def test_services_rpcs_and_messages_are_explained(files: list[descriptor_pb2.FileDescriptorProto]) -> None:
    """Each service, RPC, message and enum that is not a bare request or answer carries a comment."""
    offences = [f"{file.name}: {name}" for file in files for path, name in to_explain(file) if not comment(file, path)]
    assert not offences, report(offences, "The comments of proto/ are the API's reference; these have none:")


def roles_of(method: descriptor_pb2.MethodDescriptorProto) -> list[int]:
    """The roles option, read through the extension that options.proto defines."""
    roles: Any = options_pb2.roles
    return list(method.options.Extensions[roles])


def test_words_are_split() -> None:
    """The splitting itself, in both cases that proto uses, plurals too."""
    assert words("UserAccounts_by_hand") == ["user", "account", "by", "hand"]
    assert words("ROLE_PLAYER") == ["role", "player"]


def words(name: str) -> list[str]:
    """An identifier's words, in lower case and in the singular."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return [part.lower().removesuffix("s") for part in parts]


def identifiers(file: descriptor_pb2.FileDescriptorProto) -> Iterator[str]:
    """Every name that a file gives: services, RPCs, messages, fields, enums, values."""
    for service in file.service:
        yield service.name
        yield from (method.name for method in service.method)
    for message in file.message_type:
        yield from message_identifiers(message)
    for enum in file.enum_type:
        yield from [enum.name, *(value.name for value in enum.value)]


def message_identifiers(message: descriptor_pb2.DescriptorProto) -> Iterator[str]:
    yield from [message.name, *(field.name for field in message.field), *(oneof.name for oneof in message.oneof_decl)]
    for nested in message.nested_type:
        yield from message_identifiers(nested)
    for enum in message.enum_type:
        yield from [enum.name, *(value.name for value in enum.value)]


def to_explain(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Descriptor path and name of what needs a comment."""
    for i, service in enumerate(file.service):
        yield (6, i), service.name
        yield from (((6, i, 2, j), f"{service.name}.{method.name}") for j, method in enumerate(service.method))
    for i, message in enumerate(file.message_type):
        if not message.name.endswith(("Request", "Response")):
            yield (4, i), message.name
    for i, enum in enumerate(file.enum_type):
        yield (5, i), enum.name


def comment(file: descriptor_pb2.FileDescriptorProto, path: tuple[int, ...]) -> str:
    return next((place.leading_comments for place in file.source_code_info.location if tuple(place.path) == path), "")
