"""Finds functions and their lengths in Python (by its own parser) and in Rust and Go (by braces, with strings and comments blanked)."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple


class Function(NamedTuple):
    """A function: its name, its first line, and how many lines it takes, signature and body."""

    name: str
    line: int
    lines: int


def python_functions(text: str) -> list[Function]:
    """Every function and method, nested ones too; decorators don't count."""
    defs = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [Function(node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1) for node in defs]


def brace_functions(text: str, keyword: str) -> list[Function]:
    """Every function with a body in a language of braces; `keyword` starts one: fn in Rust, func in Go."""
    blank = blank_strings_and_comments(text)
    found: list[Function] = []
    for match in re.finditer(rf"\b{keyword}\s+(?:\([^)]*\)\s*)?(\w+)", blank):
        start = body_start(blank, match.end())
        if start is not None:
            end = body_end(blank, start)
            first = blank.count("\n", 0, match.start()) + 1
            found.append(Function(match.group(1), first, blank.count("\n", match.start(), end) + 1))
    return found


NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"|`[^`]*`|b?'(?:\\(?:u\{[^}]*\}|x..|.)|[^'\\])'""",
    re.DOTALL,
)


def blank_strings_and_comments(text: str) -> str:
    """The same text with everything that is not code replaced by spaces; lines stay where they were."""
    return NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def body_start(text: str, at: int) -> int | None:
    """Where the body's brace opens, or None for a declaration without a body."""
    depth = 0
    for index in range(at, len(text)):
        char = text[index]
        if char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif depth == 0 and char == "{":
            return index
        elif depth == 0 and char == ";":
            return None
    return None


def body_end(text: str, start: int) -> int:
    """Where the brace that opens at `start` is closed."""
    depth = 0
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return len(text)
