"""Records what one version of Croupier keeps in a cluster, rows of Cassandra and records of etcd, for other versions to read; to be run in its environment.

    PYTHONPATH=clients/python:pyserver python -m tests.golden.versions.record_cluster tests/golden/versions/v0.2.0/cluster 127.0.8.1:9142 dc1

Rows are read by cassandra-driver and not by the version's own code, so that any version can be recorded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cassandra.cluster import Cluster, Session

from croupier.cluster.etcd.records import Candidate, Move, PastTerm, Pause
from croupier.cluster.membership import Member
from tests.golden.versions import record

TABLES = ("wallet", "wallet_index", "operator_index", "document", "singleton", "first_home")
"""What must be read for good; `dirty` and `contract` are scratch."""
RECORDS = {
    "members/node-1": Member("node-1", "eu", "127.0.0.1:7400", "0.2.0", "serving", 250, 1_800_000_000_000),
    "terms/sweeper/1": Candidate("node-1", 7, 1_800_000_000_000),
    "history/sweeper": [PastTerm("node-1", 7, 1_800_000_000_000)],
    "moves/sweeper": Move("ann", "node-1", "node-2"),
    "paused": Pause("ann", "upgrade", 1_800_000_000_000),
}


@contextmanager
def connected(point: str) -> Iterator[Session]:
    """A session with one Cassandra node."""
    address, _, port = point.rpartition(":")
    cluster = Cluster([address], port=int(port))
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def settings(point: str, region: str, keyspace: str, data: Path) -> str:
    """A node's settings file, with a keyspace on one Cassandra node."""
    lines = (
        *(line for line in record.SETTINGS.splitlines() if line != "[limits]" and not line.startswith("epoch_max")),
        f'data_dir = "{data}"\nkey_file = "{data}/croupier.keys"\nregion = "{region}"\nstore = "cassandra"',
        "[limits]\nepoch_max_entries = 20\ndedupe_window_ms = 3_000_000_000_000",
        f'[cassandra]\nkeyspace = "{keyspace}"\ndurability = "local"\ncontact_points = {{ {region} = ["{point}"] }}',
    )
    return "\n".join(lines) + "\n"


def dumped(session: Session, keyspace: str) -> dict[str, Any]:
    """Columns with their types, and rows without what is null, by table; bytes are hexadecimal digits."""
    columns: dict[str, dict[str, str]] = {table: {} for table in TABLES}
    asked = "SELECT table_name, column_name, type FROM system_schema.columns WHERE keyspace_name = %s"
    for table, column, type_ in session.execute(asked, [keyspace]):
        columns.get(table, {})[column] = type_
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in TABLES:
        found = (row._asdict() for row in session.execute(f"SELECT * FROM {keyspace}.{table}"))
        rows[table] = [{name: _plain(value) for name, value in row.items() if value is not None} for row in found]
    return {"columns": columns, "rows": rows}


def restore(session: Session, keyspace: str, dump: dict[str, Any]) -> None:
    """Puts rows back that `dumped` gave."""
    for table, rows in dump["rows"].items():
        types = dump["columns"][table]
        for row in rows:
            values = [bytes.fromhex(value) if types[name] == "blob" else value for name, value in row.items()]
            marks = ", ".join("%s" for _ in row)
            session.execute(f"INSERT INTO {keyspace}.{table} ({', '.join(row)}) VALUES ({marks})", values)


def main(arguments: Sequence[str]) -> None:
    """Plays on a node of this version, on a keyspace of its own, and writes down what was stored."""
    folder, (point, region) = Path(arguments[0]), arguments[1:]
    folder.mkdir(parents=True, exist_ok=True)
    keyspace = f"golden_{os.getpid()}"
    with tempfile.TemporaryDirectory() as work, connected(point) as session:
        data = Path(work)
        (data / "server.toml").write_text(settings(point, region, keyspace, data))
        (data / "croupier.keys").write_text(json.dumps({"1": os.urandom(32).hex()}))
        (data / "croupier.keys").chmod(0o600)
        migrate = ["migrate", "--apply", "--create-keyspace", "--replicas", f"{region}=1", "--config", str(data / "server.toml")]
        subprocess.run([sys.executable, "-m", "croupier", *migrate], check=True)
        try:
            version = record.played(data, record.play_all, None)
            (folder / "rows.json").write_text(json.dumps(dumped(session, keyspace), indent=1) + "\n")
        finally:
            session.execute(f"DROP KEYSPACE {keyspace}", timeout=30)
        (folder / "croupier.keys").write_bytes((data / "croupier.keys").read_bytes())
    records = {key: json.loads(msgspec.json.encode(value)) for key, value in RECORDS.items()}
    (folder / "etcd.json").write_text(json.dumps(records, indent=1) + "\n")
    print(f"recorded what {version} keeps in a cluster in {folder}")


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


if __name__ == "__main__":
    main(sys.argv[1:])
