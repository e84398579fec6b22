"""What listens for calls: the front door with gRPC's own server behind it on a private Unix socket, or that server alone."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import grpc

from croupier import errors, scheduling
from croupier.config import Config
from croupier.door import Front, Inbox
from croupier.errors import Refusal
from croupier.metrics import LATENCY_BUCKETS_S, Metrics
from croupier.runners.taker import RETRY_AFTER_S
from croupier.services import status
from croupier.services.guard import Guard
from croupier.services.registry import HotMethod
from croupier.workers import CannotStart, Told, Workers, is_taken

_FLUSH_GRACE_S = 0.2
"""How long answers that are written already may take to leave, and streams that are not this server's own may live on."""
_SOCKET_PATH_BYTES = 100
"""A Unix socket's path has room for 107 bytes (unix(7))."""


class CannotListen(Exception):
    """Why nothing can listen: one sentence for the operator."""


class Listener(Protocol):
    """Takes calls from the network."""

    def bind(self) -> str:
        """Takes the address; "host:port". Raises CannotListen."""
        ...

    async def start(self) -> None:
        """Begins to serve."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Takes no more calls, lets those in flight finish for `grace_s`, and closes every connection."""
        ...

    @property
    def is_serving(self) -> bool:
        """False where it has ended by itself after its start: then nobody is served."""
        ...


class GrpcListener:
    """gRPC's own server, for every method."""

    def __init__(self, server: grpc.aio.Server, guard: Guard, config: Config) -> None:
        self._server = server
        self._guard = guard
        self._config = config

    def bind(self) -> str:
        """See Listener."""
        listen = self._config.listen
        if self._config.workers > 1:
            raise CannotListen('more than one worker needs door = "front"')
        try:
            if self._config.tls is None:
                port = self._server.add_insecure_port(listen)
            else:
                certificate, key, authorities = tls_files(self._config)
                credentials = grpc.ssl_server_credentials([(key, certificate)], authorities, require_client_auth=authorities is not None)
                port = self._server.add_secure_port(listen, credentials)
        except RuntimeError:
            raise CannotListen(_taken(listen)) from None
        return f"{listen.rpartition(':')[0]}:{port}"

    async def start(self) -> None:
        """See Listener."""
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """See Listener."""
        refusing = asyncio.create_task(self._server.stop(grace_s))
        await self._guard.idle(grace_s)
        await self._server.stop(_FLUSH_GRACE_S)  # What is left are watchers of health and the like, which never end by themselves.
        await refusing

    @property
    def is_serving(self) -> bool:
        """See Listener; gRPC's server has no such end."""
        return True


