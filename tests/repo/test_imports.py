"""Who may import what, where import-linter can't see it: native modules, single files, and the trees outside the server's package."""

from __future__ import annotations

import ast
import re
from pathlib import Path, PurePath

import pytest

from tests.repo.sources import ROOT, report, sources, text_of

SERVER = "pyserver/croupier"
# Module -> the only files of the server that may import it, as glob patterns under its package.
ALLOWED_IMPORTERS = {
    "croupier._engine": ["door.py", "encoding.py", "engine.py", "stores/sqlite_connection.py"],
    "sqlite3": [],
    "cassandra": ["stores/cassandra/*.py"],
    "acsylla": ["stores/cassandra/*.py"],
    "nats": ["events/*.py"],
    "prometheus_client": ["metrics.py", "server.py", "services/*.py", "web/*.py"],
}


def imported(text: str) -> set[str]:
    """Every module that a Python file imports, and what it imports from one: `from a import b` as a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imports(text: str, module: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for name in imported(text))


def python_files(folder: str) -> list[Path]:
    return [path for path in sources() if path.suffix == ".py" and path.is_relative_to(folder)]


@pytest.mark.parametrize("module", sorted(ALLOWED_IMPORTERS))
def test_module_stays_behind_its_door(module: str) -> None:
    """A module that only some files may know is imported by no other."""
    patterns = ALLOWED_IMPORTERS[module]
    found = [
        str(path)
        for path in python_files(SERVER)
        if imports(text_of(path), module) and not any(PurePath(path.relative_to(SERVER)).match(pattern) for pattern in patterns)
    ]
    assert not found, report(found, f"{module} may be imported only by {', '.join(patterns)} in {SERVER}:")


@pytest.mark.parametrize("folder", ["bench", "clients"])
def test_outsiders_use_the_wire(folder: str) -> None:
    """The load generator and the clients know the API, not the server's code; benches of a part may import that part by name."""
    parts = {"croupier.engine", "croupier._engine", "croupier.stores", "croupier.model", "croupier.config", "croupier.scheduling"}
    may = parts if folder == "bench" else set[str]()
    found = [
        f"{path} imports {name}"
        for path in python_files(folder)
        for name in sorted(imported(text_of(path)))
        if (name == "croupier" or name.startswith("croupier.")) and not any(name == ok or name.startswith(f"{ok}.") for ok in may)
    ]
    assert not found, report(found, f"{folder}/ uses the wire and imports no server code:")


def test_only_the_bridge_knows_python() -> None:
    """pyo3 is named by the bridge crate alone, so the engine builds and tests without Python."""
    rust = [path for path in sources() if path.suffix == ".rs" and not path.is_relative_to("pyserver/native")]
    found = [str(path) for path in rust if re.search(r"\bpyo3\b", text_of(path))]
    manifest = text_of(Path("engine_core/Cargo.toml"))
    assert not found, report(found, "Only pyserver/native names pyo3:")
    assert "pyo3" not in manifest, "engine_core must not depend on pyo3"


def test_the_engine_is_pure() -> None:
    """engine_core has no clock, files, network, environment or threads of its own outside analysis/, and no floats in its money."""
    impure = re.compile(r"\bstd::(time|fs|net|env|process)\b|\bSystemTime\b|\bInstant\b")
    rust = [path for path in sources() if path.suffix == ".rs" and path.is_relative_to("engine_core/src")]
    found = [f"{path}: {match.group()}" for path in rust if (match := impure.search(text_of(path)))]
    amount = text_of(Path("engine_core/src/amount.rs"))
    assert rust, "engine_core/src must hold the engine"
    assert not found, report(found, "engine_core is pure: no clock, I/O, environment:")
    assert not re.search(r"\bf(32|64)\b", amount), "engine_core/src/amount.rs must not know floats"


def test_imports_are_read() -> None:
    """The reading itself, and that the server's package is where this file looks for it."""
    assert imports("from croupier import _engine", "croupier._engine")
    assert imports("def f():\n    import croupier._engine as e", "croupier._engine")
    assert not imports("from croupier.engine import Played", "croupier._engine")
    assert (ROOT / SERVER / "__init__.py").is_file()
