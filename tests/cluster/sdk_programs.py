"""The examples of clients/go and clients/typescript as programs, built into the tests' cache where their sources have changed."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.interop.programs import cache_folder, ran, trusted

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "clients"
SERVICE_CONFIG = CLIENTS / "service_config.json"


@cache
def go_failover() -> list[str]:
    """The command line of clients/go/failover."""
    sources = [*(CLIENTS / "go").rglob("*.go"), CLIENTS / "go/go.sum", CLIENTS / "go/check.sh", *(ROOT / "proto").rglob("*.proto")]
    built = cache_folder() / f"go-failover-{_digest(sources)}"
    if not built.exists():
        go_cache = cache_folder() / "go"
        ran([CLIENTS / "go/check.sh", "--build"], ROOT, PYTHON=sys.executable, CROUPIER_GO_CACHE=str(go_cache))
        shutil.copy(go_cache / "bin/failover", built.with_suffix(".part"))
        built.with_suffix(".part").replace(built)
    return [str(built), "-service-config", str(SERVICE_CONFIG)]


@cache
def typescript_failover() -> list[str]:
    """The command line of clients/typescript."""
    folder = CLIENTS / "typescript"
    files = ["package.json", "package-lock.json", ".npmrc", "tsconfig.json"]
    built = cache_folder() / f"typescript-failover-{_digest([*(folder / name for name in files), *(folder / 'src').glob('*.ts')])}"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=built.parent) as made:
            for name in files:
                shutil.copy(folder / name, made)
            shutil.copytree(folder / "src", Path(made) / "src")
            ran(["npm", "ci", "--ignore-scripts", "--no-progress", "--loglevel=error"], Path(made), **trusted())
            ran(["node", "node_modules/typescript/bin/tsc"], Path(made))
            Path(made).rename(built)
            Path(made).mkdir()  # For the end of the block to remove.
    return ["node", str(built / "dist/main.js"), "--proto", str(ROOT / "proto"), "--service-config", str(SERVICE_CONFIG)]


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
