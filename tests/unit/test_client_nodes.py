"""Which node an attempt of the Python client goes to, on a clock that the test turns."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from croupier_client.budget import BudgetRules, RetryBudget
from croupier_client.discovery import Schedule
from croupier_client.nodes import Listed, Nodes, Report
from croupier_client.pressure import Pressure
from croupier_client.routing import ranked
from croupier_client.standing import Ejection, Standing

EJECTION = Ejection(failures=2, first_s=1, longest_s=30, return_s=10)
WALLETS = [f"operators/o/players/{number}/wallets/EUR" for number in range(300)]


def _nodes(*regions: str, own: str = "here", seeds: tuple[str, ...] = ("seed:1",)) -> Nodes:
    """One node a region named, `n0:1` and so on, as ListNodes told them."""
    nodes = Nodes(seeds, EJECTION, region=own, chance=random.Random(1))
    nodes.listed([Listed(f"n{at}", f"n{at}:1", region, serving=True) for at, region in enumerate(regions)], "n0")
    return nodes


def _spread(nodes: Nodes, now: float, tried: tuple[str, ...] = ()) -> dict[str, str]:
    return {wallet: nodes.choose(wallet, tried, now).address for wallet in WALLETS}


def _throw_out(nodes: Nodes, address: str, now: float, *, hung: bool = False) -> None:
    for _ in range(2):
        nodes.failed(Report(address, now, now), hung=hung)


def test_a_wallet_goes_to_the_node_that_it_prefers_in_its_own_region() -> None:
    """As servers compute it; every node of the region gets its share, the other region none."""
    nodes = _nodes("here", "here", "here", "there")
    for wallet, address in _spread(nodes, 0).items():
        assert address == ranked(["n0", "n1", "n2"], wallet)[0] + ":1"
        assert not nodes.choose(wallet, (), 0).unforwarded
    assert min(Counter(_spread(nodes, 0).values()).values()) > 60


def test_only_the_share_of_a_node_that_is_out_moves() -> None:
    """The others' wallets stay; those that move go to their next choice, which is told to serve them itself."""
    nodes = _nodes("here", "here", "here", "there")
    before = _spread(nodes, 0)
    _throw_out(nodes, "n1:1", 1)
    for wallet, address in _spread(nodes, 2).items():
        if before[wallet] != "n1:1":
            assert address == before[wallet]
            continue
        assert address == ranked(["n0", "n2"], wallet)[0] + ":1"
        assert nodes.choose(wallet, (), 2).unforwarded


def test_a_retry_goes_to_a_node_that_was_not_tried() -> None:
    """In own region first, then in the others, then to addresses that the list does not name, then anew."""
    nodes, wallet, tried = _nodes("here", "here", "there", "beyond"), WALLETS[0], []
    for _ in range(6):
        tried.append(nodes.choose(wallet, tried, 0).address)
    here = [name + ":1" for name in ranked(["n0", "n1"], wallet)]
    regions = ranked(["there", "beyond"], wallet)
    assert tried == [*here, *("n2:1" if region == "there" else "n3:1" for region in regions), "seed:1", here[0]]


def test_without_its_region_a_client_goes_to_the_others() -> None:
    """All nodes of the own region out: wallets spread over the other regions, and come back with it."""
    nodes = _nodes("here", "there", "beyond")
    _throw_out(nodes, "n0:1", 0)
    assert set(_spread(nodes, 0.5).values()) == {"n1:1", "n2:1"}
    assert not nodes.choose(WALLETS[0], (), 0.5).unforwarded
    assert nodes.to_probe(1.1) == ["n0:1"]
    nodes.probed("n0:1", 1.2, serving=True)
    assert set(_spread(nodes, 1.3 + EJECTION.return_s).values()) == {"n0:1"}


