"""One thing that a station tells, while it is taken: the unit of work that it is kept in, and the instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from metering.timeliness import DEFAULT_TIME_LIMITS
from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Turn:
    """A unit of work that is open, at `now`."""

    uow: UnitOfWork
    now: datetime

    def at(self, stated: datetime) -> datetime:
        """Return when something happened by a station's clock, which is not believed far in the future.

        It is cut to the second, as the stands of registers are.
        """
        latest = self.now + DEFAULT_TIME_LIMITS.clock_skew
        return (stated if stated <= latest else self.now).replace(microsecond=0)
