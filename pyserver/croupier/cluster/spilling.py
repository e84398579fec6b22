"""Where a node that has too much to do sends its callers: to a member with room, near ones first, so many to each as it has room."""

from __future__ import annotations

from collections.abc import Sequence

from croupier.cluster.membership import Member

_ROOM_PERMILLE_MIN = 200
"""A member with less room than that would soon send them on."""


def elsewhere(members: Sequence[Member], node: str, chance: float) -> dict[str, str]:
    """Facts for callers that `node` turns away: `node`, `address` and `region` of a serving member with room, of the same region if one of it has any; empty
    where none has. `chance`, from 0 to below 1, chooses among them by their room, so that the overflow does not fall on one of them.
    """
    own_region = next((member.region for member in members if member.node == node), "")
    able = [member for member in members if member.node != node and member.state == "serving" and _room(member) >= _ROOM_PERMILLE_MIN]
    able = [member for member in able if member.region == own_region] or able
    mark = chance * sum(map(_room, able))
    for member in able:
        mark -= _room(member)
        if mark < 0:
            return {"node": member.node, "address": member.address, "region": member.region}
    return {}


def _room(member: Member) -> int:
    return 1_000 - member.load_permille
