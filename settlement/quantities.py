"""How much energy was delivered on each local day of a contract's window. Pure, whole Wh.

Matching is WINDOW: what counts is the least of three totals over the whole window, the source's
export, the target's import and the contracted energy, not the least in each interval. By the end of
a day, as much is delivered as the least of the three totals is by then; the day's own part is what
that adds to the day before. So the days of a window always add up to the window's own minimum, and
since totals only grow, no day's part is ever negative.

A reading's interval counts for the day in which it ends, whole: its energy is not known earlier, and
it is never divided. One that reaches beyond the window counts for nothing and covers nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeAlias

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_days import LocalDay, local_days

MeteredInterval: TypeAlias = tuple[Interval, Energy]
"""The energy that one meter counted in one direction within one interval."""


class ReadingsInvalid(ValueError):
    """Interval energies that would count twice or backwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayQuantities:
    """What one local day of a window brought, and what the window had brought by its end."""

    day: LocalDay
    metered: Interval
    """The part of the day that lies in the contract's window."""
    exported: Energy
    imported: Energy
    exported_to_date: Energy
    imported_to_date: Energy
    delivered_before: Energy
    delivered_to_date: Energy
    is_complete: bool
    """Both meters' intervals leave no instant of `metered` out."""

    @property
    def delivered(self) -> Energy:
        return self.delivered_to_date - self.delivered_before


@dataclass(frozen=True, slots=True)
class _Side:
    """One meter's side: its total by the end of each day, and for which days it is complete."""

    totals: list[int]  # Wh, from nought before the first day
    complete: list[bool]


def quantities_by_day(
    *,
    window: Interval,
    zone: str,
    contracted: Energy,
    exported: Sequence[MeteredInterval],
    imported: Sequence[MeteredInterval],
) -> list[DayQuantities]:
    """Return what each local day of `window` brought, whatever the order of the readings.

    Raises: ReadingsInvalid, if intervals of one side overlap or an energy is negative; ZoneUnknown.
    """
    days = local_days(window, zone=zone)
    parts = [part for day in days if (part := day.period.intersection(window)) is not None]
    source = _side(exported, window, parts)
    target = _side(imported, window, parts)
    delivered = [
        min(out, into, contracted.watt_hours) for out, into in zip(source.totals, target.totals, strict=True)
    ]
    return [
        DayQuantities(
            day=day,
            metered=part,
            exported=Energy(source.totals[at + 1] - source.totals[at]),
            imported=Energy(target.totals[at + 1] - target.totals[at]),
            exported_to_date=Energy(source.totals[at + 1]),
            imported_to_date=Energy(target.totals[at + 1]),
            delivered_before=Energy(delivered[at]),
            delivered_to_date=Energy(delivered[at + 1]),
            is_complete=source.complete[at] and target.complete[at],
        )
        for at, (day, part) in enumerate(zip(days, parts, strict=True))
    ]


def _side(readings: Sequence[MeteredInterval], window: Interval, parts: Sequence[Interval]) -> _Side:
    within = sorted(
        (interval, energy.watt_hours)
        for interval, energy in readings
        if window.start <= interval.start and interval.end <= window.end
    )
    _check(within)
    by_day = [0] * len(parts)
    ends = [part.end for part in parts]
    for interval, watt_hours in within:
        by_day[bisect_left(ends, interval.end)] += watt_hours
    covering = [interval for interval, _ in within]
    return _Side(
        totals=list(accumulate(by_day, initial=0)),
        complete=[part.covered_by(covering) for part in parts],
    )


def _check(readings: Sequence[tuple[Interval, int]]) -> None:
    for (earlier, _), (later, _) in pairwise(readings):
        if earlier.overlaps(later):
            raise ReadingsInvalid(
                f"energy would count twice: intervals from {earlier.start.isoformat()} "
                f"and from {later.start.isoformat()} overlap"
            )
    for interval, watt_hours in readings:
        if watt_hours < 0:
            raise ReadingsInvalid(f"{watt_hours} Wh from {interval.start.isoformat()} run backwards")
