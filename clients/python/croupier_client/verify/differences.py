"""Where two messages differ, in words."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message


def differences(stored: Message, recomputed: Message, path: str = "") -> list[str]:
    """One sentence for each field in which the messages differ, depth first, empty where they are equal."""
    found: list[str] = []
    for field in stored.DESCRIPTOR.fields:
        where = f"{path}.{field.name}" if path else field.name
        left, right = getattr(stored, field.name), getattr(recomputed, field.name)
        if field.is_repeated:
            found += _repeated(field, left, right, where)
        elif field.message_type is not None:
            found += _single(left if stored.HasField(field.name) else None, right if recomputed.HasField(field.name) else None, where)
        elif left != right:
            found.append(f"{where} is {_show(field, left)}, recomputed {_show(field, right)}")
    return found


def _single(left: Message | None, right: Message | None, where: str) -> list[str]:
    if left is not None and right is not None:
        return differences(left, right, where)
    if left is None and right is None:
        return []
    return [f"{where} is {'absent' if left is None else 'present'}, recomputed {'absent' if right is None else 'present'}"]


def _repeated(field: Any, left: Any, right: Any, where: str) -> list[str]:
    found = [f"{where} holds {len(left)} items, recomputed {len(right)}"] if len(left) != len(right) else []
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if field.message_type is not None:
            found += differences(one, other, f"{where}[{index}]")
        elif one != other:
            found.append(f"{where}[{index}] is {_show(field, one)}, recomputed {_show(field, other)}")
    return found


def _show(field: Any, value: Any) -> str:
    if field.enum_type is None:
        return str(value)
    known = field.enum_type.values_by_number.get(value)
    return known.name if known else str(value)
