"""Two versions in one cluster: what an earlier version keeps in Cassandra and etcd is read now, and what a later one keeps does not harm the one before.

What a later version may write is what this one writes, grown at the ends. It is read by the earlier version's own code where its commit is at hand, and
by today's, which is the earlier one of the next version.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from click.testing import CliRunner

from croupier.cli import croupier
from croupier.cluster.etcd.mirror import Entry
from croupier.cluster.etcd.records import read
from croupier.config import load
from croupier.pb import cluster_service_pb2
from croupier.stores.cassandra import opening
from tests.cluster.machines import Ring
from tests.golden.versions import record, record_cluster, tagged
from tests.golden.versions.tagged import HERE, RECORDED, ROOT
from tests.integration.live import LiveServer

CLUSTERED = [tag for tag in RECORDED if (HERE / tag / "cluster").exists()]
READ_WITH = (
    *(f"pyserver/croupier/{name}.py" for name in ("__init__", "model", "errors", "config", "limits", "currencies")),
    *(f"pyserver/croupier/{name}" for name in ("stores", "cluster", "models")),
)
"""What it takes of a version to decode rows, records and settings."""

READER = """
import json, sys
import msgspec
from pathlib import Path
from croupier.cluster.etcd.mirror import Entry
from croupier.cluster.etcd.records import Candidate, Move, PastTerm, Pause, read
from croupier.cluster.membership import Member
from croupier.config import load
from croupier.model import Key, WalletKey
from croupier.stores import codec
said = json.load(sys.stdin)
bare = [codec.decode(Key(WalletKey("demo", "ann", "EUR"), kind, b""), bytes.fromhex(body)) for kind, body, _ in said["rows"]]
grown = [codec.decode(Key(WalletKey("demo", "ann", "EUR"), kind, b""), bytes.fromhex(body)) for kind, _, body in said["rows"]]
kinds = {"members": Member, "terms": Candidate, "history": list[PastTerm], "moves": Move, "paused": Pause}
records = {key: read(Entry(value.encode(), 1, 1, 1), kinds[key.partition("/")[0]]) for key, value in said["records"].items()}
try:
    load(Path(said["settings"]))
    refusal = ""
except ValueError as error:
    refusal = str(error)
same = bare == grown and [codec.encode_row(row) for row in bare] == [codec.encode_row(row) for row in grown]
print(json.dumps({"rows": len(bare), "same": same, "records": msgspec.to_builtins(records), "refusal": refusal}))
"""


class Kept(NamedTuple):
    """A keyspace as an earlier version left it, brought up to date as an upgrade does."""

    settings: Path
    dump: dict[str, Any]
    columns: dict[str, dict[str, str]]
    """What the tables have now."""


@pytest.fixture(params=CLUSTERED)
def kept(request: pytest.FixtureRequest, cassandra: Ring, tmp_path: Path) -> Iterator[Kept]:
    recorded = HERE / str(request.param) / "cluster"
    dump = json.loads((recorded / "rows.json").read_text())
    region, (address, *_) = next(iter(cassandra.contact_points.items()))
    point, keyspace, file = f"{address}:{cassandra.port}", f"golden_{os.getpid()}", tmp_path / "server.toml"
    (tmp_path / "croupier.keys").write_bytes((recorded / "croupier.keys").read_bytes())
    (tmp_path / "croupier.keys").chmod(0o600)
    file.write_text(record_cluster.settings(point, region, keyspace, tmp_path))
    asyncio.run(made(file, region))
    with record_cluster.connected(point) as session:
        record_cluster.restore(session, keyspace, dump)
        yield Kept(file, dump, record_cluster.dumped(session, keyspace)["columns"])
        session.execute(f"DROP KEYSPACE {keyspace}", timeout=30)


async def made(file: Path, region: str) -> None:
    config = load(file)
    await opening.create_keyspace(config, {region: 1})
    await opening.migrate(config, "tests")


@pytest.mark.timeout(60, func_only=True)
def test_earlier_rows_of_cassandra_are_proven(kept: Kept) -> None:
    """All that an earlier version keeps in Cassandra holds by today's audit, each round played again with the same bytes; no column has gone or changed."""
    verified = CliRunner().invoke(croupier, ["cluster", "verify", "--replay", "--json", "--config", str(kept.settings)])
    report = json.loads(verified.stdout)
    assert (report["ok"], report["wallets"], report["sealed_seeds_unopened"]) == (True, 1, 0), report
    kinds = [row.get("kind") for row in kept.dump["rows"]["wallet"]]
    assert report["replayed_rounds"] == report["rounds"] == kinds.count("round") > 10
    assert {"entry", "epoch", "round", "seed", "session", "transfer"} <= set(kinds)
    for table, columns in kept.dump["columns"].items():
        assert columns.items() <= kept.columns[table].items(), table


