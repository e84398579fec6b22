"""The profile's reading: stacks as faulthandler writes them, and which stage each belongs to."""

from __future__ import annotations

import faulthandler
from pathlib import Path

import pytest

from bench.stage_table import Frame, by_function, by_stage, native_stage, stacks, stage_of
from tests.repo.sources import ROOT

DUMP = """\
Stack (most recent call first):
  File "/srv/pyserver/croupier/stores/codec.py", line 28 in encode
  File "/srv/pyserver/croupier/stores/sqlite.py", line 131 in _apply
  File "/srv/pyserver/croupier/runners/embedded.py", line 240 in _commit
# {"order": "sample 0", "threads": {}}
Stack (most recent call first):
  File "/usr/lib/python3.11/hashlib.py", line 5 in sha256
  File "/srv/pyserver/croupier/operations/ledger.py", line 53 in append
  File "/srv/pyserver/croupier/runners/owner.py", line 9 in _run
Stack (most recent call first):
  File "/srv/.venv/lib/python3.11/site-packages/uvloop/loop.py", line 1 in run
"""


def test_each_stack_is_read_innermost_first() -> None:
    """Files are named from their package on, and orders between the stacks are no part of them."""
    found = list(stacks(DUMP))
    assert [stack[0] for stack in found] == [
        Frame("croupier/stores/codec.py", "encode", 28),
        Frame("hashlib.py", "sha256", 5),
        Frame("uvloop/loop.py", "run", 1),
    ]
    assert [len(stack) for stack in found] == [3, 3, 1]


def test_the_innermost_function_that_the_table_names_decides() -> None:
    """What a stage calls belongs to it: a hash in the ledger is part of the decision."""
    assert by_stage(stacks(DUMP)) == {"commit": 1, "decide": 1, "transport in Python": 1}


def test_a_stack_that_nobody_named_is_not_hidden() -> None:
    """It has no stage, and so counts against the share that is named."""
    assert stage_of((Frame("elsewhere.py", "work", 1),)) == ""


def test_functions_count_with_what_they_call() -> None:
    """Own samples are those of the innermost function; each function of a stack counts once with what it calls."""
    own, inclusive = by_function(stacks(DUMP))
    assert own["croupier/stores/codec.py:encode"] == 1
    assert own["croupier/stores/sqlite.py:_apply"] == 0
    assert inclusive["croupier/stores/sqlite.py:_apply"] == 1


def test_threads_without_python_have_a_stage() -> None:
    """The front door's own thread is told from those of gRPC."""
    assert native_stage("front") != native_stage("event_engine")


def test_what_faulthandler_writes_is_read(tmp_path: Path) -> None:
    """The form of this Python's own dumps."""
    dump = tmp_path / "dump"
    with dump.open("w") as file:
        faulthandler.dump_traceback(file, all_threads=False)
    (stack,) = stacks(dump.read_text())
    assert stack[0].function == "test_what_faulthandler_writes_is_read"


@pytest.mark.parametrize(
    ("file", "function", "stage"),
    [
        ("engine.py", "play", "engine"),
        ("operations/play_round.py", "decide", "decide"),
        ("stores/sqlite.py", "commit", "commit"),
        ("services/convert.py", "encoded_round", "encode"),
        ("services/names.py", "parse_child", "parse, translate"),
        ("services/guard.py", "admit", "credentials"),
        ("services/round_service.py", "_played", "encode"),
        ("services/round_service.py", "play", "parse, translate"),
        ("services/intake.py", "take", "bookkeeping"),
        ("runners/embedded.py", "_attempt", "bookkeeping"),
        ("runners/embedded.py", "_applied", "cache"),
    ],
)
def test_the_table_knows_the_servers_functions(file: str, function: str, stage: str) -> None:
    """The functions that matter most are still there under these names, and in the stage that the documents say."""
    text = (ROOT / "pyserver/croupier" / file).read_text()
    assert f"def {function}(" in text
    assert stage_of((Frame(f"croupier/{file}", function, 1),)) == stage