def test_a_node_comes_back_bit_by_bit_and_each_wallet_moves_once() -> None:
    """A tenth of its wallets at once, all after `return_s`; whoever has moved back stays."""
    nodes = _nodes("here", "here")
    before = _spread(nodes, 0)
    own = {wallet for wallet, address in before.items() if address == "n0:1"}
    _throw_out(nodes, "n0:1", 0)
    nodes.probed("n0:1", 5, serving=True)
    moved: set[str] = set()
    for now, low, high in ((5.0, 0.0, 0.25), (10.0, 0.35, 0.75), (15.0, 1.0, 1.0)):
        back = {wallet for wallet, address in _spread(nodes, now).items() if address == "n0:1"}
        assert moved <= back <= own
        assert low <= len(back) / len(own) <= high
        moved = back


def test_a_node_that_leaves_gets_no_new_calls() -> None:
    """Draining in the list: its wallets go to those that stay, which servers prefer too, and streams move."""
    nodes = _nodes("here", "here")
    nodes.listed([Listed("n0", "n0:1", "here", serving=False), Listed("n1", "n1:1", "here", serving=True)], "n0")
    assert set(_spread(nodes, 0).values()) == {"n1:1"}
    assert not nodes.choose(WALLETS[0], (), 0).unforwarded
    assert nodes.is_left("n0:1")
    assert not nodes.is_left("n1:1")


def test_if_nobody_is_in_those_that_cost_no_time_are_tried_first() -> None:
    """A client is never left without a node to ask: leaving ones, then broken ones, hung ones last."""
    nodes = _nodes("here", "here", "here", seeds=("n0:1",))
    nodes.listed([Listed(f"n{at}", f"n{at}:1", "here", serving=at != 2) for at in range(3)], "n0")
    _throw_out(nodes, "n0:1", 0, hung=True)
    _throw_out(nodes, "n1:1", 0)
    tried: list[str] = []
    for wanted in ("n2:1", "n2:1", "n1:1"):
        assert nodes.choose(WALLETS[0], tried, 1).address == wanted
        tried.append(wanted)
        if len(tried) == 2:
            nodes.refused(Report("n2:1", 1, 1))
            tried.append("n2:1")
    assert nodes.choose(WALLETS[0], ["n1:1", "n2:1"], 1).address in ("n1:1", "n2:1")


def test_a_node_that_sheds_sends_calls_where_it_says() -> None:
    """The call goes on to the node or region that was named; as sheddings go on, a share of the calls goes there at once."""
    nodes = _nodes("here", "there", "beyond")
    for told, wanted in ((("n2", "beyond"), "n2:1"), (("gone", "there"), "n1:1")):
        assert nodes.choose(WALLETS[0], ["n0:1"], 0, told).address == wanted
    sent: Counter[str] = Counter()
    for at in range(2_000):
        now, second = at / 100, at // 100
        address = nodes.choose(WALLETS[at % 300], (), now).address
        sent[address] += 1
        sent[f"{address} in {second}"] += 1
        if address == "n0:1" and sent[f"{address} in {second}"] > 25:  # It has room for 25 of the 100 in each second.
            nodes.shed(Report(address, now, now), ("n1", "there"))
        else:
            nodes.answered(Report(address, now, now))
    assert 25 <= sent["n0:1 in 19"] <= 60
    assert sent["n1:1 in 19"] == 100 - sent["n0:1 in 19"]
    assert set(_spread(nodes, 60).values()) == {"n0:1"}


def test_a_new_list_is_taken_over() -> None:
    """Nodes that are gone get no calls, new ones their share, and how a node stands is kept; an empty list changes nothing."""
    nodes = _nodes("here", "here", seeds=("n0:1", "n1:1"))
    _throw_out(nodes, "n0:1", 0)
    nodes.listed([Listed("n0", "n0:1", "here", serving=True), Listed("n2", "n2:1", "here", serving=True)], "n2")
    assert set(_spread(nodes, 0).values()) == {"n2:1"}
    nodes.listed([], "")
    assert set(_spread(nodes, 0).values()) == {"n2:1"}
    assert sorted(nodes.addresses()) == ["n0:1", "n1:1", "n2:1"]


def test_the_region_is_that_of_the_node_that_answered() -> None:
    """Unless the caller said it."""
    nodes = _nodes("here", "there", own="")
    assert set(_spread(nodes, 0).values()) == {"n0:1"}


