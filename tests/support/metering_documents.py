"""Meter documents for tests: one house with an import and an export register."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from kernel.interval import Interval
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
MIDNIGHT: Final = datetime(2026, 3, 14, tzinfo=UTC)
START: Final = int(MIDNIGHT.timestamp())
NOW: Final = MIDNIGHT + timedelta(days=1)
DAY: Final = Interval(MIDNIGHT, NOW)

METER: Final = "0100200300"
IMPORT_REGISTER: Final = "0100200301"
EXPORT_REGISTER: Final = "0100200302"
DELTA: Final = ReadingType(
    accumulation_behaviour=4, commodity=1, data_qualifier=12, flow_direction=1, interval_length=QUARTER,
    kind=12, uom=72,
)  # fmt: skip
DELTA_EXPORT: Final = ReadingType(
    accumulation_behaviour=4, commodity=1, data_qualifier=12, flow_direction=19, interval_length=QUARTER,
    kind=12, uom=72,
)  # fmt: skip
SUMMATION: Final = ReadingType(accumulation_behaviour=9, commodity=1, flow_direction=1, kind=12, uom=72)


def reading(
    value: int | None,
    *,
    quarter: int = 0,
    start: int | None = None,
    duration: int = QUARTER,
    quality: int = 0,
    tou_tier: int = 0,
    consumption_block: int = 0,
) -> Reading:
    """Return a reading of the `quarter`-th quarter hour after midnight, unless `start` says otherwise."""
    begins = START + quarter * QUARTER if start is None else start
    return Reading(
        value=value,
        time_period=TimePeriod(start=begins, duration=duration),
        quality_flags=quality,
        tou_tier=tou_tier,
        consumption_block=consumption_block,
    )


def stand(value: int, *, quarter: int) -> Reading:
    """Return the stand of a register at the start of a quarter hour."""
    return reading(value, quarter=quarter, duration=0)


def register(
    readings: Iterable[Reading], *, mrid: str = IMPORT_REGISTER, kind: ReadingType | None = DELTA
) -> MirrorMeterReading:
    """Return a register with one set of readings."""
    taken = tuple(readings)
    return MirrorMeterReading(
        mrid=mrid.upper().zfill(32),
        mrid_as_sent=mrid,
        reading_type=kind,
        reading_sets=(MirrorReadingSet(readings=taken),) if taken else (),
    )


def meter(*registers: MirrorMeterReading, mrid: str = METER, lfdi: str = "") -> MirrorUsagePoint:
    """Return a meter with its registers."""
    return MirrorUsagePoint(
        mrid=mrid.upper().zfill(32),
        mrid_as_sent=mrid,
        device_lfdi=lfdi,
        role_flags=0x13,
        meter_readings=registers,
    )


def document(*readings: Reading, kind: ReadingType | None = DELTA, mrid: str = IMPORT_REGISTER) -> bytes:
    """Return the XML of the meter with one register and these readings."""
    return write_mirror_usage_point(meter(register(readings, kind=kind, mrid=mrid)))


def day_of_readings(value: int = 250) -> list[Reading]:
    """Return the 96 readings of a day."""
    return [reading(value + quarter, quarter=quarter) for quarter in range(96)]
