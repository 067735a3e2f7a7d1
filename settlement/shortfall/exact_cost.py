"""What an exact amount of energy costs, rounded once."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from fractions import Fraction
from typing import Final

from kernel.currency import Currency
from kernel.energy import WATT_HOURS_PER_KWH
from kernel.money import Money, Rounding, round_to_minor

_EXACT: Final = Context(prec=100, traps=[Inexact, InvalidOperation])
"""Rates and bands are decimals, so their products are; one that did not fit would raise."""


def cost_of(
    watt_hours: int | Fraction, per_kwh: Decimal, currency: Currency, *, rounding: Rounding = Rounding.HALF_UP
) -> Money:
    """Return what so many Wh cost at a price per kWh in major units, rounded to the minor unit."""
    exact = watt_hours * Fraction(per_kwh) / WATT_HOURS_PER_KWH
    amount = _EXACT.divide(Decimal(exact.numerator), Decimal(exact.denominator))
    return round_to_minor(amount, currency, rounding=rounding)
