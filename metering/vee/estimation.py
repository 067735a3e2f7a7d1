"""How a gap is filled: a line between its ends, days like this one, and what the register counted. Pure.

Source: CPUC Attachment-VEE §4: a section of up to two hours is interpolated from point to point, where
both points were measured and are not in doubt; a longer one takes the average of days of the same type.
Either is scaled so that the section adds up to the register's difference, where stands bound it.
Fractions throughout; only the last step makes whole numbers, by the largest remainder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from metering.quality import (
    DERIVED,
    ESTIMATED_BY_INTERPOLATION,
    ESTIMATED_BY_REFERENCE_DAY,
    QUESTIONABLE,
    is_estimate,
)
from metering.vee.evidence import Slot

LONGEST_TO_INTERPOLATE: Final = 2 * 3600  # s
MOST_REFERENCE_DAYS: Final = 4


class Method(StrEnum):
    """How a gap is filled."""

    INTERPOLATION = "interpolation"
    REFERENCE_DAYS = "reference days"
    SPREAD = "spread"
    """Evenly: nothing is known but what the register counted."""


QUALITY: Final[Mapping[Method, int]] = {
    Method.INTERPOLATION: ESTIMATED_BY_INTERPOLATION,
    Method.REFERENCE_DAYS: ESTIMATED_BY_REFERENCE_DAY,
    Method.SPREAD: ESTIMATED_BY_INTERPOLATION,
}

Cell = tuple[int, int]
"""From when to when one estimated interval lasts, in seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How the energy of a gap is spread over its cells, in Wh before rounding; `used` says from what."""

    method: Method
    watt_hours: Sequence[Fraction]
    used: Mapping[str, object]


def is_measured(slot: Slot) -> bool:
    """Say whether an interval may be an end point or a part of a reference day."""
    return not is_estimate(slot.quality) and not slot.quality & (QUESTIONABLE | DERIVED)


def cells_of(start: int, end: int, *, origin: int, length: int) -> list[Cell]:
    """Return a gap cut at the grid that has `origin` on it; its first and last cell may be shorter."""
    cells = []
    while start < end:
        stop = min(end, start + length - (start - origin) % length)
        cells.append((start, stop))
        start = stop
    return cells


def shape_by_line(cells: Sequence[Cell], before: Slot | None, after: Slot | None) -> Shape | None:
    """Return a line from the interval before a gap to the one after, or None where it may not be drawn."""
    if before is None or after is None or not (is_measured(before) and is_measured(after)):
        return None
    if before.end != cells[0][0] or after.start != cells[-1][1]:
        return None
    if cells[-1][1] - cells[0][0] > LONGEST_TO_INTERPOLATE:
        return None
    first, last = (Fraction(slot.watt_hours, slot.seconds) for slot in (before, after))
    step = (last - first) / (len(cells) + 1)
    return Shape(
        Method.INTERPOLATION,
        [(first + step * number) * (end - start) for number, (start, end) in enumerate(cells, start=1)],
        {"before": _written(before), "after": _written(after)},
    )


def shape_by_days(
    cells: Sequence[Cell],
    days: Sequence[tuple[str, Sequence[Slot]]],
    *,
    zone: ZoneInfo,
    origin: int,
    length: int,
) -> Shape | None:
    """Return the average of the nearest `days` that measured all of the gap's time of day, or None.

    Each day has its name and its intervals, the nearest day first; the meter's grid of `length` s has
    `origin` on it.
    """
    wanted = [time_of_day(start - (start - origin) % length, zone) for start, _ in cells]
    chosen: list[tuple[str, dict[time, Slot]]] = []
    for name, slots in days:
        by_time = {
            time_of_day(slot.start, zone): slot
            for slot in slots
            if is_measured(slot) and slot.seconds == length
        }
        if all(at in by_time for at in wanted):
            chosen.append((name, by_time))
        if len(chosen) == MOST_REFERENCE_DAYS:
            break
    if not chosen:
        return None
    averages = [
        Fraction(sum(by_time[at].watt_hours for _, by_time in chosen), len(chosen) * length) for at in wanted
    ]
    return Shape(
        Method.REFERENCE_DAYS,
        [average * (end - start) for average, (start, end) in zip(averages, cells, strict=True)],
        {name: [by_time[at].watt_hours for at in wanted] for name, by_time in chosen},
    )


def shape_evenly(cells: Sequence[Cell]) -> Shape:
    """Return a gap of which nothing is known but that a register counted over it."""
    return Shape(Method.SPREAD, [Fraction(end - start) for start, end in cells], {})


def time_of_day(second: int, zone: ZoneInfo) -> time:
    """Return what clocks in `zone` show; the hour that comes twice in autumn shows the same twice."""
    return datetime.fromtimestamp(second, zone).time().replace(fold=0)


def apportion(weights: Sequence[Fraction], total: int) -> list[int]:
    """Return whole numbers in proportion to `weights` that add up to `total`, exactly.

    Each gets its share rounded down; what is left goes, one by one, to the largest remainders, the
    earlier first. Weights of nought share evenly.
    """
    whole = sum(weights, Fraction(0))
    if not whole:
        weights, whole = [Fraction(1)] * len(weights), Fraction(len(weights))
    exact = [weight * total / whole for weight in weights]
    shares = [share.numerator // share.denominator for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda at: (shares[at] - exact[at], at))
    for at in by_remainder[: total - sum(shares)]:
        shares[at] += 1
    return shares


def rounded(amount: Fraction) -> int:
    """Return the nearest whole number, half up."""
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def _written(slot: Slot) -> dict[str, int]:
    return {"start": slot.start, "end": slot.end, "wattHours": slot.watt_hours, "quality": slot.quality}
