"""Half-open periods of time, `[start, end)`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.clock import utc


class EmptyInterval(ValueError):
    """An interval must end after it starts."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """The instants from `start` (included) to `end` (excluded), both in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", utc(self.start))
        object.__setattr__(self, "end", utc(self.end))
        if self.end <= self.start:
            raise EmptyInterval(f"[{self.start.isoformat()}, {self.end.isoformat()}) is empty")

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def overlaps(self, other: Interval) -> bool:
        """Say whether the two share an instant; intervals that touch do not."""
        return self.start < other.end and other.start < self.end

    def intersection(self, other: Interval) -> Interval | None:
        """Return what both have in common, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    def covered_by(self, parts: Iterable[Interval]) -> bool:
        """Say whether `parts` together leave no instant of this interval out."""
        reached = self.start
        for part in sorted(parts):
            if part.start > reached:
                return False
            reached = max(reached, part.end)
            if reached >= self.end:
                return True
        return False
