"""The stub of the native module says what the binary holds: names, signatures, properties."""

import ast
import inspect
from pathlib import Path

import pytest

import croupier._engine as engine

STUB = Path(engine.__file__).parent / "_engine.pyi"


def _tree() -> ast.Module:
    return ast.parse(STUB.read_text(encoding="utf-8"))


CLASSES = {node.name: node for node in _tree().body if isinstance(node, ast.ClassDef) and not node.bases}


def _functions(body: list[ast.stmt]) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _parameters(function: ast.FunctionDef) -> list[tuple[str, str, str | None]]:
    """Name, kind and default of each parameter of a stub's function."""
    args = function.args
    names = [(a, "positional") for a in args.posonlyargs] + [(a, "either") for a in args.args]
    defaults: list[ast.expr | None] = [None] * (len(names) - len(args.defaults)) + list(args.defaults)
    found = [(a.arg, kind, None if d is None else ast.unparse(d)) for (a, kind), d in zip(names, defaults, strict=True)]
    found += [(args.vararg.arg, "all others", None)] if args.vararg else []
    keyword = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    found = [p for p in found if p[0] != "self"]
    return found + [(a.arg, "keyword", None if d is None else ast.unparse(d)) for a, d in keyword]


def _binary_parameters(function: object) -> list[tuple[str, str, str | None]]:
    kinds = {
        inspect.Parameter.POSITIONAL_ONLY: "positional",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "either",
        inspect.Parameter.VAR_POSITIONAL: "all others",
        inspect.Parameter.KEYWORD_ONLY: "keyword",
    }
    signature = inspect.signature(function)  # type: ignore[arg-type]
    return [
        (p.name, kinds[p.kind], None if p.default is inspect.Parameter.empty else repr(p.default))
        for p in signature.parameters.values()
        if p.name != "self"
    ]


def test_stub_and_binary_hold_the_same_names() -> None:
    """Every public name of the module is in the stub, and the other way round."""
    stub = {node.name for node in _tree().body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    binary = {name for name in dir(engine) if not name.startswith("_")}
    assert stub == binary


def test_function_signatures_agree() -> None:
    """Every function of the module takes the parameters that the stub names."""
    for name, function in _functions(_tree().body).items():
        assert _binary_parameters(getattr(engine, name)) == _parameters(function), name


@pytest.mark.parametrize("class_", sorted(CLASSES))
def test_members_and_signatures_agree(class_: str) -> None:
    """Every method and property of each class is as in the stub."""
    native = getattr(engine, class_)
    stub = {name: f for name, f in _functions(CLASSES[class_].body).items() if not name.startswith("__")}
    assert set(stub) == {name for name in dir(native) if not name.startswith("_")}
    for name, function in stub.items():
        decorators = {ast.unparse(d) for d in function.decorator_list}
        member = inspect.getattr_static(native, name)
        assert inspect.isgetsetdescriptor(member) == ("property" in decorators), name
        assert isinstance(member, staticmethod) == ("staticmethod" in decorators), name
        if "property" not in decorators:
            assert _binary_parameters(getattr(native, name)) == _parameters(function), name


def test_exceptions_have_the_stubs_bases() -> None:
    """Every exception derives from the base that the stub gives it."""
    for node in _tree().body:
        if isinstance(node, ast.ClassDef) and node.bases:
            assert [base.__name__ for base in getattr(engine, node.name).__bases__] == [ast.unparse(b) for b in node.bases]
