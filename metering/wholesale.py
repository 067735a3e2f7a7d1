"""Interval readings that all count and do not overlap: measured, checked and kept as a whole. Pure.

Nothing is decided here that `measure`, `TimeGate` and `judge` would decide otherwise: where any one
reading needs a look of its own, None is returned, and all are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import isqrt
from typing import Final

import numpy as np

from metering.energy import MAX_WATT_HOURS, Direction, Lane, Scale
from metering.reading_columns import ReadingColumns, Whole
from metering.timeliness import LONGEST_INTERVAL_SECONDS, TimeGate

_FEW: Final = 16
"""So many runs are measured one by one, if not all of them are plain."""


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


def measure_wholesale(runs: Sequence[ReadingColumns], scale: Scale, gate: TimeGate) -> list[Wholesale | None]:
    """Return what each run of interval readings measures; None where some need a look of their own.

    That is so for a register's stands, for tiers and blocks, for readings out of order, and for
    whatever `measure` or `gate` has a doubt about. Runs are measured together, which costs hardly more
    than measuring one; around one that is not plain, fewer and fewer are.
    """
    if scale.is_register or not runs:
        return [None] * len(runs)
    joined = _joined(runs)
    measured = _measured(joined, scale, gate)
    if measured is not None:
        return joined.split(measured)
    if len(runs) == 1:
        return [None]
    size = isqrt(len(runs)) if len(runs) > _FEW else 1
    parts = (runs[first : first + size] for first in range(0, len(runs), size))
    return [one for part in parts for one in measure_wholesale(part, scale, gate)]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Joined:
    """Several runs behind one another; `edges` says where each begins, and where the last one ends."""

    edges: Sequence[int]
    start: Whole
    duration: Whole
    value: Whole
    quality: Whole
    is_plain: bool

    def are_in_order(self, end: Whole) -> bool:
        """Say whether no reading of a run begins before the one in front of it has ended."""
        early = self.start[1:] < end[:-1]
        early[np.array(self.edges[1:-1], dtype=np.int64) - 1] = False
        return not early.any()

    def split(self, whole: Wholesale) -> list[Wholesale | None]:
        """Return what belongs to each run."""
        return [
            Wholesale(
                direction=whole.direction,
                start=whole.start[first:last],
                end=whole.end[first:last],
                watt_hours=whole.watt_hours[first:last],
                quality=whole.quality[first:last],
            )
            for first, last in pairwise(self.edges)
        ]


def _joined(runs: Sequence[ReadingColumns]) -> _Joined:
    tiers, blocks = [run.tou_tier for run in runs], [run.consumption_block for run in runs]
    return _Joined(
        edges=[0, *accumulate(map(len, runs))],
        start=np.concatenate([run.start for run in runs]),
        duration=np.concatenate([run.duration for run in runs]),
        value=np.concatenate([run.value for run in runs]),
        quality=np.concatenate([run.quality_flags for run in runs]),
        is_plain=not np.concatenate(tiers + blocks).any(),
    )


def _measured(runs: _Joined, scale: Scale, gate: TimeGate) -> Wholesale | None:
    start, value, end = runs.start, runs.value, runs.start + runs.duration
    if not runs.is_plain or _is_out_of_time(start, runs.duration, end, gate) or not runs.are_in_order(end):
        return None
    if value.min() < 0 or int(value.max()) * scale.numerator > MAX_WATT_HOURS * scale.denominator:
        return None
    watt_hours, finer = np.divmod(value * scale.numerator, scale.denominator)
    if finer.any():
        return None
    return Wholesale(
        direction=scale.direction, start=start, end=end, watt_hours=watt_hours, quality=runs.quality
    )


def _is_out_of_time(start: Whole, duration: Whole, end: Whole, gate: TimeGate) -> bool:
    return bool(
        start.min() < gate.earliest_start
        or end.max() > gate.latest_end
        or duration.min() <= 0
        or duration.max() > LONGEST_INTERVAL_SECONDS
    )
