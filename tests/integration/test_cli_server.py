"""The command line beside a running server, as processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest

from croupier.cli import exits
from tests.integration.calling import Caller
from tests.integration.serving import PATIENCE_S, Spawned


def croupier(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "croupier", *(str(arg) for arg in args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_operators_are_made_and_revoked_while_a_server_runs(tmp_path: Path) -> None:
    """A key made beside the server works within a second, and stops working once revoked."""
    with Spawned(tmp_path) as server:
        made = json.loads(croupier("operator", "create", "late", "--data-dir", tmp_path, "--json").stdout)
        caller = Caller(server.address, made["key"])
        _until(lambda: _is_served(caller), "the new key is accepted")
        assert croupier("operator", "revoke-key", made["key_id"], "--data-dir", tmp_path).returncode == 0
        _until(lambda: not _is_served(caller), "the revoked key is refused")
        assert croupier("audit", tmp_path, "--json").returncode == 0
        assert croupier("restore", tmp_path / "x.db", "--data-dir", tmp_path, "--force").returncode == exits.UNUSABLE


def test_a_backup_of_a_running_server(tmp_path: Path) -> None:
    """S5: taken and proven while the server serves; a second server on the same file, and the same port, are refused."""
    with Spawned(tmp_path / "data") as server:
        caller = server.caller()
        wallet = "operators/acme/players/ann/wallets/EUR"
        caller.call("WalletService.Deposit", wallet=wallet, transfer_id=_uuid7(), amount_micros=5_000_000)
        copy = tmp_path / "copy.db"
        assert croupier("backup", copy, "--data-dir", tmp_path / "data").returncode == 0
        value = json.loads(croupier("audit", "--database", copy, "--key-file", tmp_path / "data" / "croupier.keys", "--json").stdout)
        assert (value["wallets"], value["entries"]) == (1, 1)
        second = croupier("serve", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0", "--metrics-listen", "")
        assert (second.returncode, second.stderr.count("\n")) == (exits.UNUSABLE, 1)
        third = croupier("serve", "--data-dir", tmp_path / "other", "--listen", server.address, "--metrics-listen", "")
        assert third.returncode == exits.UNUSABLE
        assert "the port is taken" in third.stderr
        server.terminate()
        assert server.exit_code() == exits.OK


@pytest.mark.parametrize(
    ("text", "said"),
    [("name = 'x'", "bad.toml"), ("family = 'poker'\nname = 'x'\ntitle = 'x'\nversion = 1", "poker")],
)
def test_a_bad_model_keeps_a_server_from_starting(tmp_path: Path, text: str, said: str) -> None:
    """One sentence that names the file."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "bad.toml").write_text(text)
    flags = ("--models-dir", tmp_path / "models", "--listen", "127.0.0.1:0", "--metrics-listen", "")
    result = croupier("serve", "--data-dir", tmp_path, *flags)
    assert result.returncode == exits.UNUSABLE
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["listen = 7", "lisen = 'x'", "[limits]\nmax_stake_micros = 'much'", "= 1"])
def test_bad_settings_keep_a_server_from_starting(tmp_path: Path, text: str) -> None:
    """One sentence that names the file and the key at fault."""
    (tmp_path / "croupier.toml").write_text(text)
    result = croupier("serve", "--config", tmp_path / "croupier.toml", "--data-dir", tmp_path)
    assert result.returncode == exits.UNUSABLE
    assert "croupier.toml" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """`croupier rng raw | head -c 100` ends quietly."""
    command = [sys.executable, "-m", "croupier", "rng", "raw"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(process.stdout.read(100)) == 100
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE_S) == exits.OK


def _is_served(caller: Caller) -> bool:
    try:
        caller.call("CatalogService.ListGames")
    except grpc.RpcError as error:
        return error.code() is not grpc.StatusCode.UNAUTHENTICATED
    return True


def _until(holds: object, what: str) -> None:
    assert callable(holds)
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def _uuid7() -> str:
    text = f"{time.time_ns() // 1_000_000:012x}70000000000000000001"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-8{text[17:20]}-{text[20:32]}"
