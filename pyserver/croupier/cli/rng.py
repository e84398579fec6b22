"""`croupier rng`: raw output for test batteries, and the generator's self-test."""

from __future__ import annotations

import sys
import time

import click

from croupier import engine
from croupier.cli.exits import FAILED, Failure
from croupier.cli.options import json_option
from croupier.cli.output import emit
from croupier.errors import RngUnhealthy

_CHUNK_BYTES = 1 << 20


@click.group()
def rng() -> None:
    """The random number generator: raw stream, self-test."""


@rng.command()
@click.option("--bytes", "count", type=click.IntRange(min=0), default=0, show_default="without end", help="How many bytes.")
@json_option
def raw(count: int, *, as_json: bool) -> None:
    """Write raw output to standard output, before any scaling, for batteries such as PractRand, dieharder or TestU01 (R14).

    Each MiB comes from a stream keyed afresh by the operating system's entropy. `croupier rng raw | RNG_test stdin32`
    """
    if as_json:
        _print_hex(count)
        return
    written = 0
    while count == 0 or written < count:
        size = _CHUNK_BYTES if count == 0 else min(_CHUNK_BYTES, count - written)
        sys.stdout.buffer.write(engine.raw(size))
        written += size
    sys.stdout.buffer.flush()


@rng.command("self-test")
@json_option
def self_test(*, as_json: bool) -> None:
    """Run the known-answer tests and the continuous health test on fresh entropy."""
    started = time.perf_counter()
    try:
        engine.self_test()
        engine.entropy(_CHUNK_BYTES)
    except (engine.EngineError, RngUnhealthy) as error:
        raise Failure(f"the random number generator is not to be trusted: {error}", FAILED) from error
    took_ms = (time.perf_counter() - started) * 1_000
    value = {"ok": True, "known_answers": "ok", "entropy_bytes_tested": _CHUNK_BYTES, "took_ms": round(took_ms, 1)}
    emit(value, f"ok: the known answers hold, and 1 MiB of entropy passed the health tests ({took_ms:.0f} ms)", as_json=as_json)


def _print_hex(count: int) -> None:
    if not 0 < count <= _CHUNK_BYTES:
        raise click.UsageError(f"--json needs --bytes from 1 to {_CHUNK_BYTES}")
    emit({"bytes": count, "hex": engine.raw(count).hex()}, "", as_json=True)
