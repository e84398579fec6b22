"""A server that the tests of one run share: each test plays with wallets of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.integration.calling import Caller
from tests.integration.serving import DOORS, Serving, door_chosen, settings


def _is_of_api(module: ModuleType | None) -> bool:
    return module is not None and module.__name__.rpartition(".")[2].startswith("test_api_")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test of the API runs once for each door."""
    if _is_of_api(metafunc.module):
        if "door" not in metafunc.fixturenames:
            metafunc.fixturenames.append("door")
        metafunc.parametrize("door", DOORS, indirect=True, scope="session")


@pytest.fixture(scope="session")
def door(request: pytest.FixtureRequest) -> Iterator[str]:
    """The door of every server that the test makes. A fixture that outlives a test must name it, if it makes a server."""
    with door_chosen(getattr(request, "param", DOORS[0])) as chosen:
        yield chosen


@pytest.fixture(autouse=True)
def _door_for_all(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests of the API need not name their door; those of other things get the one that everybody gets."""
    if _is_of_api(request.module):
        request.getfixturevalue("door")
        yield
    else:
        with door_chosen(DOORS[0]):
            yield


@pytest.fixture(scope="session")
def serving(door: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server in this process, on the SQLite store."""
    with Serving(settings(tmp_path_factory.mktemp(f"server-{door}"), heartbeat_s=0.2)) as running:
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
