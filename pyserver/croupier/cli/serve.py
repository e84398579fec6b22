"""`croupier serve`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import structs

from croupier import logs, server
from croupier.cli.exits import UNUSABLE
from croupier.cli.options import config_option, load_config
from croupier.config import Config, Tls

_UNSTARTABLE = 1
"""What `server.run` returns where it could not start."""


@click.command()
@config_option
@click.option("--demo", is_flag=True, default=None, help="Make an operator `demo` and print its key. Not for real money.")
@click.option("--listen", metavar="HOST:PORT", help="Address for gRPC; port 0 takes a free one.  [default: 127.0.0.1:7400]")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes: one owns the wallets, the others take connections.  [default: 1]")
@click.option("--pin", is_flag=True, default=None, help="Bind each process to a CPU of its own.")
@click.option("--metrics-listen", metavar="HOST:PORT", help="Address for Prometheus, empty for none.  [default: 127.0.0.1:7401]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the database and the key file.  [default: data]")
@click.option(
    "--key-file", type=click.Path(path_type=Path), help="Keys that seal seeds and sign tokens.  [default: DATA_DIR/croupier.keys]"
)
@click.option("--models-dir", type=click.Path(path_type=Path), help="Folder of *.toml models.  [default: those of the package]")
@click.option("--store", type=click.Choice(["sqlite", "memory"]), help="Where wallets are kept; memory forgets them.  [default: sqlite]")
@click.option("--node", help="Name of this node.  [default: node-1]")
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), help="[default: INFO]")
@click.option(
    "--tls-certificate", type=click.Path(path_type=Path), help="PEM chain of the server; with --tls-key, gRPC is served over TLS."
)
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM key of the server.")
@click.option(
    "--tls-client-ca",
    type=click.Path(path_type=Path),
    help="PEM: every caller must show a certificate signed by it, whose common name is the operator (mTLS).",
)
def serve(
    config_file: Path | None, *, tls_certificate: Path | None, tls_key: Path | None, tls_client_ca: Path | None, **flags: Any
) -> None:
    """Run a server until SIGTERM or Ctrl-C drains it. Flags go before the settings in --config."""
    settings = _with(load_config(config_file), {name: value for name, value in flags.items() if value is not None})
    if tls_certificate or tls_key:
        if not (tls_certificate and tls_key):
            raise click.UsageError("--tls-certificate and --tls-key go together")
        settings = structs.replace(settings, tls=Tls(tls_certificate, tls_key, tls_client_ca))
    elif tls_client_ca:
        raise click.UsageError("--tls-client-ca needs --tls-certificate and --tls-key")
    _check_address("--listen", settings.listen)
    if settings.metrics_listen:
        _check_address("--metrics-listen", settings.metrics_listen)
    logs.configure(settings.log_level)
    code = server.run(settings)
    sys.exit(UNUSABLE if code == _UNSTARTABLE else code)


def _with(settings: Config, flags: dict[str, Any]) -> Config:
    try:
        return msgspec.convert(structs.asdict(structs.replace(settings, **flags)), Config, from_attributes=True)
    except msgspec.ValidationError as error:
        raise click.UsageError(str(error)) from error


def _check_address(option: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise click.UsageError(f"{option} must be host:port with a port from 0 to 65535, not {address!r}")
