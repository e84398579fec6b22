"""Records what one version of Croupier writes, rows and wire messages, for other versions to read; to be run in its own environment.

    PYTHONPATH=clients/python:pyserver python tests/golden/versions/record.py tests/golden/versions/v0.1.0

It needs no more of the version than `python -m croupier serve --demo` and the stubs of its client, so that any version can be recorded.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc

from croupier_client.pb import (
    admin_service_pb2,
    blackjack_pb2,
    catalog_service_pb2,
    dice_pb2,
    games_pb2,
    roulette_pb2,
    round_service_pb2,
    session_service_pb2,
    slots_pb2,
    wallet_service_pb2,
)

EUR = 1_000_000
WALLET = "operators/demo/players/ann/wallets/EUR"
SETTINGS = 'listen = "127.0.0.1:0"\nmetrics_listen = ""\ndemo = true\ndrain_notice_s = 0\n[limits]\nepoch_max_entries = 20\n'
_ERROR_DETAILS = "grpc-status-details-bin"


class Recorder:
    """One connection; what was said over it."""

    def __init__(self, address: str, key: str) -> None:
        self.calls: list[dict[str, Any]] = []
        self._channel = grpc.insecure_channel(address)
        self._metadata = (("authorization", f"Bearer {key}"),)

    def call(self, method: str, request: Any, type_: Any) -> Any:
        """One unary call and its answer; None where it was refused."""
        sent = request.SerializeToString(deterministic=True)
        said = self.say(method, sent)
        self.calls.append({"method": method, "request": sent.hex(), **said})
        return type_.FromString(bytes.fromhex(said["response"])) if "response" in said else None

    def say(self, method: str, sent: bytes) -> dict[str, Any]:
        """The answer to these bytes, or the refusal's code and details."""
        try:
            return {"response": self._channel.unary_unary(f"/croupier.v1.{method}")(sent, metadata=self._metadata, timeout=10).hex()}
        except grpc.RpcError as error:
            trailing: Any = error.trailing_metadata()
            details = dict(trailing).get(_ERROR_DETAILS, b"")
            return {"code": error.code().name, "details": details.hex()}

    def close(self) -> None:
        """Hangs up."""
        self._channel.close()


def uuid7() -> str:
    """A UUIDv7 made now."""
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def play_all(recorder: Recorder) -> None:
    """Every kind of row and nearly every kind of message: transfers, sessions, rounds of each family, steps, seeds, refusals, reads."""
    wallets, sessions, rounds = wallet_service_pb2, session_service_pb2, round_service_pb2
    first = wallets.DepositRequest(wallet=WALLET, transfer_id=uuid7(), amount_micros=500 * EUR, reference="first deposit")
    recorder.call("WalletService/Deposit", first, wallets.DepositResponse)
    away = wallets.WithdrawRequest(wallet=WALLET, transfer_id=uuid7(), amount_micros=20 * EUR)
    recorder.call("WalletService/Withdraw", away, wallets.WithdrawResponse)
    too_much = wallets.WithdrawRequest(wallet=WALLET, transfer_id=uuid7(), amount_micros=9_000 * EUR)
    recorder.call("WalletService/Withdraw", too_much, wallets.WithdrawResponse)
    names = [_session(recorder, game, bet) for game, bet in bets().items()]
    _change_seed(recorder, names[0])
    _blackjack(recorder)
    recorder.call("SessionService/CloseSession", sessions.CloseSessionRequest(name=names[1]), sessions.CloseSessionResponse)
    for name in names:
        recorder.call("SessionService/GetSession", sessions.GetSessionRequest(name=name), sessions.GetSessionResponse)
        recorder.call("SessionService/ListSeeds", sessions.ListSeedsRequest(session=name), sessions.ListSeedsResponse)
        recorder.call("RoundService/ListRounds", rounds.ListRoundsRequest(parent=name), rounds.ListRoundsResponse)
    recorder.call("WalletService/GetWallet", wallets.GetWalletRequest(name=WALLET), wallets.GetWalletResponse)
    transfer = wallets.GetTransferRequest(name=f"{WALLET}/transfers/{first.transfer_id}")
    recorder.call("WalletService/GetTransfer", transfer, wallets.GetTransferResponse)
    recorder.call("WalletService/ListEntries", wallets.ListEntriesRequest(wallet=WALLET, page_size=100), wallets.ListEntriesResponse)
    recorder.call(
        "WalletService/GetTrialBalance", wallets.GetTrialBalanceRequest(operator="operators/demo"), wallets.GetTrialBalanceResponse
    )
    recorder.call("CatalogService/ListGames", catalog_service_pb2.ListGamesRequest(), catalog_service_pb2.ListGamesResponse)
    recorder.call("AdminService/GetNode", admin_service_pb2.GetNodeRequest(), admin_service_pb2.GetNodeResponse)


def bets() -> dict[str, games_pb2.Bet]:
    """One bet of each family without steps, by game."""
    red = roulette_pb2.RouletteWager(kind=roulette_pb2.ROULETTE_WAGER_KIND_RED, stake_micros=EUR)
    return {
        "games/dice-10000": games_pb2.Bet(dice=dice_pb2.DiceBet(stake_micros=EUR, side=dice_pb2.DICE_SIDE_UNDER, target=5_000)),
        "games/roulette-european": games_pb2.Bet(roulette=roulette_pb2.RouletteBet(wagers=[red])),
        "games/sizzling-hot": games_pb2.Bet(slots=slots_pb2.SlotsBet(stake_micros=EUR)),
    }


