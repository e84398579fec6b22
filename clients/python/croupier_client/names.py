"""Resource names: how the API addresses wallets, sessions, rounds and transfers."""

from __future__ import annotations


def wallet_name(operator: str, player: str, currency_code: str) -> str:
    """`operators/{operator}/players/{player}/wallets/{currency}`."""
    return f"operators/{operator}/players/{player}/wallets/{currency_code}"


def session_name(wallet: str, session_id: str) -> str:
    """`{wallet}/sessions/{session}`."""
    return f"{wallet}/sessions/{session_id}"


def round_name(wallet: str, round_id: str) -> str:
    """`{wallet}/rounds/{round}`."""
    return f"{wallet}/rounds/{round_id}"


def transfer_name(wallet: str, transfer_id: str) -> str:
    """`{wallet}/transfers/{transfer}`."""
    return f"{wallet}/transfers/{transfer_id}"


def wallet_of(name: str) -> str:
    """The wallet that a session, round, transfer or entry belongs to; a wallet's own name gives itself."""
    return "/".join(name.split("/")[:6])


def id_of(name: str) -> str:
    """The last part of a name."""
    return name.rsplit("/", 1)[-1]