class FrontListener:
    """The front door, which puts the hot methods' calls into an inbox and forwards all others."""

    def __init__(
        self, server: grpc.aio.Server, guard: Guard, metrics: Metrics, config: Config, methods: Sequence[tuple[HotMethod, Inbox]]
    ) -> None:
        self._behind = server
        self._guard = guard
        self._metrics = metrics
        self._config = config
        self._hot = methods
        self._methods = [(method.path, method.refused is not None, inbox) for method, inbox in methods]
        self._socket = _socket_path(config.data_dir)
        self._inner = self._socket.with_suffix(".inner.sock")
        self.front: Front | None = None
        self._workers: Workers | None = None

    def bind(self) -> str:
        """See Listener."""
        config, has_workers = self._config, self._config.workers > 1
        if has_workers and is_taken(config.listen):
            raise CannotListen(_taken(config.listen))
        self._inner.unlink(missing_ok=True)
        self._behind.add_insecure_port(f"unix:{self._socket}")
        tls = tls_files(config) if config.tls else None
        try:
            self.front = Front(
                config.listen,
                str(self._socket),
                self._methods,
                inner=str(self._inner) if has_workers else None,
                shares_port=has_workers,
                tls=tls,
                refusals=_canned(config),
                latency_bounds_us=[round(bound * 1e6) for bound in LATENCY_BUCKETS_S],
                stream_overloaded={method.path: method.canned(_overloaded(config)) for method, _ in self._hot if method.canned},
                connections_max=config.max_connections,
                calls_max=config.max_calls,
                message_bytes_max=config.max_message_bytes,
                stream_waiting_max=config.max_stream_plays,
                age_s=config.max_connection_age_s,
            )
        except OSError:
            raise CannotListen(_taken(config.listen)) from None
        self._metrics.watch_door(self.front)
        if has_workers:
            self._workers = self._doors(self.front.address, tls)
        return self.front.address

    async def start(self) -> None:
        """See Listener."""
        assert self.front is not None, "bind comes first"
        await self._behind.start()
        self.front.start()
        if self._workers:
            try:
                await self._workers.start()
            except CannotStart as error:
                raise CannotListen(f"a door of {self._config.workers} could not be started: {error}") from error

    async def stop(self, grace_s: float) -> None:
        """See Listener."""
        assert self.front is not None, "bind comes first"
        if self._workers:  # They first: what they forward needs this door.
            await self._workers.stop()
        finishing = asyncio.create_task(asyncio.to_thread(self.front.stop, grace_s))
        self.front.drain()
        await self._guard.idle(grace_s)
        await self._behind.stop(_FLUSH_GRACE_S)  # See GrpcListener.
        await finishing
        self._socket.unlink(missing_ok=True)
        self._inner.unlink(missing_ok=True)

    @property
    def is_serving(self) -> bool:
        """See Listener."""
        return self.front is not None and self.front.running

    def _doors(self, address: str, tls: tuple[bytes, bytes, bytes | None] | None) -> Workers:
        """The other processes of the node, not started yet; pins this one where that is asked for."""
        config = self._config
        told = Told(
            address,
            str(self._inner),
            tls,
            _canned(config),
            config.max_connections,
            config.max_calls,
            config.max_message_bytes,
            config.max_connection_age_s,
            config.drain_grace_s,
        )
        cpus = scheduling.pin_to_first() if config.pin else []
        return Workers(config.workers - 1, told, cpus[1:] or cpus)


def tls_files(config: Config) -> tuple[bytes, bytes, bytes | None]:
    """Certificate chain, key and client CA as PEM, which fit together. Raises CannotListen."""
    tls = config.tls
    assert tls is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        certificate, key = tls.certificate_file.read_bytes(), tls.key_file.read_bytes()
        authorities = tls.client_ca_file.read_bytes() if tls.client_ca_file else None
        context.load_cert_chain(tls.certificate_file, tls.key_file)
        if authorities is not None:
            context.load_verify_locations(cadata=authorities.decode("ascii"))
    except ssl.SSLError as error:
        raise CannotListen(f"{tls.certificate_file}, {tls.key_file} and the client CA must be PEM that fits together: {error}") from error
    except OSError as error:
        raise CannotListen(f"{error.filename} cannot be read: {error.strerror}") from error
    return certificate, key, authorities


def _canned(config: Config) -> dict[str, tuple[int, str, bytes]]:
    """What the door says by itself, from the one error table."""
    size = config.max_message_bytes
    refusals = {
        "overloaded": _overloaded(config),
        "too_large": errors.TooLarge(f"a message has at most {size} bytes; send less at a time"),
        "deadline_exceeded": errors.DeadlineExceeded(
            "the deadline passed before there was an answer; a retry with the same id has one effect at most"
        ),
        "draining": errors.NodeUnavailable("the node is draining; every play that was answered is committed, go on at another node"),
        "backend_unavailable": errors.NodeUnavailable("the node is not ready for this call; nothing was done, try again in a moment"),
    }
    return {name: status.said(refusal) for name, refusal in refusals.items()}


def _overloaded(config: Config) -> Refusal:
    return errors.Overloaded(
        f"as many calls as this node takes wait or are open already, {config.max_queue_calls} at most; nothing was done",
        retry_after_s=RETRY_AFTER_S,
    )


def _socket_path(data_dir: Path) -> Path:
    """Where gRPC's own server listens behind the door: in a folder that only this user may enter, for what comes from there is trusted."""
    folder = data_dir.absolute() / "door"
    if len(os.fsencode(folder)) > _SOCKET_PATH_BYTES - 16:
        folder = Path(tempfile.gettempdir()) / f"croupier-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for left in folder.glob("*.sock"):
        if not _runs(left.name.partition(".")[0]):
            left.unlink(missing_ok=True)
    return folder / f"{os.getpid()}.sock"


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _taken(listen: str) -> str:
    return f"cannot listen on {listen}: the port is taken or the address is not this machine's; choose another with --listen"
