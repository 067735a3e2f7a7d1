"""Which day is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernel.interval import Interval
from metering.energy import Direction
from metering.vee.days import LocalDate
from metering.vee.points import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which direction of which meter on which day is looked at, and as it was known when."""

    point: Point
    direction: Direction
    day: LocalDate
    now: datetime
    as_of: datetime | None = None

    @property
    def period(self) -> Interval:
        return self.day.period