def record(folder: Path) -> None:
    """Plays on a server of this version and writes down what was said and what was stored."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        data = Path(work)
        (data / "server.toml").write_text(f'data_dir = "{data}"\n{SETTINGS}')
        version = played(data, play_all, folder)
        played(data, lambda recorder: mark_stable(recorder, folder), None)
        dump(data / "croupier.db", folder / "rows.sql")
        (folder / "croupier.keys").write_bytes((data / "croupier.keys").read_bytes())
    print(f"recorded {version} in {folder}")


def played(data: Path, scenario: Any, folder: Path | None) -> str:
    """One life of a server while `scenario` calls it; its version."""
    command = [sys.executable, "-m", "croupier", "serve", "--config", str(data / "server.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        server.stdout.readline()
        facts = json.loads((data / "demo.json").read_text())
        recorder = Recorder(facts["address"], facts["operator_key"])
        scenario(recorder)
        recorder.close()
        server.terminate()
    if folder is not None:
        said = {"operator_key": facts["operator_key"], "calls": recorder.calls}
        (folder / "messages.json").write_text(json.dumps(said, indent=1) + "\n")
    version: str = subprocess.run(
        [sys.executable, "-c", "import croupier; print(croupier.VERSION)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return version


def mark_stable(recorder: Recorder, folder: Path) -> None:
    """Says every call again to a restarted server, and marks those that it answers with the same bytes: every later version must too."""
    recorded = json.loads((folder / "messages.json").read_text())
    for call in recorded["calls"]:
        said = recorder.say(call["method"], bytes.fromhex(call["request"]))
        call["stable"] = said == {key: call[key] for key in ("response", "code", "details") if key in call}
    (folder / "messages.json").write_text(json.dumps(recorded, indent=1) + "\n")


def dump(database: Path, path: Path) -> None:
    """The database as SQL, with what iterdump leaves out."""
    connection = sqlite3.connect(database)
    pragmas = [f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};" for name in ("application_id", "user_version")]
    path.write_text("\n".join((*pragmas, *connection.iterdump())) + "\n")
    connection.close()


def _session(recorder: Recorder, game: str, bet: games_pb2.Bet) -> str:
    """Opens a session and plays in it: a round, its verification, a batch."""
    rounds = round_service_pb2
    name = _opened(recorder, game)
    play = rounds.PlayRequest(session=name, round_id=uuid7(), bet=bet)
    recorder.call("RoundService/Play", play, rounds.PlayResponse)
    recorder.call("RoundService/GetRound", rounds.GetRoundRequest(name=f"{WALLET}/rounds/{play.round_id}"), rounds.GetRoundResponse)
    plays = [rounds.PlayRequest(session=name, round_id=uuid7(), bet=bet) for _ in range(3)]
    recorder.call("RoundService/PlayBatch", rounds.PlayBatchRequest(plays=plays), rounds.PlayBatchResponse)
    return name


def _opened(recorder: Recorder, game: str) -> str:
    sessions = session_service_pb2
    request = sessions.OpenSessionRequest(wallet=WALLET, session_id=uuid7(), game=game, client_seed="ann's")
    opened = recorder.call("SessionService/OpenSession", request, sessions.OpenSessionResponse)
    assert opened is not None, recorder.calls[-1]
    name: str = opened.session.name
    return name


def _change_seed(recorder: Recorder, session: str) -> None:
    sessions, rounds = session_service_pb2, round_service_pb2
    seed = sessions.SetClientSeedRequest(session=session, client_seed="another")
    recorder.call("SessionService/SetClientSeed", seed, sessions.SetClientSeedResponse)
    for number in (1, 2, 3):
        rotation = sessions.RotateSeedRequest(session=session, seed_number=number)
        recorder.call("SessionService/RotateSeed", rotation, sessions.RotateSeedResponse)
    bet = bets()["games/dice-10000"]
    play = rounds.PlayRequest(session=session, round_id=uuid7(), bet=bet)
    recorder.call("RoundService/Play", play, rounds.PlayResponse)
    rotation = sessions.RotateSeedRequest(session=session, seed_number=4)
    recorder.call("SessionService/RotateSeed", rotation, sessions.RotateSeedResponse)
    recorder.call(
        "RoundService/VerifyRound", rounds.VerifyRoundRequest(name=f"{WALLET}/rounds/{play.round_id}"), rounds.VerifyRoundResponse
    )


def _blackjack(recorder: Recorder) -> None:
    """Rounds of several steps; the last one is left open, for another version to finish."""
    rounds = round_service_pb2
    session = _opened(recorder, "games/blackjack-classic")
    bet = games_pb2.Bet(blackjack=blackjack_pb2.BlackjackBet(stake_micros=EUR))
    finished = 0
    while True:
        request = rounds.PlayRequest(session=session, round_id=uuid7(), bet=bet)
        answer = recorder.call("RoundService/Play", request, rounds.PlayResponse)
        legal = list(answer.round.outcome.blackjack.legal)
        if blackjack_pb2.BLACKJACK_ACTION_KIND_STAND in legal and finished >= 2:
            break
        step = 1
        while legal:
            standing = blackjack_pb2.BLACKJACK_ACTION_KIND_STAND in legal
            kind = blackjack_pb2.BLACKJACK_ACTION_KIND_STAND if standing else blackjack_pb2.BLACKJACK_ACTION_KIND_DECLINE_INSURANCE
            action = games_pb2.Action(blackjack=blackjack_pb2.BlackjackAction(kind=kind))
            act = rounds.ActRequest(round=f"{WALLET}/rounds/{request.round_id}", step=step, action=action)
            answer = recorder.call("RoundService/Act", act, rounds.ActResponse)
            legal = list(answer.round.outcome.blackjack.legal) if answer.round.state == rounds.ROUND_STATE_OPEN else []
            step += 1
            finished += 1
    recorder.call("RoundService/GetOpenRound", rounds.GetOpenRoundRequest(session=session), rounds.GetOpenRoundResponse)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
