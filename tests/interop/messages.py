"""The messages of testing.proto as classes, made when they are first asked for: no generated file is kept."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

PROTO = Path(__file__).with_name("testing.proto")
SERVICE = "grpc.testing.TestService"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    with tempfile.TemporaryDirectory() as folder:
        described = Path(folder) / "testing.bin"
        code = protoc.main(["protoc", f"-I{PROTO.parent}", f"--descriptor_set_out={described}", PROTO.name])
        assert code == 0, "testing.proto cannot be read"
        files = FileDescriptorSet.FromString(described.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def message(name: str) -> Any:
    """The class of a message of grpc.testing."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"grpc.testing.{name}"))
