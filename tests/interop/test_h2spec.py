"""h2spec against the front door: every generic, HTTP/2 and HPACK case, the strict ones too; those that fail are known by name and reason."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

from tests.integration.certificates import Authority
from tests.interop.messages import SERVICE
from tests.interop.programs import h2spec, needs_go
from tests.interop.serving import Door
from tests.repo.sources import ROOT

CASES = 146
NO_DATA = {
    "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
    "Sends a PRIORITY frame on half-closed (remote) stream",
    "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
}
"""They need an answer with data to a request without a body. A call of a hot method without a message is refused at once, by headers alone."""
CLOSED = {"Sends invalid connection preface"}
"""The door closes the connection, but with the rest of what was sent unread, which TCP says as a reset: h2spec wants an orderly end."""
FAILING = {"StreamingInputCall": CLOSED, "EmptyCall": CLOSED | NO_DATA}
"""By method: forwarded, and decided by the owner."""
FAILING_OVER_TLS: set[str] = set()


class Played(NamedTuple):
    """How the cases ended."""

    failed: set[str]
    skipped: int
    said: str


def played(door: Door, method: str, report: Path, *flags: str) -> Played:
    """Every case against one method."""
    command = [h2spec(), "--strict", "-h", "127.0.0.1", "-p", str(door.port), "-P", f"/{SERVICE}/{method}", "-j", report, *flags]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 The report is h2spec's own.
    assert len(cases) == CASES, said
    failed = {str(case.get("classname")) for case in cases if case.find("failure") is not None or case.find("error") is not None}
    return Played(failed, sum(case.find("skipped") is not None for case in cases), said[said.find("Failures:") :])


@needs_go
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", FAILING)
@pytest.mark.parametrize("door", ["hot"], indirect=True)
def test_h2spec(door: Door, tmp_path: Path, method: str) -> None:
    """What fails is what is known to fail, and nothing else is left out but cases that need a method which answers with data."""
    found = played(door, method, tmp_path / "report.xml")
    assert (found.failed, found.skipped) == (FAILING[method], 0 if method == "StreamingInputCall" else 4), found.said


@needs_go
@pytest.mark.timeout(600)
def test_h2spec_over_tls(tmp_path: Path) -> None:
    """The same over TLS, where HTTP/2 is agreed on by ALPN and has rules of its own."""
    key, certificate = Authority("h2spec").issue("door")
    with Door(tmp_path / "door", tls=(certificate, key, None)) as door:
        found = played(door, "StreamingInputCall", tmp_path / "report.xml", "--tls", "--insecure")
    assert (found.failed, found.skipped) == (FAILING_OVER_TLS, 0), found.said


def test_what_fails_is_written_down() -> None:
    """The page on conformance names each case that fails."""
    page = (ROOT / "docs/conformance.md").read_text()
    assert not [case for case in CLOSED | NO_DATA if case not in page]
