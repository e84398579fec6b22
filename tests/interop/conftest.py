"""The doors that the interop cases are played against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.serving import HOT, Door


@pytest.fixture(scope="module")
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door whose owner decides the hot methods ("hot"), or one that forwards every call ("forwarded")."""
    with Door(tmp_path_factory.mktemp(request.param), HOT if request.param == "hot" else {}) as standing:
        yield standing
