"""The express lane of an intake: runs of new interval readings, taken as a whole. Pure.

It takes nothing that the ordinary way would judge otherwise; whatever is not plainly new, and all
registers that a document names twice, go the ordinary way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from metering.documents import MirrorDocument, MirrorMeterReading
from metering.energy import Scale
from metering.meter_store import Register, StoredUsagePoint
from metering.mrid import is_provisional
from metering.offer import places_of, scale_for
from metering.reading_columns import ReadingColumns, columns_of
from metering.timeliness import TimeGate
from metering.wholesale import Wholesale, measure_wholesale


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """The readings of one register in a document, which count as a whole if nothing is known of their time.

    `places` are their places among all readings of the document.
    """

    meter_reading: MirrorMeterReading
    places: range
    reading_type_id: int
    readings: Wholesale


def parcels_of(
    document: MirrorDocument, registers: Mapping[str, Register], point: StoredUsagePoint, gate: TimeGate
) -> list[Parcel]:
    """Return what of a document may be taken as a whole."""
    named = Counter(item.mrid for item in document.meter_readings)
    parcels = []
    for meter_reading, places in places_of(document):
        columns = _only_run(meter_reading)
        if columns is None or named[meter_reading.mrid] > 1:
            continue
        type_id, scale = scale_for(meter_reading, registers, point)
        readings = measure_wholesale(columns, scale, gate) if isinstance(scale, Scale) else None
        if readings is not None:
            parcels.append(
                Parcel(
                    meter_reading=meter_reading,
                    places=places,
                    reading_type_id=type_id,
                    readings=readings,
                )
            )
    return parcels


def _only_run(meter_reading: MirrorMeterReading) -> ReadingColumns | None:
    """Return the readings of a register if they are one run, and not still being collected."""
    if meter_reading.reading is not None or len(meter_reading.reading_sets) != 1:
        return None
    (only,) = meter_reading.reading_sets
    if is_provisional(meter_reading.mrid) or is_provisional(only.mrid or ""):
        return None
    return columns_of(only.readings)
