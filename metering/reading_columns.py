"""Readings as columns: a long run of them is read, measured and kept as a whole, not one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload

import numpy as np
import numpy.typing as npt

from metering.documents import Reading, TimePeriod

Whole = npt.NDArray[np.int64]
NO_LOCAL_ID: Final = -1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadingColumns(Sequence[Reading]):
    """Readings that all have a value and a time period; each is made when it is asked for.

    Units: `start` in seconds since 1970 UTC, `duration` in seconds; `local_id` is -1 where there is none.
    """

    start: Whole
    duration: Whole
    value: Whole
    quality_flags: Whole
    tou_tier: Whole
    consumption_block: Whole
    local_id: Whole

    def __len__(self) -> int:
        return len(self.start)

    @overload
    def __getitem__(self, index: int) -> Reading: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Reading]: ...

    def __getitem__(self, index: int | slice) -> Reading | Sequence[Reading]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        local_id = int(self.local_id[index])
        return Reading(
            value=int(self.value[index]),
            time_period=TimePeriod(start=int(self.start[index]), duration=int(self.duration[index])),
            quality_flags=int(self.quality_flags[index]),
            tou_tier=int(self.tou_tier[index]),
            consumption_block=int(self.consumption_block[index]),
            local_id=None if local_id == NO_LOCAL_ID else local_id,
        )

    def __iter__(self) -> Iterator[Reading]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | ReadingColumns):
            return NotImplemented
        return len(self) == len(other) and all(
            one == another for one, another in zip(self, other, strict=True)
        )

    def __hash__(self) -> int:
        return hash(tuple(self))


def columns_of(readings: Sequence[Reading]) -> ReadingColumns | None:
    """Return readings as columns, or None if one lacks its value or its time or takes more than 64 bits."""
    if isinstance(readings, ReadingColumns):
        return readings
    if not readings or any(each.value is None or each.time_period is None for each in readings):
        return None
    value, period, quality, tier, block, local_id = zip(*readings, strict=True)
    start, duration = zip(*period, strict=True)
    try:
        return ReadingColumns(
            start=_column(start),
            duration=_column(duration),
            value=_column(value),
            quality_flags=_column(quality),
            tou_tier=_column(tier),
            consumption_block=_column(block),
            local_id=_column([NO_LOCAL_ID if each is None else each for each in local_id]),
        )
    except OverflowError:
        return None


def _column(numbers: Sequence[int]) -> Whole:
    return np.array(numbers, dtype=np.int64)
