"""A real server process on a data folder, for tests over the wire."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from croupier_client import Client, RetryPolicy


class LiveServer:
    """One demo server. `settings` are lines of its TOML file; a server started again keeps its address and its data."""

    def __init__(self, folder: Path, settings: str = "", listen: str = "127.0.0.1:0") -> None:
        self.folder = folder
        self._settings = settings
        self._listen = listen
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts the process and waits until it serves."""
        file = self.folder / "server.toml"
        listen = f'listen = "{self._listen}"\nmetrics_listen = ""\ndata_dir = "{self.folder / "data"}"\ndemo = true\n'
        file.write_text(listen + self._settings, encoding="utf-8")
        log = (self.folder / "server.log").open("a", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "croupier", "serve", "--config", str(file)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        log.close()
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self.kill()
            raise RuntimeError((self.folder / "server.log").read_text(encoding="utf-8"))
        self.facts: dict[str, str] = json.loads((self.folder / "data/demo.json").read_text(encoding="utf-8"))
        self._listen = self.facts["address"]

    def kill(self) -> None:
        """Ends the process as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def freeze(self) -> None:
        """Stops the process where it is."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def drain(self) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(40)
        self.kill()
        return code

    @property
    def is_alive(self) -> bool:
        """It was started, and nobody ended it."""
        return self._process is not None and self._process.poll() is None

    @property
    def address(self) -> str:
        """host:port of its gRPC."""
        return self._listen

    def client(self, token: str | None = None, *, policy: RetryPolicy | None = None) -> Client:
        """A client with the demo operator's key, or another token."""
        return Client(self.address, self.facts["operator_key"] if token is None else token, operator=self.facts["operator"], policy=policy)
