"""Where a node that has too much to do sends its callers: to other members, near ones first, so many to each as it has room."""

from __future__ import annotations

from collections.abc import Sequence

from croupier.cluster.membership import Member

_ROOM_PERMILLE_MIN = 50
"""What a full member counts for: loads are a second old when they are read, and one whom nobody is sent to while it is said to be full idles for the rest
of that second.
"""
_ENOUGH_PERMILLE = 1_000
"""With less room than one idle node's, some callers are told no place: they would take the room of those whose own region it is."""


def elsewhere(members: Sequence[Member], node: str, chance: float) -> dict[str, str]:
    """Facts for callers that `node` turns away: `node`, `address` and `region` of another serving member; empty for some of them where others have little
    room, and for all where there is none. `chance`, from 0 to below 1, chooses: as much of it as the own region has room goes there, then to the others.
    """
    own_region = next((member.region for member in members if member.node == node), "")
    others = [member for member in members if member.node != node and member.state == "serving"]
    near = [member for member in others if member.region == own_region]
    for group in (near, [member for member in others if member.region != own_region]):
        room = sum(map(_room, group))
        mark = chance * max(_ENOUGH_PERMILLE, room)
        for member in group:
            mark -= _room(member)
            if mark < 0:
                return {"node": member.node, "address": member.address, "region": member.region}
        chance = mark / max(1, _ENOUGH_PERMILLE - room)
    return {}


def _room(member: Member) -> int:
    return max(_ROOM_PERMILLE_MIN, 1_000 - member.load_permille)
