"""What a subscription's fee includes, where energy beyond it has the price of its time."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Generic, TypeVar

from trading.bands import Band

WattHours = TypeVar("WattHours", int, Fraction)


class Allowance(Generic[WattHours]):
    """Tells energy within the fee from energy beyond it: what flows first in a period is within.

    `included` is what a period's fee includes; None says that bands stay as they are, whatever is included.
    It has to be asked in the order of time.
    """

    def __init__(self, included: WattHours | None) -> None:
        self._included: WattHours | None = included
        self._left: dict[date | None, WattHours] = {}

    def split(self, band: Band, energy: WattHours) -> tuple[tuple[Band, WattHours], ...]:
        """Return what of some energy of a band lies within the fee, then what lies beyond it."""
        if self._included is None:
            return ((band, energy),)
        left = self._left.get(band.period, self._included)
        within = min(left, energy)
        self._left[band.period] = left - within
        parts = ((band.within_fee, within), (band, energy - within))
        return tuple(part for part in parts if part[1])
