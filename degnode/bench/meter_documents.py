"""The documents of a benchmark's meters: a day of quarter hours each, as meters write them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from metering.documents import (
    MirrorMeterReading,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.sep.writer import write_mirror_usage_point

QUARTER: Final = 900  # s
A_DAY: Final = 96
"""Readings of a document."""
_KIND: Final = ReadingType(
    accumulation_behaviour=4,
    commodity=1,
    data_qualifier=12,
    flow_direction=1,
    interval_length=QUARTER,
    kind=12,
    uom=72,
)


def day_documents(*, meters: int, days: int, now: datetime) -> Iterator[bytes]:
    """Yield the documents of so many meters on each of the last `days` days before `now`, oldest first."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(days, 0, -1):
        start = int((midnight - timedelta(days=number)).timestamp())
        for meter in range(meters):
            yield write_mirror_usage_point(_document(meter, start))


def _document(meter: int, start: int) -> MirrorUsagePoint:
    mrid, register = f"{meter:030X}AA", f"{meter:030X}01"
    readings = tuple(
        Reading(
            value=(meter * 31 + quarter * 7) % 900,
            time_period=TimePeriod(start=start + quarter * QUARTER, duration=QUARTER),
            quality_flags=1,
        )
        for quarter in range(A_DAY)
    )
    return MirrorUsagePoint(
        mrid=mrid,
        mrid_as_sent=mrid,
        meter_readings=(
            MirrorMeterReading(
                mrid=register,
                mrid_as_sent=register,
                reading_type=_KIND,
                reading_sets=(MirrorReadingSet(readings=readings),),
            ),
        ),
    )