def test_each_node_is_asked_for_the_list_in_turn() -> None:
    """First those that are in."""
    nodes = _nodes("here", "here", "here", seeds=("n0:1",))
    _throw_out(nodes, "n1:1", 0)
    asked = [""]
    for _ in range(4):
        asked.append(nodes.to_ask(asked[-1]))
    assert asked[1:] == ["n0:1", "n2:1", "n0:1", "n2:1"]


def test_without_a_list_addresses_are_used_one_after_the_other() -> None:
    """As a client did that knew no cluster: stay with one, move on when it fails, and no wallet has a preference."""
    nodes = Nodes(("a", "b", "c"), EJECTION)
    assert set(_spread(nodes, 0).values()) == {"a"}
    nodes.failed(Report("a", 0, 0), hung=True)
    assert set(_spread(nodes, 0).values()) == {"b"}
    nodes.failed(Report("b", 0, 0), hung=False)
    nodes.failed(Report("c", 0, 0), hung=False)
    assert set(_spread(nodes, 0).values()) == {"a"}
    nodes.failed(Report("a", 1, 1), hung=True)
    nodes.failed(Report("c", 1, 1), hung=False)
    nodes.refused(Report("b", 1, 1))
    assert nodes.out() == ["a", "b", "c"]
    assert set(_spread(nodes, 1).values()) == {"c"}


def test_a_burst_of_failures_counts_once() -> None:
    """Attempts that began before a node was thrown out, or let back, change nothing when they end."""
    standing = Standing(EJECTION)
    assert not standing.failed(0, 1, hung=True)
    assert standing.failed(0, 1, hung=True)
    for _ in range(50):
        assert not standing.failed(0, 1.5, hung=True)
    assert standing.next_probe == 2
    standing.answered(0.5, 1.6)
    assert standing.out
    standing.probed(2, serving=True)
    assert not standing.failed(1, 3, hung=True)
    assert standing.failed(2.5, 3.5, hung=True)
    assert standing.next_probe == 3.5 + 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["fail", "hang", "answer", "probe", "refuse"]), st.floats(0.01, 5)), max_size=60))
def test_a_standing_stays_within_its_rules(course: list[tuple[str, float]]) -> None:
    """Whatever happens: out or in, never longer out than the longest time until a probe, and one success at last brings it back."""
    standing, now = Standing(EJECTION), 0.0
    for event, later in course:
        now += later
        if event == "probe" and standing.out and standing.next_probe <= now:
            standing.probed(now, serving=later > 2.5)
        elif event == "answer":
            standing.answered(now, now)
        elif event == "refuse":
            standing.throw_out(now)
        elif event != "probe":
            standing.failed(now, now, hung=event == "hang")
        assert 0 <= standing.share(now) <= 1
        assert standing.share(now) == 0 or not standing.out
        assert not standing.out or standing.next_probe - now <= EJECTION.longest_s + 0.001
    standing.probed(now, serving=True)
    assert standing.share(now + EJECTION.return_s + 0.001) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=400), st.randoms(use_true_random=False))
