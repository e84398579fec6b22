"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

from tests.repo.functions import Function, brace_functions, python_functions
from tests.repo.sources import report, sources, text_of

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70


def functions_of(suffix: str, text: str) -> list[Function]:
    match suffix:
        case ".py":
            return python_functions(text)
        case ".rs":
            return brace_functions(text, "fn")
        case ".go":
            return brace_functions(text, "func")
        case _:
            return []


def test_files_are_short() -> None:
    """No hand-written source file is longer than 400 lines."""
    lengths = {path: len(text_of(path).splitlines()) for path in sources()}
    offences = [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > FILE_LINES_MAX]
    assert not offences, report(offences, f"A source file has at most {FILE_LINES_MAX} lines; these want to be two:")


def test_functions_are_short() -> None:
    """No hand-written function is longer than 70 lines."""
    offences = [
        f"{path}:{function.line} {function.name}: {function.lines} lines"
        for path in sources()
        for function in functions_of(path.suffix, text_of(path))
        if function.lines > FUNCTION_LINES_MAX
    ]
    assert not offences, report(offences, f"A function has at most {FUNCTION_LINES_MAX} lines; these want to be two:")


def test_functions_are_found() -> None:
    """The measure itself: braces in strings, comments and characters don't end a function early, nor does a declaration count."""
    rust = """
fn declared(a: [u8; 4]) -> u8;
// fn commented() { }
pub fn real<'a>(text: &'a str) -> char {
    let _ = ("}", r#"}"}"#, '}', '\\'', "\\"}");
    /* } */
    match text { _ => '{' }
}
"""
    python = "class A:\n    async def b(self):\n        def c():\n            pass\n        return c\n"
    go = "func (s *server) Play(x int) error {\n\treturn `}`\n}\n"
    assert brace_functions(rust, "fn") == [Function("real", 4, 5)]
    assert python_functions(python) == [Function("b", 2, 4), Function("c", 3, 2)]
    assert brace_functions(go, "func") == [Function("Play", 1, 3)]
