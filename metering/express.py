"""The express lane of an intake: runs of new interval readings, taken as a whole. Pure.

It takes nothing that the ordinary way would judge otherwise; whatever is not plainly new, and all
registers that a document names twice, go the ordinary way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metering.documents import MirrorDocument, MirrorMeterReading
from metering.energy import Scale
from metering.mrid import is_provisional
from metering.offer import places_of, scale_for
from metering.reading_columns import ReadingColumns, columns_of
from metering.stored_meter import Register, StoredUsagePoint
from metering.timeliness import TimeGate
from metering.wholesale import Wholesale, measure_wholesale


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The readings of one register in a document, in one run, and what their values mean.

    `places` are their places among all readings of the document.
    """

    meter_reading: MirrorMeterReading
    places: range
    reading_type_id: int
    scale: Scale
    columns: ReadingColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A run that counts as a whole if nothing is known of its time."""

    meter_reading: MirrorMeterReading
    places: range
    reading_type_id: int
    readings: Wholesale


def runs_of(
    document: MirrorDocument, registers: Mapping[str, Register], point: StoredUsagePoint
) -> list[Run]:
    """Return what of a document may be taken as a whole, as far as can be said before it is measured."""
    named = Counter(item.mrid for item in document.meter_readings)
    runs = []
    for meter_reading, places in places_of(document):
        columns = _only_run(meter_reading)
        if columns is None or named[meter_reading.mrid] > 1:
            continue
        type_id, scale = scale_for(meter_reading, registers, point)
        if isinstance(scale, Scale):
            runs.append(
                Run(
                    meter_reading=meter_reading,
                    places=places,
                    reading_type_id=type_id,
                    scale=scale,
                    columns=columns,
                )
            )
    return runs


def parcels_of(runs: Sequence[Run], gate: TimeGate) -> list[Parcel | None]:
    """Return each run as it counts, None where its readings want a look one by one.

    They may be of several documents: what is read in the same way is measured together.
    """
    by_scale: defaultdict[Scale, list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        by_scale[run.scale].append(place)
    parcels: list[Parcel | None] = [None] * len(runs)
    for scale, places in by_scale.items():
        measured = measure_wholesale([runs[place].columns for place in places], scale, gate)
        for place, readings in zip(places, measured, strict=True):
            parcels[place] = _parcel(runs[place], readings) if readings is not None else None
    return parcels


def _parcel(run: Run, readings: Wholesale) -> Parcel:
    return Parcel(
        meter_reading=run.meter_reading,
        places=run.places,
        reading_type_id=run.reading_type_id,
        readings=readings,
    )


def _only_run(meter_reading: MirrorMeterReading) -> ReadingColumns | None:
    """Return the readings of a register if they are one run, and not still being collected."""
    if meter_reading.reading is not None or len(meter_reading.reading_sets) != 1:
        return None
    (only,) = meter_reading.reading_sets
    if is_provisional(meter_reading.mrid) or is_provisional(only.mrid or ""):
        return None
    return columns_of(only.readings)