def test_retries_stay_within_their_budget(gaps: list[float], chance: random.Random) -> None:
    """In no window are there more retries than a fifth of the calls and the floor, however many are asked for."""
    rules = BudgetRules(share=0.2, floor_per_s=1, window_s=10)
    budget, now, calls, taken = RetryBudget(rules), 0.0, list[float](), list[float]()
    for gap in gaps:
        now += gap
        if chance.random() < 0.3:
            budget.called(now)
            calls.append(now)
        if budget.take(now):
            taken.append(now)
        # Slots are forgotten as a whole, so up to one slot of the window may be missing from the count.
        recent = sum(at > now - rules.window_s * 0.9 for at in taken)
        assert recent <= rules.share * sum(at > now - rules.window_s for at in calls) + rules.floor_per_s * rules.window_s


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(1, 3), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)), st.integers(0, 299), st.integers(0, 7))
def test_an_attempt_never_goes_to_a_node_that_is_out_while_another_is_in(
    count: int, regions: int, out: set[int], leaving: set[int], wallet: int, spread: int
) -> None:
    """For any cluster: in before leaving before out, own region before others, and losing a node that was not chosen changes nothing."""
    where = [f"r{(at * 5 + spread) % regions}" for at in range(count)]
    nodes = Nodes(("n0:1",), EJECTION, region="r0", chance=random.Random(1))
    listed = [Listed(f"n{at}", f"n{at}:1", where[at], serving=at not in leaving) for at in range(count)]
    nodes.listed(listed, "n0")
    for at in out:
        _throw_out(nodes, f"n{at}:1", 0)
    chosen = int(nodes.choose(WALLETS[wallet], (), 0.5).address[1:-2])
    good = [at for at in range(count) if at not in out and at not in leaving]
    if good:
        assert chosen in good
        own = [at for at in good if where[at] == "r0"]
        assert not own or chosen in own
    for at in set(range(count)) - {chosen}:
        _throw_out(nodes, f"n{at}:1", 0.5)
        if good:
            assert nodes.choose(WALLETS[wallet], (), 0.6).address == f"n{chosen}:1"


def test_a_quiet_node_is_tried_again() -> None:
    """After a while without calls nothing is diverted any more."""
    pressure = Pressure()
    for _ in range(50):
        pressure.shed(1)
    assert pressure.share(1) > 0.9
    assert pressure.share(40) == pytest.approx(0, abs=0.01)


def test_the_list_is_asked_for_more_often_while_calls_fail_and_less_often_while_nobody_answers() -> None:
    """Every 3 s give or take; a second after the last answer if a call failed; at 0.25, 0.5, 1 … s while there is no answer, hurried or not."""
    schedule = Schedule(3, random.Random(1))
    assert schedule.is_due(0)
    schedule.asked(0, is_answered=True)
    assert (schedule.is_due(2.3), schedule.is_due(3.7)) == (False, True)
    schedule.hurry()
    assert (schedule.is_due(0.9), schedule.is_due(1)) == (False, True)
    now = 10.0
    for pause_s in (0.25, 0.5, 1.0, 2.0):
        schedule.asked(now, is_answered=False)
        schedule.hurry()
        assert (schedule.is_due(now + pause_s - 0.01), schedule.is_due(now + pause_s)) == (False, True)
        now += pause_s
    schedule.asked(now, is_answered=False)
    assert (schedule.is_due(now + 2.3), schedule.is_due(now + 3.7)) == (False, True)


EVENTS = st.tuples(st.sampled_from(["fail", "hang", "answer", "refuse", "probe", "list", "leave"]), st.integers(0, 4), st.floats(0.01, 4))


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, max_size=40))
def test_what_is_remembered_is_what_would_be_decided_anew(course: list[tuple[str, int, float]]) -> None:
    """A client that decides every attempt from scratch sends it to the same node, whatever happened before."""
    both, now = [_nodes("here", "here", "here", "there", seeds=("n0:1", "gone:1")) for _ in range(2)], 0.0
    for event, at, later in course:
        now += later
        for nodes in both:
            _happens(nodes, event, at, now)
        for moment in (now, now + 3, now + 20):
            both[1]._usual.clear()  # pyright: ignore[reportPrivateUsage]
            assert both[0].choose(WALLETS[at], (), moment) == both[1].choose(WALLETS[at], (), moment)


def _happens(nodes: Nodes, event: str, at: int, now: float) -> None:
    address = f"n{at}:1"
    if event in ("list", "leave"):
        listed = [Listed(f"n{number}", f"n{number}:1", "here", serving=event == "list" or number != at) for number in range(at + 1)]
        nodes.listed(listed, "n0")
    elif event == "probe":
        for due in nodes.to_probe(now):
            nodes.probed(due, now, serving=at % 2 == 0)
    elif event == "answer":
        nodes.answered(Report(address, now, now))
    elif event == "refuse":
        nodes.refused(Report(address, now, now))
    else:
        nodes.failed(Report(address, now, now), hung=event == "hang")
