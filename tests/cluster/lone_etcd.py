"""One member of etcd with settings of a test's own: TLS, accounts, a port known before it runs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import pytest

from croupier.dev import places
from croupier.dev.failure import ToolMissing
from croupier.dev.fetch import tools
from tests.cluster.electing import gateway, text
from tests.integration.serving import free_port

_READY_S = 20.0


class LoneEtcd:
    """Runs between `start` and `stop`, as often as that is."""

    def __init__(self, folder: Path, flags: Mapping[str, str] = {}, scheme: str = "http") -> None:
        self.endpoint = f"127.0.0.1:{free_port()}"
        self._folder = folder
        self._is_plain = scheme == "http"
        peer = f"http://127.0.0.1:{free_port()}"
        url = f"{scheme}://{self.endpoint}"
        named = {
            "name": "alone",
            "data-dir": str(folder / "data"),
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"alone={peer}",
            "log-level": "warn",
            **flags,
        }
        self._argv = [str(_binary()), *(f"--{name}={value}" for name, value in named.items())]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> LoneEtcd:
        with (self._folder / "etcd.log").open("ab") as log:
            self._process = subprocess.Popen(self._argv, stdout=log, stderr=log)
        host, _, port = self.endpoint.partition(":")
        is_ready = _serves if self._is_plain else _accepts
        deadline = time.monotonic() + _READY_S
        while not is_ready(host, int(port)):
            assert self._process.poll() is None and time.monotonic() < deadline, (self._folder / "etcd.log").read_text()[-2_000:]
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Loses everything, as a restored backup loses what came after it; to be called between `stop` and `start`."""
        shutil.rmtree(self._folder / "data")

    def ask_for_names(self, **passwords: str) -> None:
        """From now on only these may come in; `root` may do everything, the others read and write under /croupier/."""
        span = {"key": text("/croupier/"), "range_end": text("/croupier0"), "permType": "READWRITE"}
        gateway(self.endpoint, "auth/role/add", name="node")
        gateway(self.endpoint, "auth/role/grant", name="node", perm=span)
        for name, password in passwords.items():
            gateway(self.endpoint, "auth/user/add", name=name, password=password)
            gateway(self.endpoint, "auth/user/grant", user=name, role="root" if name == "root" else "node")
        gateway(self.endpoint, "auth/enable")


def _binary() -> Path:
    try:
        return tools(places.cache(), print, cassandra=False, etcd=True).etcd
    except ToolMissing as missing:
        pytest.skip(str(missing))


def _serves(host: str, port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/health", timeout=1.0) as answer:
            return b'"true"' in answer.read()
    except OSError:
        return False


def _accepts(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0
