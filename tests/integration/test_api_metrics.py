"""What a running process tells its operators: Prometheus metrics with the right counts, JSON logs, and no secret in either."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from croupier.pb import round_service_pb2 as pb
from tests.integration.calling import EUR, Caller, blackjack, dice, finish, new_id, new_wallet, open_blackjack, refused, request
from tests.integration.serving import Spawned

Samples = dict[tuple[str, ...], float]
"""Values by name and labels."""


def scraped(node: Spawned) -> Samples:
    with urllib.request.urlopen(f"http://{node.metrics_address}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("croupier_")
    }


@pytest.fixture(scope="module")
def node(door: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A process of its own, with its metrics and log."""
    with Spawned(tmp_path_factory.mktemp(f"metrics-{door}")) as running:
        yield running


def lines(node: Spawned) -> list[dict[str, str]]:
    return [json.loads(line) for line in node.log.read_text().splitlines()]


def test_counts_after_known_calls(node: Spawned) -> None:
    """Each metric moves by what was done: rounds, entries, commits, latencies by method, errors by method and reason."""
    acme, wallet = node.caller(), new_wallet()
    before = scraped(node)
    acme.deposit(wallet)
    session = acme.open(wallet).session.name
    played = [acme.play(session) for _ in range(5)]
    acme.play(session, dice(), played[0].name.rsplit("/", 1)[1])
    for _ in range(2):
        refused(acme.play, session, dice(10**12))
    refused(Caller(node.address).head, wallet)
    bad = [pb.PlayRequest(session=session, round_id=new_id(), bet=dice(10**12)), pb.PlayRequest()]
    acme.call("RoundService.PlayBatch", plays=bad)
    assert len(list(acme.stream(bad))) == 2
    after = scraped(node)

    def moved(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    play, head = "/croupier.v1.RoundService/Play", "/croupier.v1.WalletService/GetWallet"
    assert moved("croupier_rounds_total") == 5
    assert moved("croupier_entries_total") == 7
    assert moved("croupier_store_writes_total") == moved("croupier_store_commits_total") == 8
    assert moved("croupier_store_writes_refused_total") == 1  # The round that was played before.
    assert moved("croupier_store_commit_seconds_total") > 0
    assert moved("croupier_call_seconds_count", play) == 8
    assert moved("croupier_call_errors_total", play, "BET_INVALID") == 2
    assert moved("croupier_call_errors_total", head, "CREDENTIALS_INVALID") == 1
    for method in ("/croupier.v1.RoundService/PlayBatch", "/croupier.v1.RoundService/PlayStream"):
        assert moved("croupier_call_errors_total", method, "BET_INVALID") == 1
        assert moved("croupier_call_errors_total", method, "FIELD_INVALID") == 1
    assert after["croupier_call_seconds_bucket", "+Inf", play] == after["croupier_call_seconds_count", play]
    assert (after["croupier_serving",], after["croupier_queue_calls",]) == (1, 0)
    assert after["croupier_cached_wallets",] >= 1
    for quiet in ("store_writes_unknown", "store_writes_unresolved", "calls_expired"):
        assert after[f"croupier_{quiet}_total",] == 0


def test_logs_are_json(node: Spawned) -> None:
    """Each line is one object with time, level, logger and message; a refused call leaves no line, unless its access failed."""
    acme = node.caller()
    before = len(lines(node))
    for _ in range(20):
        refused(acme.head, "nonsense")
        refused(acme.head, new_wallet())
    assert len(lines(node)) == before
    for line in lines(node):
        assert {"time", "level", "logger", "message"} <= line.keys()
        assert line["level"] in {"INFO", "WARNING"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])


