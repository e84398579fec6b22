"""As much of Cassandra's protocol as it takes to ask a node whether it serves, without a driver: one query in, yes or no out."""

from __future__ import annotations

import socket
import struct

_VERSION = 4
_STARTUP, _READY, _OPTIONS, _SUPPORTED, _QUERY, _RESULT = 0x01, 0x02, 0x05, 0x06, 0x07, 0x08
_ONE = 0x0001
_HEADER = struct.Struct(">BBhBi")
_TIMEOUT_S = 3.0
_EVERY_RANGE = "SELECT role FROM system_auth.roles"
"""A scan of a table that has each row once in the whole ring: it succeeds only where the asked node believes every other one that it knows alive."""
_PEERS = "SELECT peer FROM system.peers_v2"
"""The nodes that the asked one knows of: a node that has just started serves before it has heard of all."""
_GLOBAL_TABLE = 0x0001


def serves(address: str, port: int) -> bool:
    """Whether the node answers a caller's first question."""
    try:
        with _connected(address, port) as node:
            return _ask(node, _OPTIONS, b"")[0] == _SUPPORTED
    except OSError:
        return False


def sees_all(address: str, port: int, nodes: int) -> bool:
    """Whether the node knows of all `nodes` of the ring, itself included, and believes that each is alive."""
    try:
        with _connected(address, port) as node:
            if _ask(node, _STARTUP, _string_map({"CQL_VERSION": "3.0.0"}))[0] != _READY:
                return False
            answer, body = _ask(node, _QUERY, _query(_PEERS))
            knows_all = answer == _RESULT and _rows(body) == nodes - 1
            return knows_all and _ask(node, _QUERY, _query(_EVERY_RANGE))[0] == _RESULT
    except OSError:
        return False


def _connected(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), _TIMEOUT_S)


def _ask(node: socket.socket, opcode: int, body: bytes) -> tuple[int, bytes]:
    """Sends a frame; the opcode and the body of the one that answers."""
    node.sendall(_HEADER.pack(_VERSION, 0, 0, opcode, len(body)) + body)
    _, _, _, answer, length = _HEADER.unpack(_exactly(node, _HEADER.size))
    return answer, _exactly(node, length)


def _query(cql: str) -> bytes:
    text = cql.encode()
    return struct.pack(">i", len(text)) + text + struct.pack(">HB", _ONE, 0)


def _rows(body: bytes) -> int:
    """How many rows a result has, of a query for one column of one table (native protocol v4, section 4.2.5.2)."""
    _, flags, _ = struct.unpack_from(">iii", body)
    assert flags == _GLOBAL_TABLE, flags
    at = 12
    for _ in ("keyspace", "table", "column"):
        at += 2 + struct.unpack_from(">H", body, at)[0]
    return struct.unpack_from(">i", body, at + 2)[0]


def _exactly(node: socket.socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        part = node.recv(length - len(received))
        if not part:
            raise ConnectionResetError("the node closed the connection")
        received += part
    return bytes(received)


def _string_map(entries: dict[str, str]) -> bytes:
    strings = [text.encode() for entry in entries.items() for text in entry]
    return struct.pack(">H", len(entries)) + b"".join(struct.pack(">H", len(text)) + text for text in strings)
