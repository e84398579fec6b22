"""docs/operations.md lists every setting with its key, and no others; and every metric that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import structs

from croupier.config import Cassandra, Config, Etcd, Tls
from croupier.limits import Limits

DOCUMENT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_every_setting_is_in_the_table() -> None:
    """The table of settings and the program's own list are the same."""
    tables = {"tls": Tls, "limits": Limits, "cassandra": Cassandra, "etcd": Etcd}
    keys = {field.name for field in structs.fields(Config)} - tables.keys()
    keys |= {f"{table}.{field.name}" for table, struct in tables.items() for field in structs.fields(struct)}
    table = DOCUMENT.split("| key | default | what |")[1].split("\n\n")[0]
    listed = {name for cell in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in re.findall(r"`([a-z_.]+)`", cell)}
    assert listed == keys


def test_every_metric_that_is_named_exists() -> None:
    """Names of metrics in the text are written in pyserver/croupier/metrics.py."""
    source = (Path(__file__).parents[2] / "pyserver" / "croupier" / "metrics.py").read_text()
    names = {name.removesuffix("_total").removeprefix("croupier_") for name in re.findall(r"croupier_[a-z_]+", DOCUMENT)} - {""}
    missing = {name for name in names if f'croupier_{name}"' not in source and f'"{name}"' not in source}
    assert not missing
