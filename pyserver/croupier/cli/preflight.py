"""Whether a node may leave: pure rules over what was found out, each with the sentence that says why not."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Candidate(Struct, frozen=True):
    """A node as the others see it."""

    name: str
    region: str
    state: str
    problems: tuple[str, ...] = ()
    """What it says is wrong with it; where it was not asked, nothing."""


def reasons_against(leaving: str, nodes: Sequence[Candidate], cluster_problems: Sequence[str]) -> list[str]:
    """Why node `leaving` must not be drained now, the gravest first; empty where nothing speaks against it.

    `cluster_problems` is what is wrong with etcd and the store themselves.
    """
    others = [node for node in nodes if node.name != leaving]
    reasons = [f"{node.name} is draining; wait until it has ended" for node in others if node.state == "draining"]
    staying = [node for node in others if node.state == "serving"]
    if not staying:
        reasons.append(f"no other node serves, so nobody could play once {leaving} has left")
    # What is wrong with all of it is told once, not in the words of each node too.
    told = [f"{node.name}, which would have to take over, says: {problem}" for node in staying for problem in node.problems]
    reasons += cluster_problems or told
    return list(dict.fromkeys(reasons))
