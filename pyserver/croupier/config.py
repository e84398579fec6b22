"""Every setting of a server, with its unit and default. Nothing else reads files or the environment for settings."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from croupier.limits import Limits

MODELS = Path(__file__).parent / "models"


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """Own certificate; with `client_ca_file` mutual TLS, where every caller must show a certificate."""

    certificate_file: Path
    """PEM chain, own certificate first."""
    key_file: Path
    client_ca_file: Path | None = None
    """PEM. Callers must show a certificate signed by one of these; its common name is the operator, unless the call names other credentials."""
    peer_ca_file: Path | None = None
    """PEM: other nodes' certificates must be signed by it; without it no call is forwarded to another node."""


class Cassandra(Struct, frozen=True, forbid_unknown_fields=True):
    """The cluster's store. A region is a data centre of Cassandra's, under the same name."""

    contact_points: dict[str, tuple[str, ...]] = {}
    """host:port of some nodes of each region; all regions that hold a share of the quorum, also those without nodes of Croupier."""
    keyspace: str = "croupier"
    durability: Literal["local", "home", "geo"] = "geo"
    """What survives: see docs/cassandra.md. Never weakened by itself."""
    driver: Literal["acsylla", "python"] = "acsylla"
    """Which client library plays: acsylla, or cassandra-driver, which takes several times the CPU and has a current OpenSSL."""
    request_timeout_s: float = 2.5
    """How long one attempt may take; above Cassandra's own write_request_timeout, so that its answer comes first."""
    accept: tuple[str, ...] = ()
    """Unsafe settings of the servers that the operator accepts by name."""
    archive_after_days: Annotated[int, Meta(ge=0)] = 30
    """How old entries of a closed partition are before they are copied into the archive; 0 for never."""
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    """PEM: the nodes' certificates must be signed by it; TLS is used where it is given."""
    certificate_file: Path | None = None
    """PEM: shown to the nodes."""
    key_file: Path | None = None


class Etcd(Struct, frozen=True, forbid_unknown_fields=True):
    """Who is a member of the cluster, and who leads its jobs."""

    endpoints: tuple[str, ...] = ()
    """host:port of every member of etcd."""
    prefix: str = "/croupier"
    """What all keys begin with; one cluster, one prefix."""
    ttl_s: int = 5
    """How long a node that says nothing stays a member, and a leader; 3 at least."""
    request_timeout_s: float = 1.0
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    """PEM: the members' certificates must be signed by it; TLS is used where it is given."""
    certificate_file: Path | None = None
    """PEM: shown to the members."""
    key_file: Path | None = None


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one server process."""

    listen: str = "127.0.0.1:7400"
    """host:port for gRPC; port 0 takes a free one."""
    door: Literal["front", "grpcio"] = "front"
    """What listens: the front door, which serves the hot methods itself and forwards all others; or gRPC's own server for all of them, several times slower."""
    workers: int = 1
    """Processes of the node: one that owns the wallets, and doors that take callers' connections for it. The front door's."""
    pin: bool = False
    """Whether each process is bound to a CPU of its own, as far as there are so many. Linux only."""
    metrics_listen: str = "127.0.0.1:7401"
    """host:port for Prometheus at /metrics; empty for none."""
    node: str = "node-1"
    """Its name, which no other node of the cluster has."""
    region: str = "local"
    """Where it stands; in a cluster, the name of a data centre of Cassandra's."""
    advertise: str = ""
    """host:port under which clients and other nodes reach it; empty for where it listens."""
    store: Literal["sqlite", "cassandra", "memory", "memory_late"] = "sqlite"
    cassandra: Cassandra = Cassandra()
    etcd: Etcd = Etcd()
    """Without endpoints the node is alone."""
    memory_late_by: Literal["loop", "thread", "batches"] = "batches"
    """Who completes a request of `memory_late`: see stores/memory_late.py. For measuring, as that store is."""
    memory_late_ms: float = 0
    """How long a request of `memory_late` takes."""
    data_dir: Path = Path("data")
    """Holds croupier.db and, unless named elsewhere, croupier.keys."""
    key_file: Path | None = None
    """Keys that seal seeds and sign tokens; made on the first start."""
    models_dir: Path = MODELS
    tls: Tls | None = None
    demo: bool = False
    """Makes an operator `demo` with a key that is printed and written to data_dir/demo.json. Not for real money."""
    token_ttl_s: int = 1_800
    """Life of a session token, and so the inactivity after which a player must be admitted again (S7)."""
    max_message_bytes: int = 1_048_576
    max_calls: int = 20_000
    """Calls and streams that are open at once, watches included, before further ones are refused; some 20 KB each."""
    max_connections: int = 20_000
    """Connections that are open at once, before further ones are closed as they come; the front door's."""
    max_connection_age_s: float = 0.0
    """How long a connection lives before it is asked to go, so that calls spread over new nodes; 0 for ever. The front door's."""
    max_queue_calls: int = 4_096
    """Calls that wait for a decision before further ones are refused."""
    tolerated_write_ms: int = 100
    """How long a write to a store over a network may take, by the median, before new rounds are turned away; 0 for no such limit."""
    max_stream_plays: int = 256
    """Plays of one PlayStream that wait for an answer before no more are read from it."""
    cache_mib: int = 96
    """Memory for the wallets used most recently, under 1 KiB each."""
    drain_notice_s: float = 1.0
    """How long health says NOT_SERVING before calls are refused."""
    heartbeat_s: float = 10.0
    """How long a WatchWallet stream is silent at most."""
    drain_grace_s: float = 25.0
    """How long calls in flight may take to finish."""
    key_poll_s: float = 1.0
    """How often API keys and switches changed by another process are noticed."""
    stuck_s: float = 10.0
    """How long one batch may take before health says NOT_SERVING, until it is done."""
    access_log: bool = False
    """One line a call in the log; costs a few microseconds each."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    limits: Limits = Limits()

    @property
    def is_clustered(self) -> bool:
        """Whether other nodes may serve the same wallets."""
        return self.store == "cassandra"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "croupier.db"

    @property
    def keys(self) -> Path:
        """The key file."""
        return self.key_file or self.data_dir / "croupier.keys"


def load(path: Path) -> Config:
    """Reads a TOML file. Raises ValueError with the key at fault."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Config, dec_hook=_path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error


def _path(wanted: type, value: object) -> Path:
    """Settings that msgspec does not know by itself: the paths, which TOML writes as text."""
    if wanted is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError(f"Expected a path as text, got {value!r}")
