"""When a measurement may lie: not in the future, not beyond the horizon, not over too long a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from metering.doubt import Doubt, Reason
from metering.energy import Measurement
from metering.power import Power


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How far a meter's clock may be ahead, and how late readings may come."""

    clock_skew: timedelta = timedelta(seconds=120)
    horizon: timedelta = timedelta(days=427)
    """Fourteen months: corrections are due within twelve, and some come late."""


LONGEST_INTERVAL_SECONDS: Final = 92 * 86_400
"""A quarter of a year. The search for overlapping readings relies on it: it may grow, never shrink."""
DEFAULT_TIME_LIMITS: Final = TimeLimits()


@dataclass(frozen=True, slots=True)
class TimeGate:
    """The limits as seen at one instant. Units: seconds since 1970 UTC."""

    latest_end: int
    earliest_start: int

    @classmethod
    def at(cls, now: datetime, limits: TimeLimits) -> TimeGate:
        return cls(
            latest_end=int((now + limits.clock_skew).timestamp()),
            earliest_start=int((now - limits.horizon).timestamp()),
        )

    def doubt(self, measurement: Measurement | Power) -> Doubt | None:
        """Return why `measurement` does not lie in a time that can be settled, or None."""
        if measurement.end > self.latest_end:
            ahead = measurement.end - self.latest_end
            return Doubt(Reason.FUTURE, f"it ends {ahead} s further in the future than clocks may differ")
        if measurement.start < self.earliest_start:
            return Doubt(Reason.TOO_OLD, "it starts before the horizon of corrections")
        if measurement.end - measurement.start > LONGEST_INTERVAL_SECONDS:
            return Doubt(Reason.TOO_LONG, f"one interval is at most {LONGEST_INTERVAL_SECONDS} s")
        return None
