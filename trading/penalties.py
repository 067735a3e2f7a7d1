"""What a shortfall costs: how much of it is let pass, what the rest costs, and who is paid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from kernel.currency import Currency
from trading.rates import Price, TermsInvalid, check_number
from trading.wheeling import Side

WHOLE: Final = 100
"""Per cent."""
_MOST_PERCENT: Final = WHOLE * WHOLE
"""A hundred times the price."""


class ToleranceInvalid(ValueError):
    """A band that is no part of what was agreed."""


class Counted(StrEnum):
    """What counts of a shortfall beyond the band."""

    WHOLE = "WHOLE"
    EXCESS = "EXCESS"
    """Only what is beyond it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """A band in per cent of what was to be delivered. Raises: ToleranceInvalid."""

    percent: Decimal = Decimal(10)
    counted: Counted = Counted.WHOLE

    def __post_init__(self) -> None:
        if not (self.percent.is_finite() and 0 <= self.percent <= WHOLE):
            raise ToleranceInvalid(f"a tolerance is from 0 to {WHOLE} %, not {self.percent}")

    def counting(self, short: int, *, deliverable: int) -> Fraction:
        """Return what counts of a shortfall of so many Wh, exact: nothing within the band.

        `deliverable` is what was to be delivered, in Wh, less what was cut.
        """
        band = deliverable * Fraction(self.percent) / WHOLE
        if short <= band:
            return Fraction(0)
        return Fraction(short) if self.counted is Counted.WHOLE else short - band


TEN_PER_CENT: Final = Tolerance()


def shortfall(*, deliverable: int, allocated: int) -> int:
    """Return how many Wh a side fell short; more than was agreed is no shortfall."""
    return max(0, deliverable - allocated)


class Payee(StrEnum):
    """Who is paid a penalty."""

    INJURED_SIDES_UTILITY = "INJURED_SIDES_UTILITY"
    INJURED_SIDE = "INJURED_SIDE"
    OWN_UTILITY = "OWN_UTILITY"
    """The utility of the side that fell short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortfallPenalty:
    """What `side` owes where it gives or takes less than was agreed: a price, or a per cent of the energy's.

    Raises: TermsInvalid.
    """

    side: Side
    price: Price | None = None
    percent_of_price: Decimal | None = None
    payee: Payee = Payee.INJURED_SIDES_UTILITY
    tolerance: Tolerance = TEN_PER_CENT

    def __post_init__(self) -> None:
        if (self.price is None) == (self.percent_of_price is None):
            raise TermsInvalid("a penalty has either a price per kWh or a per cent of the energy's price")
        if self.percent_of_price is not None:
            check_number(self.percent_of_price, name="a penalty in per cent", most=_MOST_PERCENT)

    @property
    def currency(self) -> Currency | None:
        return None if self.price is None else self.price.currency

    def per_kwh(self, energy: Price) -> Fraction:
        """Return what a kWh of shortfall costs in major units, where energy has that price."""
        if self.price is not None:
            return Fraction(self.price.per_kwh)
        return Fraction(energy.per_kwh) * Fraction(self.percent_of_price or 0) / WHOLE
