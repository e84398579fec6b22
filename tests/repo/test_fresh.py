"""What is generated and committed is what would be generated now, and what is pinned is pinned whole."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.repo.sources import ROOT, report, text_of, tracked

PINS = ("run", "test", "dev")


def test_stubs_are_fresh() -> None:
    """The committed Python stubs are what proto/ gives."""
    check = subprocess.run([sys.executable, "proto/generate_stubs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


def test_pins_have_hashes_and_no_addresses() -> None:
    """Every pinned package has its hashes, and no requirements file says where to ask for it."""
    offences: list[str] = []
    for name in PINS:
        text = (ROOT / f"requirements/{name}.txt").read_text()
        blocks = re.split(r"\n(?=\w)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
        offences += [f"{name}.txt: {block.split()[0]} has no hash" for block in blocks if "--hash=sha256:" not in block]
        offences += [f"{name}.txt: {line}" for line in text.splitlines() if re.search(r"://|--(extra-)?index-url|--find-links", line)]
    assert not offences, report(offences, "Requirements are pinned by hash and name no address (make pins):")


def test_pins_cover_what_the_packages_need() -> None:
    """Each package that a pyproject.toml names stands in the pins of its set, and the sets contain each other."""
    pinned = {name: set(re.findall(r"^([\w.-]+)==", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)) for name in PINS}
    packages = [tomllib.loads(text_of(path)) for path in tracked() if path.name == "pyproject.toml"]
    groups = tomllib.loads(text_of(Path("pyproject.toml")))["dependency-groups"]
    needs = {
        "run": [need for package in packages for need in [*package["project"]["dependencies"], *package["build-system"]["requires"]]],
        "test": groups["test"],
        "dev": [need for need in groups["dev"] if isinstance(need, str)],
    }
    offences = [
        f"{need} is not pinned in {name}.txt"
        for name, listed in needs.items()
        for need in listed
        if re.split(r"[\[<>=!~; ]", need)[0] not in pinned[name]
    ]
    assert not offences, report(offences, "Everything that is needed is pinned (make pins):")
    assert pinned["run"] <= pinned["test"] <= pinned["dev"], "run.txt, test.txt and dev.txt must contain each other (make pins)"


def test_node_pins_have_hashes_and_no_addresses() -> None:
    """The lints that npm serves are locked by version and hash, and the lock says no address."""
    lock = json.loads((ROOT / ".ci/node/package-lock.json").read_text())
    packages = {name: facts for name, facts in lock["packages"].items() if name}
    offences = [name for name, facts in packages.items() if "integrity" not in facts or "resolved" in facts]
    assert packages, "the lock must list packages"
    assert not offences, report(offences, "A locked npm package has an integrity and no resolved address:")


def test_every_rust_test_file_is_run() -> None:
    """engine_core's integration tests are one program, and each file beside its main.rs is a module of it."""
    folder = Path("engine_core/tests")
    listed = set(re.findall(r"^mod (\w+);", text_of(folder / "main.rs"), re.MULTILINE))
    files = {path.stem for path in tracked() if path.parent == folder and path.suffix == ".rs"} - {"main"}
    assert files == listed, f"engine_core/tests/main.rs must name each file beside it: {sorted(files ^ listed)}"
