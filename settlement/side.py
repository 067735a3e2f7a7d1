"""One meter's side of a contract: its readings in order, what they add up to, and where there are none."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Self, TypeAlias

from kernel.energy import Energy
from kernel.interval import Interval

MeteredInterval: TypeAlias = tuple[Interval, Energy]
"""The energy that one meter counted in one direction within one interval."""


class ReadingsInvalid(ValueError):
    """Interval energies that would count twice or backwards."""


@dataclass(frozen=True, slots=True)
class Side:
    """The readings of one meter that lie wholly in a contract's window, in order of time."""

    intervals: tuple[Interval, ...]
    watt_hours: tuple[int, ...]
    ends: tuple[datetime, ...]
    totals: tuple[int, ...]
    """Wh before the first interval, which is nought, and by the end of each."""
    known: tuple[Interval, ...]
    """The intervals, joined where they touch."""

    @classmethod
    def of(cls, readings: Iterable[MeteredInterval], *, window: Interval) -> Self:
        """Return the side of those readings, in whatever order they come.

        One that reaches beyond the window counts for nothing and covers nothing.
        Raises: ReadingsInvalid, if intervals overlap or an energy is negative.
        """
        within = [
            (interval, energy.watt_hours)
            for interval, energy in readings
            if window.start <= interval.start and interval.end <= window.end
        ]
        within.sort(key=_by_start)
        _check(within)
        intervals = tuple(interval for interval, _ in within)
        watt_hours = tuple(energy for _, energy in within)
        return cls(
            intervals=intervals,
            watt_hours=watt_hours,
            ends=tuple(interval.end for interval in intervals),
            totals=tuple(accumulate(watt_hours, initial=0)),
            known=tuple(_joined(intervals)),
        )

    def count_by(self, instant: datetime) -> int:
        """Return how many intervals have ended by `instant`."""
        return bisect_right(self.ends, instant)

    def total_by(self, instant: datetime) -> int:
        """Return the Wh of the intervals that have ended by `instant`.

        An interval's energy is not known before its end, and is never divided.
        """
        return self.totals[self.count_by(instant)]

    def ended_in(self, period: Interval) -> list[tuple[Interval, int]]:
        """Return the intervals that ended after the period's start and by its end, with their Wh."""
        first, last = self.count_by(period.start), self.count_by(period.end)
        return list(zip(self.intervals[first:last], self.watt_hours[first:last], strict=True))

    def gaps_in(self, period: Interval) -> list[Interval]:
        """Return the parts of `period` of which no interval tells."""
        gaps: list[Interval] = []
        reached = period.start
        for known in self.known[bisect_right(self.known, period.start, key=_end_of) :]:
            if known.start >= period.end:
                break
            if known.start > reached:
                gaps.append(Interval(reached, known.start))
            reached = known.end
        if reached < period.end:
            gaps.append(Interval(reached, period.end))
        return gaps


def _by_start(reading: tuple[Interval, int]) -> datetime:
    return reading[0].start


def _end_of(interval: Interval) -> datetime:
    return interval.end


def _joined(intervals: Iterable[Interval]) -> list[Interval]:
    joined: list[tuple[datetime, datetime]] = []
    for interval in intervals:
        if joined and joined[-1][1] == interval.start:
            joined[-1] = joined[-1][0], interval.end
        else:
            joined.append((interval.start, interval.end))
    return [Interval(start, end) for start, end in joined]


def _check(readings: Sequence[tuple[Interval, int]]) -> None:
    for (earlier, _), (later, _) in pairwise(readings):
        if later.start < earlier.end:
            raise ReadingsInvalid(
                f"energy would count twice: intervals from {earlier.start.isoformat()} "
                f"and from {later.start.isoformat()} overlap"
            )
    for interval, watt_hours in readings:
        if watt_hours < 0:
            raise ReadingsInvalid(f"{watt_hours} Wh from {interval.start.isoformat()} run backwards")
