"""Amounts: integers in micros (1,000,000 a unit of the currency) on the wire, `decimal.Decimal` for people, never floats."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation

MICROS_PER_UNIT = 1_000_000
"""Micros in one unit of any currency."""

_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


def micros(amount: Decimal | int | str) -> int:
    """Units of a currency as micros: `micros("1.25")` is 1_250_000.

    Raises:
        TypeError: for a float, which cannot hold most amounts exactly.
        ValueError: for an amount that is no number or finer than a micro.
    """
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f'amounts are Decimal, int or str, not {type(amount).__name__}: write micros("1.25")')
    try:
        scaled = _EXACT.multiply(Decimal(amount), MICROS_PER_UNIT)
    except ArithmeticError as error:
        raise ValueError(f"{amount!r} is not an amount") from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{amount!r} is not a whole number of micros")
    return int(scaled)


def units(amount_micros: int) -> Decimal:
    """Micros as units of the currency, exact: `units(1_250_000)` is `Decimal("1.25")`."""
    return Decimal(amount_micros) / MICROS_PER_UNIT


def show(amount_micros: int, currency_code: str) -> str:
    """An amount for people, with the decimals that it needs, two at least: `show(1_250_000, "EUR")` is "1.25 EUR"."""
    sign = "-" if amount_micros < 0 else ""
    whole, rest = divmod(abs(amount_micros), MICROS_PER_UNIT)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole:,}.{decimals} {currency_code}"
