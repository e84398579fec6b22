"""Files that hold secrets: whole or not at all, and their owner's alone."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from croupier import private_file


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """The file is written with mode 0600, its folder is made, and nothing is left beside it."""
    path = tmp_path / "data" / "secret"
    private_file.write(path, "first")
    private_file.write(path, "second")
    assert path.read_text() == "second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


WRITER = """
import sys
from pathlib import Path
from croupier import private_file
while True:
    for letter in "ab":
        private_file.write(Path(sys.argv[1]), letter * 100_000)
"""


def test_killed_while_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    """S4: a writer killed at any moment leaves one of the texts that it wrote, never a part of one."""
    path = tmp_path / "secret"
    for kill in range(10):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        while not path.exists() and writer.poll() is None:
            pass
        for _ in range(kill * 997):
            path.exists()
        writer.kill()
        writer.wait()
        assert path.read_text() in {letter * 100_000 for letter in "ab"}
        path.unlink()
