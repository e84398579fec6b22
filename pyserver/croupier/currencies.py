"""The smallest amount of each currency in micros, from the minor units of ISO 4217."""

from __future__ import annotations

_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_HUNDREDTHS = (
    "AED AUD BGN BRL CAD CHF CNY COP CZK DKK EUR GBP GEL HKD HUF IDR ILS INR KES KZT MXN MYR NGN NOK NZD PEN PHP PLN RON RSD "
    "SEK SGD THB TRY TWD UAH USD ZAR"
)
_THOUSANDTHS = "BHD JOD KWD OMR TND"

STEP_MICROS: dict[str, int] = {
    **dict.fromkeys(_WHOLE.split(), 1_000_000),
    **dict.fromkeys(_HUNDREDTHS.split(), 10_000),
    **dict.fromkeys(_THOUSANDTHS.split(), 1_000),
}
"""Smallest amount of a currency, in micros, by ISO 4217 code."""
