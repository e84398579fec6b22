"""The smallest amount of each currency, from the minor units of ISO 4217."""

from __future__ import annotations

_WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"


def step_micros_of(currency_code: str) -> int:
    """Micros in the smallest amount: 10,000 for EUR, 1,000,000 for JPY."""
    if currency_code in _WITHOUT_DECIMALS.split():
        return 1_000_000
    return 1_000 if currency_code in _THREE_DECIMALS.split() else 10_000
