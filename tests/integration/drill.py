"""The restore drill with figures: how long audit, backup and restore take for a history of a given size.

python -m tests.integration.drill --rounds 200000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from croupier.limits import Limits
from croupier.model import TransferKind, WalletKey
from croupier.operations.open_session import OpenSession
from croupier.operations.play_round import PlayRound
from croupier.operations.transfer import MakeTransfer
from croupier.runners.embedded import Call
from croupier.stores.store import drive
from tests.integration import worlds

WALLETS = 1_000


def build(data_dir: Path, rounds: int) -> int:
    """Plays that many rounds of dice over many wallets; the size of the file in bytes."""
    world = worlds.World(data_dir, Limits())
    wallets = [WalletKey("acme", f"player-{number}", "EUR") for number in range(WALLETS)]
    sessions = [world.id() for _ in wallets]
    drive(world.runner.process([Call(MakeTransfer(w, world.id(), TransferKind.DEPOSIT, 10**12, "")) for w in wallets]))
    drive(world.runner.process([Call(OpenSession(w, s, "dice-10000", "")) for w, s in zip(wallets, sessions, strict=True)]))
    for _ in range(max(1, rounds // WALLETS)):
        world.now_ms += 10
        drive(world.runner.process([Call(PlayRound(w, s, world.id(), worlds.DICE)) for w, s in zip(wallets, sessions, strict=True)]))
    world.close()
    return world.database.stat().st_size


def timed(*command: object) -> tuple[float, dict[str, object]]:
    """Seconds that a command took as a process, and the JSON that it printed."""
    started = time.perf_counter()
    arguments = [sys.executable, "-m", "croupier", *(str(word) for word in command), "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, json.loads(done.stdout)


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200_000)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        data, copy = Path(name) / "data", Path(name) / "copy.db"
        size = build(data, rounds)
        audit_s, report = timed("audit", data)
        replay_s, _ = timed("audit", data, "--replay")
        backup_s, _ = timed("backup", copy, "--data-dir", data)
        (data / "croupier.db").unlink()
        restore_s, _ = timed("restore", copy, "--data-dir", data)
        quick_s, _ = timed("restore", copy, "--data-dir", data, "--force", "--digest-only", "--keep-seeds")
    entries = report["entries"]
    assert isinstance(entries, int)
    figures = {
        "entries": entries,
        "file_mb": round(size / 1e6, 1),
        "audit_s": round(audit_s, 1),
        "audit_entries_per_s": round(entries / audit_s),
        "audit_replay_s": round(replay_s, 1),
        "backup_s": round(backup_s, 1),
        "restore_s": round(restore_s, 1),
        "restore_digest_only_s": round(quick_s, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_000, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
