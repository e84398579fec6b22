"""h2spec against the front door: every generic, HTTP/2 and HPACK case, the strict ones too; those that fail are known by name and reason."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

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


@needs_go
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", FAILING)
@pytest.mark.parametrize("door", ["hot"], indirect=True)
def test_h2spec(door: Door, tmp_path: Path, method: str) -> None:
    """What fails is what is known to fail, and nothing else is left out but cases that need a method which answers with data."""
    report = tmp_path / "report.xml"
    command = [h2spec(), "--strict", "-h", "127.0.0.1", "-p", str(door.port), "-P", f"/{SERVICE}/{method}", "-j", report]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 The report is h2spec's own.
    assert len(cases) == CASES, said
    failed = {str(case.get("classname")) for case in cases if case.find("failure") is not None or case.find("error") is not None}
    skipped = [case for case in cases if case.find("skipped") is not None]
    assert failed == FAILING[method], said[said.find("Failures:") :]
    assert len(skipped) == (0 if method == "StreamingInputCall" else 4), said


def test_what_fails_is_written_down() -> None:
    """The page on conformance names each case that fails."""
    page = (ROOT / "docs/conformance.md").read_text()
    assert not [case for case in CLOSED | NO_DATA if case not in page]
