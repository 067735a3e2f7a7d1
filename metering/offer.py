"""A document's readings one by one, each with what it measures or why it does not count. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from metering.documents import ELECTRICITY_SERVICE, MirrorDocument, MirrorMeterReading, Reading
from metering.doubt import Doubt, Reason
from metering.energy import Measurement, Scale, measure, scale_of
from metering.mrid import is_provisional
from metering.power import Power, PowerScale, measure_power, power_scale_of
from metering.stored_meter import Register, StoredUsagePoint
from metering.timeliness import TimeGate


@dataclass(frozen=True, slots=True)
class Offer:
    """The `ordinal`-th reading of a document, with the register and the set it stands under."""

    ordinal: int
    meter_reading: MirrorMeterReading
    reading: Reading
    set_mrid: str | None

    @property
    def is_provisional(self) -> bool:
        return is_provisional(self.meter_reading.mrid) or is_provisional(self.set_mrid or "")


def places_of(document: MirrorDocument) -> Iterator[tuple[MirrorMeterReading, range]]:
    """Yield each register of a document with the places of its readings among all of them."""
    first = 0
    for meter_reading in document.meter_readings:
        places = range(first, first + meter_reading.count)
        yield meter_reading, places
        first = places.stop


def offers_of(document: MirrorDocument, *, without: Iterable[range] = ()) -> list[Offer]:
    """Return the readings of a document in its order, except those at the places of whole registers."""
    left_out = {places.start for places in without}
    return [
        Offer(ordinal, meter_reading, reading, reading_set.mrid if reading_set else None)
        for meter_reading, places in places_of(document)
        if places.start not in left_out
        for ordinal, (reading, reading_set) in zip(places, meter_reading.readings(), strict=True)
    ]


def measured(
    offers: Iterable[Offer], registers: Mapping[str, Register], point: StoredUsagePoint, gate: TimeGate
) -> Iterator[tuple[Offer, int, Measurement | Power | Doubt]]:
    """Yield each offer with the number of its reading type and what it measures or why it does not count."""
    scales: dict[int, tuple[int, Scale | PowerScale | Doubt]] = {}
    for offer in offers:
        of_register = id(offer.meter_reading)
        if of_register not in scales:
            scales[of_register] = scale_for(offer.meter_reading, registers, point)
        type_id, scale = scales[of_register]
        yield offer, type_id, scale if isinstance(scale, Doubt) else _measured(offer, scale, gate)


def scale_for(
    meter_reading: MirrorMeterReading, registers: Mapping[str, Register], point: StoredUsagePoint
) -> tuple[int, Scale | PowerScale | Doubt]:
    """Return the number of the reading type that counts for a register's readings, and how they are read."""
    register = registers.get(meter_reading.mrid)
    if register is None:
        return 0, Doubt(Reason.NO_READING_TYPE, "the register was never given a ReadingType")
    if point.service_category != ELECTRICITY_SERVICE:
        return 0, Doubt(Reason.NOT_ELECTRICITY, f"the meter serves category {point.service_category}")
    stated = meter_reading.reading_type
    stored = (register.stored(stated) if stated else None) or register.in_force
    return stored.id, power_scale_of(stored.reading_type) or scale_of(stored.reading_type)


def _measured(offer: Offer, scale: Scale | PowerScale, gate: TimeGate) -> Measurement | Power | Doubt:
    if offer.is_provisional:
        return Doubt(Reason.PROVISIONAL, "its mRID says that the readings are still being collected")
    outcome: Measurement | Power | Doubt
    if isinstance(scale, PowerScale):
        outcome = measure_power(offer.reading, scale)
    else:
        outcome = measure(offer.reading, scale)
    return outcome if isinstance(outcome, Doubt) else gate.doubt(outcome) or outcome
