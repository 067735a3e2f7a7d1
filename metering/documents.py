"""The mirror documents of IEEE 2030.5 as they stand on the wire: raw values, nothing interpreted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

ELECTRICITY_SERVICE = 0


class TimePeriod(NamedTuple):
    """A DateTimeInterval: `start` in seconds since 1970 UTC, `duration` in seconds."""

    start: int
    duration: int


class Reading(NamedTuple):
    """One value of a register; what it measures is the ReadingType's to say.

    There are very many, and a tuple is made in a third of the time of another object.
    """

    value: int | None
    time_period: TimePeriod | None
    quality_flags: int = 0
    tou_tier: int = 0
    consumption_block: int = 0
    local_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingType:
    """What the readings of a register are: codes of IEC 61968-9, 0 where not stated."""

    accumulation_behaviour: int = 0
    commodity: int = 0
    data_qualifier: int = 0
    flow_direction: int = 0
    interval_length: int | None = None
    kind: int = 0
    number_of_consumption_blocks: int = 0
    number_of_tou_tiers: int = 0
    phase: int = 0
    power_of_ten_multiplier: int = 0
    uom: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorReadingSet:
    """Readings that were taken together; `mrid` canonical, where the sender gave the set one."""

    readings: Sequence[Reading]
    mrid: str | None = None
    time_period: TimePeriod | None = None
    version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorMeterReading:
    """One register of a meter; `mrid` canonical, `mrid_as_sent` verbatim."""

    mrid: str
    mrid_as_sent: str
    reading_type: ReadingType | None = None
    reading: Reading | None = None
    reading_sets: tuple[MirrorReadingSet, ...] = ()
    description: str | None = None
    version: int = 0

    @property
    def count(self) -> int:
        """How many readings there are."""
        in_sets = sum(len(reading_set.readings) for reading_set in self.reading_sets)
        return in_sets + (self.reading is not None)

    def readings(self) -> Iterator[tuple[Reading, MirrorReadingSet | None]]:
        """Yield every reading with the set that holds it, in the order of the document."""
        for reading_set in self.reading_sets:
            for reading in reading_set.readings:
                yield reading, reading_set
        if self.reading is not None:
            yield self.reading, None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorUsagePoint:
    """A meter; `mrid` canonical, `mrid_as_sent` verbatim, `device_lfdi` upper case or empty."""

    mrid: str
    mrid_as_sent: str
    device_lfdi: str = ""
    role_flags: int = 0
    service_category_kind: int = ELECTRICITY_SERVICE
    status: int = 1
    meter_readings: tuple[MirrorMeterReading, ...] = ()
    description: str | None = None
    version: int = 0
    post_rate: int | None = None

    @property
    def count(self) -> int:
        """How many readings there are."""
        return sum(each.count for each in self.meter_readings)


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorMeterReadings:
    """What is posted to a meter that is known already: one register's readings, or a list of them."""

    meter_readings: tuple[MirrorMeterReading, ...]

    @property
    def count(self) -> int:
        """How many readings there are."""
        return sum(each.count for each in self.meter_readings)


MirrorDocument = MirrorUsagePoint | MirrorMeterReadings
