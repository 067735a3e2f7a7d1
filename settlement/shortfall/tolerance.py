"""How much less than agreed is let pass, and how much of the rest counts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

WHOLE: Final = 100
"""Per cent."""


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
