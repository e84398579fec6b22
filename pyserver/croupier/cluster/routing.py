"""Which node is the best for a wallet: rendezvous hashing, so that a change of members moves only the share of the node that came or went.

It is speed, not safety: any node may serve any wallet, the conditional write keeps money right. proto/croupier/v1/cluster_service.proto describes the
same arithmetic for clients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from croupier.cluster.membership import Member


def preferred(wallet: str, members: Sequence[Member], region: str) -> Member | None:
    """The serving member that calls for the wallet of this name go to, from callers in `region`; None where no member serves."""
    serving = [member for member in members if member.state == "serving"]
    near = [member for member in serving if member.region == region] or serving
    return min(near, key=lambda member: (-weight(member.node, wallet), member.node), default=None)


def weight(node: str, wallet: str) -> int:
    """How much a node and a wallet are meant for each other."""
    return int.from_bytes(hashlib.sha256(f"{node}\0{wallet}".encode()).digest()[:8], "big")
