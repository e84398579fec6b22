"""What no file of the repository may hold: paths of one machine, addresses of registries, nameless file names."""

from __future__ import annotations

import re
from pathlib import Path

from tests.repo.sources import ROOT, report, sources, text_of, tracked

# Written in two parts, so that this file keeps its own rule.
MACHINE_PATH = re.compile(r"(?<![\w./])/(?:" + "work|root|home|farm|tmp" + r")/[\w.]")
REGISTRY = re.compile(
    "|".join(re.escape(".".join(parts)) for parts in [
        ("pypi", "org"), ("files", "pythonhosted", "org"), ("crates", "io"), ("proxy", "golang", "org"), ("registry", "npmjs", "org"),
        ("repo", "maven", "apache", "org"), ("repo1", "maven", "org"), ("deb", "debian", "org"),
    ])
)  # fmt: skip
CARGO_SOURCE = re.compile(r'^source = "registry\+https://github\.com/rust-lang/' + r"crates\.io-index\"$")
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b|\b(?:to" + r"do|unimplemented)!\(|raise Not" + r"ImplementedError")
NAMELESS = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"})


def offences(pattern: re.Pattern[str], path: Path, text: str) -> list[str]:
    lines = enumerate(text.splitlines(), start=1)
    return [f"{path}:{number} {line.strip()[:120]}" for number, line in lines if pattern.search(line) and not CARGO_SOURCE.match(line)]


def test_no_path_of_one_machine() -> None:
    """Nothing names a folder that exists on one machine only."""
    found = [offence for path in tracked() for offence in offences(MACHINE_PATH, path, text_of(path))]
    assert not found, report(found, "No file names a path of one machine; say it relative to the root, or make it a setting:")


def test_no_registry_address() -> None:
    """No file names a package registry's host: pins hold names, versions and hashes, and the client knows where to ask."""
    found = [offence for path in tracked() for offence in offences(REGISTRY, path, text_of(path))]
    assert not found, report(found, "No file names a package registry's host:")


def test_nothing_is_left_to_do() -> None:
    """No source says that it is unfinished."""
    found = [offence for path in sources() for offence in offences(UNFINISHED, path, text_of(path))]
    assert not found, report(found, "Finish it, or leave it out and say so in the documents:")


def test_patterns_find_what_they_should() -> None:
    """The patterns themselves: what they must find, and what looks alike and is none."""
    registry = "index-url = https://" + "pypi" + ".org/simple"
    assert offences(MACHINE_PATH, Path("a"), 'open("/' + 'tmp/x")\n')
    assert offences(REGISTRY, Path("a"), registry)
    assert offences(UNFINISHED, Path("a"), "// TO" + "DO: later")
    assert not offences(MACHINE_PATH, Path("a"), "rounds/home/x, engine/work/y and https://example.com/root/z")
    assert not offences(REGISTRY, Path("a"), "crates and io")


def test_names_say_what_a_file_is_for() -> None:
    """No file or folder is named utils, helpers, common, manager or base."""
    found = [str(path) for path in tracked() if NAMELESS & {Path(part).stem.lower() for part in path.parts}]
    assert not found, report(found, f"A name carries its meaning; none of {', '.join(sorted(NAMELESS))} does:")


def test_licence_is_there() -> None:
    """The repository carries Apache-2.0 in full, and both packages and every crate name it."""
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence, "LICENSE must be the text of Apache-2.0"
    assert "END OF TERMS AND CONDITIONS" in licence, "LICENSE must be the whole text of Apache-2.0"
    manifests = [path for path in tracked() if path.name in {"pyproject.toml", "Cargo.toml"}]
    found = [str(path) for path in manifests if not re.search(r'license(\.workspace = true| = "Apache-2.0")', text_of(path))]
    assert not found, report(found, "Each package names its licence, Apache-2.0:")
