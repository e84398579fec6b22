"""The demo's course: deposit, play each family, rotate the seed, verify, add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from croupier_client import bets
from croupier_client.client import Client
from croupier_client.money import micros, show
from croupier_client.pb import blackjack_pb2 as blackjack
from croupier_client.pb import catalog_service_pb2 as catalog
from croupier_client.pb import games_pb2 as games
from croupier_client.pb import round_service_pb2 as rounds
from croupier_client.session import SessionHandle
from croupier_client.verify import total_of, verify_ledger

from .pictures import blackjack_lines, dice_lines, roulette_lines, slots_lines
from .watcher import Watcher, line_of

# Shown first where several games of a family are served.
_FAVOURITES = ("games/dolphins-pearl", "games/roulette-french", "games/dice-10001", "games/blackjack-classic")
_DEPOSIT = "100"


class Tour:
    """One visible visit of one player."""

    def __init__(self, client: Client, player: str, currency_code: str, rounds_a_family: int) -> None:
        self._client = client
        self._wallet = client.wallet_name(player, currency_code)
        self._currency = currency_code
        self._count = rounds_a_family
        self._played: list[rounds.Round] = []
        self._verified = 0

    def run(self, families: Iterable[str]) -> bool:
        """Plays all families; True if every round verified."""
        transfer = self._client.deposit(self._wallet, micros(_DEPOSIT), reference="demo")
        print(f"{self._wallet}\ndeposited {self._show(transfer.amount_micros)}, balance {self._show(transfer.balance_micros)}")
        self._watcher = Watcher(self._client, self._wallet, transfer.revision)
        games_served = list(self._client.games())
        print(f"{len(games_served)} games are served: {', '.join(game.title for game in games_served)}")
        for family in families:
            game = _favourite(game for game in games_served if game.family == family and game.enabled)
            if game is not None:
                self._visit(game)
        return self._sum_up()

    def _visit(self, game: catalog.Game) -> None:
        session = self._client.open_session(self._wallet, game.name)
        model = self._client.get_model(session.state.model)
        known = f", return {model.figures.return_value:.4%}" if model.figures.return_value else ""
        print(f"\n=== {game.title} ({game.family}, version {game.version}{known}) ===")
        print(f"server seed committed to: SHA-256 {session.state.seed.server_seed_hash}")
        for number in range(1, self._count + 1):
            print(f"\n--- round {number} of {self._count}")
            self._finish(session, session.play(self._bet(game.family, model, session.state.step_micros)), model)
        self._reveal(session)

    def _finish(self, session: SessionHandle, round_: rounds.Round, model: catalog.Model) -> None:
        """Acts until the round is settled, and shows each step."""
        self._draw(round_, model)
        while round_.state == rounds.ROUND_STATE_OPEN:
            action = choose(round_.outcome.blackjack)
            name = blackjack.BlackjackActionKind.Name(action.blackjack.kind).removeprefix("BLACKJACK_ACTION_KIND_").lower()
            round_ = session.act(round_, action)
            print(f"    step {round_.step}: {name.replace('_', ' ')}")
            self._draw(round_, model)
        self._played.append(round_)
        net = round_.payout_micros - round_.stake_micros
        print(f"    staked {self._show(round_.stake_micros)}, paid {self._show(round_.payout_micros)}, net {self._show(net)}")
        for entry in self._watcher.until(round_.revision):
            print(f"    {line_of(entry)}")

    def _draw(self, round_: rounds.Round, model: catalog.Model) -> None:
        lines = {
            "slots": lambda: slots_lines(round_, model.pay_table),
            "roulette": lambda: roulette_lines(round_),
            "dice": lambda: dice_lines(round_),
            "blackjack": lambda: blackjack_lines(round_.outcome.blackjack),
        }[round_.outcome.WhichOneof("family") or ""]()
        for line in lines:
            print(f"    {line}")

    def _bet(self, family: str, model: catalog.Model, step_micros: int) -> games.Bet:
        """A bet of about one unit of the currency, a thousand steps at most."""
        unit = max(micros(1), 10 * step_micros)
        if family == "slots":
            return bets.slots(10 * step_micros * max(1, len(model.pay_table.lines)))
        if family == "roulette":
            return bets.roulette(bets.wager("red", 2 * unit), bets.wager("straight", unit, [17]), bets.wager("dozen", unit, [2]))
        return bets.dice_over(unit, 5_050) if family == "dice" else bets.blackjack(2 * unit)

    def _reveal(self, session: SessionHandle) -> None:
        """Rotates the seed, and recomputes every round of the session from it in plain Python."""
        revealed = session.rotate_seed()
        print(f"\nseed {revealed.number} revealed: {revealed.server_seed}")
        for round_ in session.rounds():
            report = session.verify(round_)
            self._verified += report.matches
            print(f"    round {round_.number}: {'verified' if report.matches else report}")
        session.close()

    def _sum_up(self) -> bool:
        wallet = self._client.get_wallet(self._wallet)
        staked, paid = (sum(getattr(round_, field) for round_ in self._played) for field in ("stake_micros", "payout_micros"))
        broken = verify_ledger(wallet, reversed(list(self._client.entries(self._wallet))))
        balances = "; ".join(f"drift {show(b.drift_micros, b.currency_code)}" for b in self._client.trial_balance())
        print("\n=== Summary ===")
        print(f"{len(self._played)} rounds, {self._verified} verified on this machine from the revealed seeds")
        print(f"staked {self._show(staked)}, paid {self._show(paid)}, net {self._show(paid - staked)}")
        print(f"balance {self._show(wallet.balance_micros)} after {wallet.revision} ledger entries")
        print(f"hash chain of the ledger: {'; '.join(broken) or 'verified, ends in ' + wallet.chain_hash[:16] + '…'}")
        print(f"trial balance of the operator: {balances}")
        return self._verified == len(self._played) and not broken

    def _show(self, amount_micros: int) -> str:
        return show(amount_micros, self._currency)


def choose(table: blackjack.BlackjackOutcome) -> games.Action:
    """A plain strategy: no insurance, double 10 and 11, split aces and eights, draw to 17."""
    hand = table.hands[table.active_hand]
    points, soft = total_of(hand.cards)
    value = min(hand.cards[0] // 4 + 1, 10)
    wishes = (
        (blackjack.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE, True, bets.decline_insurance),
        (blackjack.BLACKJACK_ACTION_KIND_SPLIT, value in (1, 8), bets.split),
        (blackjack.BLACKJACK_ACTION_KIND_DOUBLE, points in (10, 11) and not soft, bets.double),
        (blackjack.BLACKJACK_ACTION_KIND_HIT, points < 17 or (soft and points == 17), bets.hit),
    )
    return next((action() for kind, wish, action in wishes if wish and kind in table.legal), bets.stand())


def _favourite(offered: Iterator[catalog.Game]) -> catalog.Game | None:
    return next(iter(sorted(offered, key=lambda game: (game.name not in _FAVOURITES, game.name))), None)