def test_no_secret_leaves_the_process(tmp_path: Path) -> None:
    """API keys, tokens, server seeds and the vault's key are in no log, no refusal and no metric; seeds and keys not in the files in plain (R15)."""
    said: list[str] = []
    with Spawned(tmp_path) as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        opened = acme.open(wallet, "blackjack-classic")
        session = opened.session.name
        waiting = open_blackjack(acme, session)
        hidden = _files(tmp_path)
        for call in (
            lambda: acme.play(session, blackjack()),
            lambda: acme.as_(node.keys["acme"][:-1] + "!").head(wallet),
            lambda: acme.as_(opened.token + "A").head(wallet),
            lambda: acme.call("RoundService.VerifyRound", name=waiting.name),
            lambda: acme.call("WalletService.Withdraw", wallet=wallet, transfer_id=new_id(), amount_micros=10**9 * EUR),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call()
            said.append(repr(caught.value) + repr(caught.value.trailing_metadata()))
        shown = [
            acme.bytes("SessionService.GetSession", _named("SessionService.GetSession", session)),
            acme.bytes("RoundService.GetRound", _named("RoundService.GetRound", waiting.name)),
        ]
        metrics = urllib.request.urlopen(f"http://{node.metrics_address}/metrics", timeout=5).read().decode()
        seeds = _revealed(acme, waiting, session)
        node.terminate()
        assert node.exit_code() == 0
    secret_texts = [key.split("_")[2] for key in node.keys.values()] + [opened.token]
    vault_key = next(iter(json.loads((tmp_path / "croupier.keys").read_text()).values()))
    spoken = "".join([*said, metrics, node.log.read_text()])
    for text in (*secret_texts, vault_key, *seeds):
        assert text not in spoken
    for seed in seeds:
        for stored in (hidden, *shown):
            assert bytes.fromhex(seed) not in stored
            assert seed.encode() not in stored
    stored = _files(tmp_path)
    for text in (*secret_texts, vault_key):
        assert text.encode() not in stored
    assert bytes.fromhex(vault_key) not in stored
    assert (tmp_path / "croupier.keys").stat().st_mode & 0o077 == 0


def test_a_stolen_database_tells_no_seed(tmp_path: Path) -> None:
    """Every sealed seed in the file differs from every other, and none opens without the key file (R15)."""
    with Spawned(tmp_path) as node:
        acme, wallet = node.caller(), new_wallet()
        sessions = [acme.open(wallet).session for _ in range(20)]
        hashes = {session.seed.server_seed_hash for session in sessions} | {session.next_server_seed_hash for session in sessions}
        assert len(hashes) == 40
        node.terminate()
        node.exit_code()
    with closing(sqlite3.connect(tmp_path / "croupier.db")) as connection:
        bodies = [row[0] for row in connection.execute("SELECT body FROM record")]
    assert len(bodies) == 20
    assert not any(field in body for body in bodies for field in (b"revealed", b"server_seed"))


def _named(method: str, name: str) -> bytes:
    return bytes(request(method)(name=name).SerializeToString())


def _revealed(acme: Caller, waiting: Any, session: str) -> list[str]:
    """The two seeds of the session, once its open round is over: that in force and the next."""
    finish(acme, waiting)
    return [acme.call("SessionService.RotateSeed", session=session, seed_number=number).revealed.server_seed for number in (1, 2)]


def _files(folder: Path) -> bytes:
    """All that the server keeps on disk, but its key file and what the test wrote."""
    return b"".join(path.read_bytes() for path in folder.glob("croupier.db*"))


def test_failed_access_is_logged(node: Spawned) -> None:
    """S3: a call without valid credentials, or beyond its role, leaves one line with method, peer and reason, and no credential."""
    wallet = new_wallet()
    refused(Caller(node.address, "ck_0000000000000000_guessed").head, wallet)
    refused(node.caller().call, "AdminService.GetNode")
    found = [line for line in lines(node) if line["logger"] == "croupier.call" and "was refused" in line["message"]]
    assert [line["message"].rsplit(" ", 1)[1] for line in found[-2:]] == ["CREDENTIALS_INVALID", "FORBIDDEN"]
    assert all(line["level"] == "WARNING" and "127.0.0.1:" in line["message"] and "guessed" not in line["message"] for line in found)


def test_the_access_log(tmp_path: Path, door: str) -> None:
    """Where it is asked for, each call has its line: method, who called, from where, its code and its time; no credentials, no messages."""
    with Spawned(tmp_path, settings=f'access_log = true\ndoor = "{door}"') as node:
        acme, wallet = node.caller(), new_wallet()
        acme.deposit(wallet)
        session = acme.open(wallet).session.name
        acme.play(session)
        refused(acme.play, session, dice(10**12))
        refused(Caller(node.address).head, wallet)
        found = [line for line in lines(node) if line["logger"] == "croupier.access"]
        by = [(line["method"].rpartition("/")[2], line["code"], bool(line["caller"])) for line in found]
        assert by == [("Deposit", 0, True), ("OpenSession", 0, True), ("Play", 0, True), ("Play", 3, True), ("GetWallet", 16, False)]
        assert all(float(line["ms"]) > 0 and ":" in line["peer"] for line in found)
        assert node.keys["acme"] not in node.log.read_text()
