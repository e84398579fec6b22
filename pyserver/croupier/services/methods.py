"""Which methods take a way of their own: the one list of each kind, by path."""

from __future__ import annotations

_ROUND, _SESSION, _WALLET = "/croupier.v1.RoundService/", "/croupier.v1.SessionService/", "/croupier.v1.WalletService/"
_STREAM = _ROUND + "PlayStream"

LOOKUPS = frozenset((_ROUND + "GetRound", _WALLET + "GetWallet"))
"""Hot methods that come to a Lookup: they are read beside the owner, which they never wait for."""
HOT = frozenset((_ROUND + "Play", _ROUND + "Act", _ROUND + "PlayBatch", _STREAM, *LOOKUPS))
"""Those that both doors serve: see hot.py."""
FORWARDED = (HOT - LOOKUPS - {_STREAM}) | {
    *(_SESSION + name for name in ("OpenSession", "CloseSession", "RotateSeed", "SetClientSeed")),
    *(_WALLET + name for name in ("Deposit", "Withdraw")),
}
"""Those that write to a wallet, and so go to its preferred node. Reads are answered anywhere, from the store; a stream keeps its order where it arrived."""
