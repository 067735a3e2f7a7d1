"""Interval readings that all count and do not overlap: measured, checked and kept as a whole. Pure.

Nothing is decided here that `measure`, `TimeGate` and `judge` would decide otherwise: where any one
reading needs a look of its own, None is returned, and all are looked at one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metering.energy import MAX_WATT_HOURS, Direction, Lane, Scale
from metering.reading_columns import ReadingColumns, Whole
from metering.timeliness import LONGEST_INTERVAL_SECONDS, TimeGate


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Wholesale:
    """Interval energies of one lane in order of time, none of which overlaps another.

    Units: `start` and `end` in seconds since 1970 UTC.
    """

    direction: Direction
    start: Whole
    end: Whole
    watt_hours: Whole
    quality: Whole

    @property
    def lane(self) -> Lane:
        """What the register counts here: no tier and no block."""
        return self.direction, 0, 0

    @property
    def span(self) -> tuple[int, int]:
        """From when to when, in seconds since 1970 UTC."""
        return int(self.start[0]), int(self.end[-1])

    def __len__(self) -> int:
        return len(self.start)


def measure_wholesale(columns: ReadingColumns, scale: Scale, gate: TimeGate) -> Wholesale | None:
    """Return what interval readings measure; None where some need a look of their own.

    That is so for a register's stands, for tiers and blocks, for readings out of order, and for
    whatever `measure` or `gate` has a doubt about.
    """
    if scale.is_register or columns.tou_tier.any() or columns.consumption_block.any():
        return None
    start, end = columns.start, columns.start + columns.duration
    if _is_out_of_time(start, columns.duration, end, gate) or (start[1:] < end[:-1]).any():
        return None
    value = columns.value
    if value.min() < 0 or int(value.max()) * scale.numerator > MAX_WATT_HOURS * scale.denominator:
        return None
    watt_hours, finer = np.divmod(value * scale.numerator, scale.denominator)
    if finer.any():
        return None
    return Wholesale(
        direction=scale.direction, start=start, end=end, watt_hours=watt_hours, quality=columns.quality_flags
    )


def _is_out_of_time(start: Whole, duration: Whole, end: Whole, gate: TimeGate) -> bool:
    return bool(
        start.min() < gate.earliest_start
        or end.max() > gate.latest_end
        or duration.min() <= 0
        or duration.max() > LONGEST_INTERVAL_SECONDS
    )
