"""The wheel is whole: it holds the native module and every file of the package, so that it runs away from this repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.repo.sources import ROOT, report, tracked

SERVER = Path("pyserver")


@pytest.mark.timeout(300)
def test_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    """Models, PAR sheets, SQL, type stubs and py.typed are in the server's wheel beside the code, and the native module is one for all Pythons."""
    build = [sys.executable, "-m", "maturin", "build", "--release", "--locked", "--quiet", "--out", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("croupier-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    package = [path.relative_to(SERVER) for path in tracked() if path.is_relative_to(SERVER / "croupier")]
    missing = [str(path) for path in package if str(path) not in held]
    assert not missing, report(missing, "These files of the package are not in the wheel:")
    assert "croupier/_engine.abi3.so" in held or "croupier/_engine.pyd" in held, "the wheel must hold the native module"
    assert any(name.endswith("licenses/LICENSE") for name in held), "the wheel must carry the licence"
    assert "-abi3-" in wheel.name, "one wheel must serve every Python from 3.11 on"
