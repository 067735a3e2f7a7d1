"""What a connection is approved for, and what of it other trades leave. Pure.

A trade is taken to flow evenly over its window. What a meter takes and what it gives are reckoned apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from kernel.local_periods import Cadence, local_periods
from kernel.proportion import ratio
from trading.curtailment import Curtailment
from trading.grid import SanctionedLoad

_HOUR: Final = timedelta(hours=1)
WATTS: Final = "W"
WATT_HOURS: Final = "Wh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Energy that a trade takes of a limit, evenly over its window."""

    window: Interval
    quantity: Energy

    @property
    def watts(self) -> Fraction:
        return self.quantity.watt_hours / ratio(self.window.duration, _HOUR)

    def within(self, period: Interval) -> Fraction:
        """Return the Wh of it that flow within a period."""
        shared = self.window.intersection(period)
        if shared is None:
            return Fraction(0)
        return self.quantity.watt_hours * ratio(shared.duration, self.window.duration)


def cut_back(use: Use, cuts: Sequence[Curtailment]) -> list[Use]:
    """Return what a trade takes that was cut: as before up to each cut, and what is left evenly from then on.

    `cuts` are in order of time, each of what is cut in all so far. What flowed before is rounded up.
    """
    pieces, window = [use], use.window
    for cut in cuts:
        if not cut.since < window.end:
            continue
        kept = before(pieces, cut.since)
        left = use.quantity - cut.cut.quantity - total(kept)
        rest = Use(window=Interval(max(cut.since, window.start), window.end), quantity=left)
        pieces = [*kept, *([rest] if left > ZERO_ENERGY else [])]
    return pieces


def before(uses: Sequence[Use], instant: datetime) -> list[Use]:
    """Return the parts of `uses` that flow before an instant, each rounded up to whole Wh."""
    return [part for part in (_before(use, instant) for use in uses) if part is not None]


def total(uses: Sequence[Use]) -> Energy:
    """Return the energy of all `uses` together."""
    return sum((use.quantity for use in uses), ZERO_ENERGY)


def _before(use: Use, instant: datetime) -> Use | None:
    """Return the part of a use that flows before an instant, None if none does."""
    if instant <= use.window.start:
        return None
    if instant >= use.window.end:
        return use
    window = Interval(use.window.start, instant)
    return Use(window=window, quantity=Energy(-int(-use.within(window) // 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanction:
    """What a connection is approved for: a load in W, Wh in each period of the calendar, or both.

    `zone` is the clock that periods begin by.
    """

    watts: int | None = None
    energy: Energy | None = None
    every: Cadence = Cadence.DAILY
    zone: str = "UTC"

    def periods(self, window: Interval) -> list[Interval]:
        """Return the whole periods that a window touches, or the window where only the load counts."""
        if self.energy is None:
            return [window]
        return [found.period for found in local_periods(window, zone=self.zone, cadence=self.every)]

    def remaining(self, window: Interval, uses: Sequence[Use]) -> Energy:
        """Return how much can still be traded over `window` beside `uses`, in whole Wh."""
        bounds: list[Fraction] = []
        if self.watts is not None:
            bounds.append((self.watts - peak(window, uses)) * ratio(window.duration, _HOUR))
        if self.energy is not None:
            bounds += self._by_period(self.energy, window, uses)
        return Energy(max(0, int(min(bounds))))

    def load(self, window: Interval, uses: Sequence[Use]) -> SanctionedLoad:
        """Return how much of the load is used at most during `window`; of the energy, where none is set."""
        if self.watts is not None:
            return SanctionedLoad(total=self.watts, used=-int(-peak(window, uses) // 1), unit=WATTS)
        total = 0 if self.energy is None else self.energy.watt_hours
        fullest = max(sum(use.within(period) for use in uses) for period in self.periods(window))
        return SanctionedLoad(total=total, used=-int(-fullest // 1), unit=WATT_HOURS)

    def _by_period(self, limit: Energy, window: Interval, uses: Sequence[Use]) -> list[Fraction]:
        """Return for each period how large a trade over `window` fits, by the part of it that lies there."""
        found = []
        for period in self.periods(window):
            shared = window.intersection(period)
            if shared is not None:
                left = limit.watt_hours - sum((use.within(period) for use in uses), Fraction(0))
                found.append(left / ratio(shared.duration, window.duration))
        return found


def peak(window: Interval, uses: Sequence[Use]) -> Fraction:
    """Return the most W that `uses` take together at any instant of `window`."""
    edges: list[tuple[datetime, Fraction]] = []
    for use in uses:
        shared = use.window.intersection(window)
        if shared is not None:
            edges += [(shared.start, use.watts), (shared.end, -use.watts)]
    together = most = Fraction(0)
    for _, watts in sorted(edges):  # of one instant, what ends before what begins
        together += watts
        most = max(most, together)
    return most