@pytest.mark.parametrize("tag", CLUSTERED)
def test_earlier_records_of_etcd_are_read(tag: str) -> None:
    """Each record that an earlier version keeps in etcd is read in full."""
    records = json.loads((HERE / tag / "cluster/etcd.json").read_text())
    assert records.keys() == record_cluster.RECORDS.keys()
    for key, value in records.items():
        kind = list[record_cluster.PastTerm] if key.startswith("history/") else type(record_cluster.RECORDS[key])
        found: Any = read(Entry(json.dumps(value).encode(), 1, 1, 1), kind)
        if key.startswith("members/"):
            assert found.version == tag.removeprefix("v")
        known, said = (json.loads(msgspec.json.encode(one)) for one in (found, value))
        assert known == said or said.items() <= known.items(), key


@pytest.mark.parametrize("tag", [*CLUSTERED, ""], ids=[*CLUSTERED, "today"])
def test_what_a_later_version_keeps_does_no_harm(tag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows and records with fields at their ends that are not known are read as if those were not there, and written again so; a member in a state that
    is not known counts as none; a setting that is not known is refused in one sentence.
    """
    sources = ROOT
    if tagged.is_at_hand(tag):
        sources = tagged.unpack(tag, tmp_path, *READ_WITH)
    elif tag:
        with capsys.disabled():
            print(f"\nthis clone has no commit of {tag}: today's code reads in its place")
    settings = tmp_path / "later.toml"
    settings.write_text('region = "eu"\n[cassandra]\nlater = true\n')
    said = {"rows": list(grown_rows()), "records": grown_records(), "settings": str(settings)}
    ran = subprocess.run(
        [sys.executable, "-c", READER], input=json.dumps(said), env={**os.environ, "PYTHONPATH": str(sources / "pyserver")}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["same"] and found["rows"] == len(said["rows"]) > 20
    assert found["refusal"] == f"{settings}: Object contains unknown field `later` - at `$.cassandra`"
    assert found["records"].pop("members/asleep") is None
    expected = json.loads(msgspec.json.encode(record_cluster.RECORDS))
    assert found["records"] == expected


def grown_rows() -> Iterator[tuple[str, str, str]]:
    """Kind, body and the same body with two fields more, of each row recorded last in a cluster."""
    dump = json.loads((HERE / CLUSTERED[-1] / "cluster/rows.json").read_text())
    for row in dump["rows"]["wallet"]:
        if row.get("body") and row["kind"] in {"session", "seed", "round", "transfer", "epoch"}:
            fields = msgspec.msgpack.decode(bytes.fromhex(row["body"]))
            yield row["kind"], row["body"], msgspec.msgpack.encode([*fields, 7, {"more": [1]}]).hex()


def grown_records() -> dict[str, str]:
    """Today's records as JSON, each with a field more; and a member in a state of its own."""
    plain = json.loads(msgspec.json.encode(record_cluster.RECORDS))
    grown = {
        key: [{**one, "later": [1]} for one in value] if isinstance(value, list) else {**value, "later": 1} for key, value in plain.items()
    }
    asleep = {**plain["members/node-1"], "node": "asleep", "state": "hibernating"}
    return {key: json.dumps(value) for key, value in {**grown, "members/asleep": asleep}.items()}


def test_fields_that_later_clients_and_nodes_send_are_skipped(tmp_path: Path) -> None:
    """A call with a field that this version does not know is served, also by the front door, and is the same call as the one without that field."""
    later = bytes([0xFA, 0x3F, 2]) + b"hi"  # Field 1023, two bytes of text.
    with LiveServer(tmp_path) as server:
        recorder = record.Recorder(server.facts["address"], server.facts["operator_key"])
        record.play_all(recorder)
        repeated = [call for call in recorder.calls if call["method"].partition("/")[2] in {"Deposit", "Play", "PlayBatch", "Act"}]
        assert len(repeated) > 10
        for call in repeated:
            with_field, without = (recorder.say(call["method"], bytes.fromhex(call["request"]) + more) for more in (later, b""))
            assert with_field == without and "response" in without, call["method"]
        new = record.wallet_service_pb2.DepositRequest(wallet=record.WALLET, transfer_id=record.uuid7(), amount_micros=record.EUR)
        first, again = (recorder.say("WalletService/Deposit", new.SerializeToString() + more) for more in (later, b""))
        assert first == again and "response" in first
        recorder.close()


def test_an_answer_of_a_later_node_is_understood() -> None:
    """A list of nodes in which a later node stands, in a state without a name here and with a field more, is read, and passed on whole."""
    node = cluster_service_pb2.ClusterNode(name="nodes/node-9", version="99.0.0")
    said = node.SerializeToString() + bytes([0x28, 99]) + bytes([0xFA, 0x3F, 2]) + b"hi"  # State 99, and field 1023.
    answer = cluster_service_pb2.ListNodesResponse.FromString(bytes([0x0A, len(said)]) + said)
    assert (answer.nodes[0].name, answer.nodes[0].version, answer.nodes[0].state) == ("nodes/node-9", "99.0.0", 99)
    assert answer.SerializeToString() == bytes([0x0A, len(said)]) + said
