"""How an exact cost becomes money: the one rule that every engine must keep."""

from __future__ import annotations

from fractions import Fraction

from kernel.currency import Currency
from kernel.money import Money, Rounding, round_to_minor


def cost_between(
    before: Fraction, to_date: Fraction, *, currency: Currency, rounding: Rounding = Rounding.HALF_UP
) -> Money:
    """Return what a cost grew by: the rounded cost to date, less the rounded cost before.

    Whatever is rounded off in one cycle is made up for in a later one: the cycles of a contract add up
    to its rounded cost. A cost that only grows never gives less than nothing.
    """
    return round_to_minor(to_date, currency, rounding=rounding) - round_to_minor(
        before, currency, rounding=rounding
    )
