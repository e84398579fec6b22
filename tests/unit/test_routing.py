"""Rendezvous hashing of wallets over nodes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from croupier.cluster.membership import Member
from croupier.cluster.routing import preferred, weight

WALLETS = [f"operators/acme/players/p{number}/wallets/EUR" for number in range(600)]


def member(node: str, region: str = "eu") -> Member:
    """A member that serves."""
    return Member(node, region, f"{node}:7400", "0.1.0", "serving")


def choices(members: list[Member], region: str = "eu") -> list[str]:
    """The preferred node of every wallet."""
    chosen = [preferred(wallet, members, region) for wallet in WALLETS]
    return [one.node for one in chosen if one]


def test_the_arithmetic_is_as_published() -> None:
    """The first 8 bytes of SHA-256 over id, zero byte, name: clients in other languages compute the same."""
    assert weight("node-1", "operators/acme/players/ann/wallets/EUR") == 553212340037493649


@given(st.sets(st.text("abc123-", min_size=1, max_size=8), min_size=2, max_size=6), st.data())
def test_a_member_that_goes_moves_only_its_share(nodes: set[str], data: st.DataObject) -> None:
    """All wallets of the others stay where they are."""
    members = [member(node) for node in sorted(nodes)]
    gone = data.draw(st.sampled_from(sorted(nodes)))
    before, after = choices(members), choices([one for one in members if one.node != gone])
    assert all(new == old for old, new in zip(before, after, strict=True) if old != gone)
    assert gone not in after


def test_each_node_gets_its_share() -> None:
    """Of 600 wallets over 4 nodes each gets 150, give or take a third."""
    shares = choices([member(f"node-{number}") for number in range(4)])
    assert all(100 < shares.count(f"node-{number}") < 200 for number in range(4))


def test_own_region_first_then_any_then_none() -> None:
    """Members of the region; where it has none that serves, all that serve; draining ones never."""
    near, far = member("near"), member("far", "us")
    draining = structs.replace(near, state="draining")
    assert preferred(WALLETS[0], [far, near], "eu") == near
    assert preferred(WALLETS[0], [far, draining], "eu") == far
    assert preferred(WALLETS[0], [draining], "eu") is None
