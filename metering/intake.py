"""The steps of taking in a document of one locked meter, within one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection

from metering.documents import MirrorDocument, MirrorMeterReading, ReadingType
from metering.doubt import Doubt
from metering.energy import Lane, Measurement
from metering.express import Parcel, parcels_of, runs_of
from metering.former_values import with_former_values
from metering.judgement import Judgement, Known, Rules, Verdict, judge, touched_span
from metering.many_documents import find_taken
from metering.meter_store import MeterStore
from metering.offer import Offer, measured, offers_of
from metering.outcome import Judged, Outcome, Span, hull
from metering.power import Power, judge_power
from metering.power_store import NewPower, PowerStore
from metering.quality import is_estimate
from metering.quarantine import Quarantine
from metering.reading_copy import Lot, copy_readings
from metering.reading_store import NewReading, ReadingStore
from metering.registration.exchanges import register_rules
from metering.registration.record import MeterIdentity
from metering.stored_meter import Register, StoredUsagePoint
from metering.timeliness import TimeGate
from storage.driver import driver_of


class Intake:
    """Takes in one document of `point`, which is locked; `doubts` are by a reading's place in it."""

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        point: StoredUsagePoint,
        gate: TimeGate,
        now: datetime,
        doubts: Mapping[int, Doubt] = MappingProxyType({}),
    ) -> None:
        self._meters = MeterStore(connection)
        self._readings = ReadingStore(connection)
        self._power = PowerStore(connection)
        self._connection = connection
        self._quarantine = Quarantine(connection)
        self._point = point
        self._gate = gate
        self._now = now
        self._doubts = doubts

    async def take(self, document: MirrorDocument, *, document_id: int) -> Outcome:
        """Judge and keep the readings of a document that is new."""
        registers: Mapping[str, Register] = await self._learn_reading_types(document, document_id=document_id)
        runs = [] if self._doubts else runs_of(document, registers, self._point)
        offered = [parcel for parcel in parcels_of(runs, self._gate) if parcel is not None]
        registers = await self._with_channels(
            {parcel.meter_reading.mrid: {parcel.readings.lane} for parcel in offered}, registers
        )
        parcels = await self._take_whole(offered, registers, document_id=document_id)
        outcome = await self._judge(
            offers_of(document, without=[parcel.places for parcel in parcels]), registers
        )
        await self._append(outcome, document_id=document_id)
        spans = [parcel.readings.span for parcel in parcels]
        outcome = replace(
            outcome, parcels=parcels, span=hull([*spans, outcome.span] if outcome.span else spans)
        )
        if outcome.quarantined:
            await self._quarantine.put(
                outcome.quarantined, usage_point_id=self._point.id, document_id=document_id, now=self._now
            )
        return outcome

    async def review(self, document: MirrorDocument, *, document_id: int) -> Outcome:
        """Judge again the readings of a known document that were set aside; take those now in order."""
        held = await self._quarantine.of_document(document_id)
        if not held:
            return Outcome()
        offers = offers_of(document)
        waiting = [offers[item.ordinal] for item in held]
        mrids = {item.meter_reading.mrid for item in waiting}
        registers = await self._meters.registers(self._point.id, mrids)
        outcome = await self._judge(waiting, registers, corrections=False)
        released = [item.offer.ordinal for item in outcome.judged if item.judgement.doubt is None]
        if released:
            await self._append(outcome, document_id=document_id)
            await self._quarantine.release(released, document_id=document_id, now=self._now)
        return outcome

    async def _take_whole(
        self, offered: Sequence[Parcel], registers: Mapping[str, Register], *, document_id: int
    ) -> list[Parcel]:
        """Keep the parcels of whose time nothing is known yet, and return them."""
        if not offered:
            return []
        asked = [
            (parcel, channel, *parcel.readings.span)
            for parcel in offered
            for channel in registers[parcel.meter_reading.mrid].channels.values()
        ]
        taken = await find_taken(driver_of(self._connection), [span for _, *span in asked])
        known = {asked[index][0].meter_reading.mrid for index in taken}
        parcels = [parcel for parcel in offered if parcel.meter_reading.mrid not in known]
        lots = [
            Lot(
                channel_id=registers[parcel.meter_reading.mrid].channels[parcel.readings.lane],
                reading_type_id=parcel.reading_type_id,
                document_id=document_id,
                readings=parcel.readings,
            )
            for parcel in parcels
        ]
        if lots:
            await copy_readings(driver_of(self._connection), lots, now=self._now)
        return parcels

    async def _learn_reading_types(
        self, document: MirrorDocument, *, document_id: int
    ) -> dict[str, Register]:
        """Remember the reading types that a document brings; return what is known of its registers.

        A type that differs from the one in force becomes the next version; stored readings stay as they are.
        """
        mrids = {item.mrid for item in document.meter_readings}
        registers = await self._meters.registers(self._point.id, mrids)
        in_force = {
            mrid: (register.in_force.version, register.in_force.reading_type)
            for mrid, register in registers.items()
        }
        new: list[tuple[MirrorMeterReading, int, ReadingType]] = []
        for item in document.meter_readings:
            version, kind = in_force.get(item.mrid, (-1, None))
            if item.reading_type is not None and item.reading_type != kind:
                in_force[item.mrid] = version + 1, item.reading_type
                new.append((item, version + 1, item.reading_type))
        if not new:
            return registers
        unknown = {item.mrid: item for item, _, _ in new if item.mrid not in registers}
        ids = await self._meters.add_registers(self._point.id, unknown.values())
        await self._meters.add_reading_types(
            [(ids[item.mrid], version, kind) for item, version, kind in new], document_id=document_id
        )
        return await self._meters.registers(self._point.id, mrids)

    async def _judge(
        self, offers: Sequence[Offer], registers: Mapping[str, Register], *, corrections: bool = True
    ) -> Outcome:
        judged: list[Judged] = []
        found: defaultdict[str, list[_Found]] = defaultdict(list)
        powers: defaultdict[str, list[_FoundPower]] = defaultdict(list)
        for offer, type_id, measure in measured(offers, registers, self._point, self._gate):
            outcome = self._doubts.get(offer.ordinal, measure)
            if isinstance(outcome, Doubt):
                judged.append(Judged(offer, Judgement(Verdict.QUARANTINED, doubt=outcome)))
            elif isinstance(outcome, Power):
                powers[offer.meter_reading.mrid].append((offer, type_id, outcome))
            else:
                found[offer.meter_reading.mrid].append((offer, type_id, outcome))
        if powers:
            judged += await self._judge_power(powers, registers, corrections=corrections)
        if not found:
            return Outcome(judged)
        energy = await self._judge_energy(found, registers, corrections=corrections)
        return Outcome([*judged, *energy.judged], energy.span)

    async def _judge_energy(
        self, found: Mapping[str, list[_Found]], registers: Mapping[str, Register], *, corrections: bool
    ) -> Outcome:
        judged: list[Judged] = []
        spans: list[Span] = []
        lanes = {mrid: {measurement.lane for _, _, measurement in items} for mrid, items in found.items()}
        registers = await self._with_channels(lanes, registers)
        known = await self._known(found, registers)
        rules = await self._rules(found)
        for mrid, items in found.items():
            register = registers[mrid]
            of_register = [item for channel in register.channels.values() for item in known.get(channel, ())]
            offered = [item for _, _, item in items]
            judgements = judge(offered, of_register, corrections=corrections, rules=rules)
            here = [_judged(*pair, register) for pair in zip(items, judgements, strict=True)]
            judged += here
            span = touched_span([item.new.measurement for item in here if item.new], of_register, rules)
            spans += [span] if span else []
        return Outcome(judged, hull(spans))

    async def _judge_power(
        self, found: Mapping[str, list[_FoundPower]], registers: Mapping[str, Register], *, corrections: bool
    ) -> list[Judged]:
        asked = [(registers[mrid].id, power.key) for mrid, items in found.items() for _, _, power in items]
        known = await self._power.find(asked)
        judged: list[Judged] = []
        for mrid, items in found.items():
            number = registers[mrid].id
            offered = [power for _, _, power in items]
            verdicts = judge_power(offered, known.get(number, {}), corrections=corrections)
            judged += [_judged_power(*pair, number) for pair in zip(items, verdicts, strict=True)]
        return judged

    async def _rules(self, found: Mapping[str, Sequence[_Found]]) -> Rules:
        """Return how the meter's registers count, if there are stands to be judged by it."""
        if not any(measurement.is_snapshot for items in found.values() for _, _, measurement in items):
            return {}
        meter = MeterIdentity(mrid=self._point.mrid, device_lfdi=self._point.device_lfdi)
        return await register_rules(self._connection, meter)

    async def _with_channels(
        self, lanes: Mapping[str, Set[Lane]], registers: Mapping[str, Register]
    ) -> Mapping[str, Register]:
        missing = [
            (registers[mrid].id, lane)
            for mrid, of_register in lanes.items()
            for lane in of_register - registers[mrid].channels.keys()
        ]
        if not missing:
            return registers
        await self._meters.add_channels(missing)
        return await self._meters.registers(self._point.id, registers)

    async def _known(
        self, found: Mapping[str, Sequence[_Found]], registers: Mapping[str, Register]
    ) -> dict[int, list[Known]]:
        measurements = [measurement for items in found.values() for _, _, measurement in items]
        channels = {channel: lane for mrid in found for lane, channel in registers[mrid].channels.items()}
        with_neighbours = any(measurement.is_snapshot for measurement in measurements)
        start, end = _reach(measurements)
        known = await self._readings.find(channels, start=start, end=end, with_neighbours=with_neighbours)
        estimates = [
            item.measurement
            for of_channel in known.values()
            for item in of_channel
            if is_estimate(item.measurement.quality)
        ]
        first, last = _reach([*measurements, *estimates])
        if (first, last) != (start, end):  # what else was measured in the time of an estimate
            known = await self._readings.find(
                channels, start=first, end=last, with_neighbours=with_neighbours
            )
        return await with_former_values(self._connection, known, measurements)

    async def _append(self, outcome: Outcome, *, document_id: int) -> None:
        new = [item.new for item in outcome.judged if item.new is not None]
        if new:
            await self._readings.add(new, document_id=document_id, now=self._now)
        power = [item.new_power for item in outcome.judged if item.new_power is not None]
        if power:
            await self._power.add(power, document_id=document_id, now=self._now)


_Found = tuple[Offer, int, Measurement]
"""An offer, the number of its reading type, what it measures."""
_FoundPower = tuple[Offer, int, Power]


def _judged(found: _Found, judgement: Judgement, register: Register) -> Judged:
    offer, type_id, measurement = found
    if judgement.verdict not in (Verdict.ACCEPTED, Verdict.REVISED):
        return Judged(offer, judgement)
    if judgement.marks:
        measurement = replace(measurement, quality=measurement.quality | judgement.marks)
    channel_id = register.channels[measurement.lane]
    return Judged(offer, judgement, NewReading(channel_id, type_id, judgement.revision, measurement))


def _judged_power(found: _FoundPower, judgement: Judgement, register_id: int) -> Judged:
    offer, type_id, power = found
    if judgement.verdict not in (Verdict.ACCEPTED, Verdict.REVISED):
        return Judged(offer, judgement)
    new = NewPower(register_id, type_id, judgement.revision, power)
    return Judged(offer, judgement, new_power=new)


def _reach(measurements: Sequence[Measurement]) -> Span:
    return min(item.start for item in measurements), max(item.end for item in measurements)
