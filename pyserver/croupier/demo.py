"""The demo: an operator with a key at hand, for trying the engine on one's own machine."""

from __future__ import annotations

import json
import time

import msgspec

from croupier import engine, private_file
from croupier.access import ADMIN_OPERATOR, OPERATOR_KIND, Operator, make_key
from croupier.config import Config
from croupier.stores.store import Document, Store

OPERATOR = "demo"


async def prepare(config: Config, store: Store) -> None:
    """Makes the operators `demo` and `admin` with a key each, once, and writes data_dir/demo.json."""
    path = config.data_dir / "demo.json"
    known = {document.id for document in await store.documents(OPERATOR_KIND)}
    if path.exists() and OPERATOR in known:
        return
    now_ms = time.time_ns() // 1_000_000
    keys: dict[str, str] = {}
    for operator in (OPERATOR, ADMIN_OPERATOR):
        if operator not in known:
            await store.put_document(Document(OPERATOR_KIND, operator, 1, msgspec.json.encode(Operator(operator, now_ms))))
        text, document = make_key(operator, "demo", now_ms, engine.entropy(40))
        await store.put_document(document)
        keys[operator] = text
    facts = {"address": config.listen, "operator": OPERATOR, "operator_key": keys[OPERATOR], "admin_key": keys[ADMIN_OPERATOR]}
    private_file.write(path, json.dumps(facts, indent=2))


def how_to_play(config: Config, address: str) -> str:
    """What a new user needs to know, in a few lines; notes the address that the server got."""
    path = config.data_dir / "demo.json"
    facts: dict[str, str] = {**json.loads(path.read_text()), "address": address}
    private_file.write(path, json.dumps(facts, indent=2))
    return "\n".join(
        (
            f"Croupier serves gRPC on {address}, metrics on http://{config.metrics_listen}/metrics, data in {config.data_dir}/",
            f"Demo operator key: {facts['operator_key']}",
            "",
            "1. In another terminal, `make play` plays a session through the Python client and verifies every round.",
            f"2. Your own client: generate it from proto/, call {address}, send metadata `authorization: Bearer` and the key above.",
            "3. Deposit into operators/demo/players/you/wallets/EUR, open a session at a game that ListGames names, then Play.",
        )
    )
