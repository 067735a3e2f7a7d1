"""Simulated meters that report what flowed, as IEEE 2030.5 documents over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.mrid import canonical_mrid
from metering.documents import (
    MirrorMeterReading,
    MirrorReadingSet,
    MirrorUsagePoint,
    Reading,
    ReadingType,
    TimePeriod,
)
from metering.sep.writer import write_mirror_usage_point
from node.api_keys import HEADER

_DELTA_DATA, _ELECTRICITY, _ENERGY, _WATT_HOURS = 4, 1, 12, 72
EXPORTED: Final = 19
"""flowDirection: received from the customer."""
IMPORTED: Final = 1
"""flowDirection: delivered to the customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMeter:
    """A meter with one register of interval energy; `direction` is the flowDirection."""

    mrid: str
    direction: int
    url: str
    api_key: str

    async def report(self, period: Interval, energies: Sequence[Energy]) -> int:
        """Post what flowed in each of the equal parts of `period`, and return the HTTP status."""
        document = write_mirror_usage_point(usage_point(self.mrid, self.direction, period, energies))
        async with httpx.AsyncClient(timeout=30) as client:
            response = await client.post(
                f"{self.url}/mup",
                content=document,
                headers={"Content-Type": "application/sep+xml", HEADER: self.api_key},
            )
            response.raise_for_status()
            return response.status_code


def usage_point(mrid: str, direction: int, period: Interval, energies: Sequence[Energy]) -> MirrorUsagePoint:
    """Return the document by which a meter tells what flowed in each of the equal parts of `period`."""
    register = canonical_mrid(f"{direction:02X}{mrid}", lenient=True)
    start, seconds = int(period.start.timestamp()), int(period.duration.total_seconds()) // len(energies)
    return MirrorUsagePoint(
        mrid=canonical_mrid(mrid, lenient=True),
        mrid_as_sent=mrid.zfill(len(mrid) + len(mrid) % 2),
        meter_readings=(
            MirrorMeterReading(
                mrid=register,
                mrid_as_sent=register,
                reading_type=ReadingType(
                    accumulation_behaviour=_DELTA_DATA,
                    commodity=_ELECTRICITY,
                    flow_direction=direction,
                    interval_length=seconds,
                    kind=_ENERGY,
                    uom=_WATT_HOURS,
                ),
                reading_sets=(
                    MirrorReadingSet(
                        readings=tuple(
                            _reading(energy, start=start + number * seconds, seconds=seconds)
                            for number, energy in enumerate(energies)
                        )
                    ),
                ),
            ),
        ),
    )


def _reading(energy: Energy, *, start: int, seconds: int) -> Reading:
    return Reading(
        value=energy.watt_hours, time_period=TimePeriod(start=start, duration=seconds), quality_flags=1
    )
