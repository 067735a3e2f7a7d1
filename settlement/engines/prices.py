"""Watt-hours times a rate, rounded once: for all contracts at a time, in whole numbers.

The exact amount is Wh times millionths of a major unit per kWh; it is rounded half up to the currency's
minor unit. Columns of 64 bits do it where every product fits; where one does not, Python's own integers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from settlement.engines.contract_table import Flags, Integers
from settlement.engines.tariffs import MICRO

_PER_MINOR: Final = {exponent: 10 ** (9 - exponent) for exponent in range(5)}
"""Wh × millionths per kWh in one minor unit, by the currency's exponent."""
_HUNDRED_PERCENT: Final = 100 * MICRO
_LIMIT: Final = 2**62


def round_half_up(numerators: Integers, denominator: int) -> Integers:
    """Return the whole numbers nearest to quotients that are not negative, halves upwards."""
    return (2 * numerators + denominator) // (2 * denominator)


def price(watt_hours: Integers, rates: Integers, *, exponents: Integers, discounts: Integers) -> Integers:
    """Return what each amount of energy costs after its discount. Units: Wh, millionths, minor units.

    Nothing is negative. Raises: OverflowError, if an amount does not fit into 64 bits.
    """
    plain = np.flatnonzero(_fits(watt_hours, rates) & (discounts == 0))
    amounts = np.zeros(len(watt_hours), dtype=np.int64)
    for exponent in np.flatnonzero(np.bincount(exponents[plain])).tolist():
        of = plain[exponents[plain] == exponent]
        amounts[of] = round_half_up(watt_hours[of] * rates[of], _PER_MINOR[exponent])
    slow = np.ones(len(watt_hours), dtype=np.bool_)
    slow[plain] = False
    for at in np.flatnonzero(slow & (watt_hours > 0)).tolist():
        kept = _HUNDRED_PERCENT - int(discounts[at])
        exact = int(watt_hours[at]) * int(rates[at]) * kept
        amounts[at] = round_exactly(exact, _PER_MINOR[int(exponents[at])] * _HUNDRED_PERCENT)
    return amounts


def tax_on(amounts: Integers, taxes: Integers) -> Integers:
    """Return the tax on amounts in minor units, at so many millionths of a per cent, rounded half up.

    Raises: OverflowError, if a tax does not fit into 64 bits.
    """
    fits = _fits(amounts, taxes)
    owed = np.zeros(len(amounts), dtype=np.int64)
    owed[fits] = round_half_up(amounts[fits] * taxes[fits], _HUNDRED_PERCENT)
    for at in np.flatnonzero(~fits).tolist():
        owed[at] = round_exactly(int(amounts[at]) * int(taxes[at]), _HUNDRED_PERCENT)
    return owed


def beyond_tolerance(counted: Integers, *, due: Integers, tolerances: Integers) -> Integers:
    """Return the Wh by which sides are short of what is due, all of them if they are beyond the tolerance.

    Tolerances are millionths of a per cent of what is due, 100 % at most; within them it is nothing.
    """
    wholes, rest = np.divmod(due, _HUNDRED_PERCENT)
    passed = wholes * tolerances + rest * tolerances // _HUNDRED_PERCENT
    short = np.maximum(due - counted, 0)
    return np.where(short > passed, short, 0)


def round_exactly(numerator: int, denominator: int) -> int:
    """Return what `round_half_up` does, of one quotient of any size."""
    return (2 * numerator + denominator) // (2 * denominator)


def _fits(ones: Integers, others: Integers) -> Flags:
    """Say of which pairs the product, doubled and rounded, stays within 64 bits."""
    fits: Flags = ones <= (_LIMIT - 10**9) // np.maximum(others, 1)
    return fits
