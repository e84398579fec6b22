"""A server that the tests of one run share: each test plays with wallets of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.integration.calling import Caller
from tests.integration.serving import Serving, settings


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server in this process, on the SQLite store."""
    with Serving(settings(tmp_path_factory.mktemp("server"), heartbeat_s=0.2)) as running:
        yield running


@pytest.fixture(scope="session")
def acme(serving: Serving) -> Caller:
    """The operator `acme`."""
    return serving.caller()


@pytest.fixture
def no_server_error(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that the test does may be logged as a server error."""
    caplog.set_level(logging.INFO)
    yield
    found = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not found, f"logged as a server error: {[record.getMessage() for record in found]}"
