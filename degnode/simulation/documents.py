"""What meters send: one document of the meter itself, then its registers' readings, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from degnode.simulation.dice import Dice
from degnode.simulation.faults import Fault, FaultKind
from degnode.simulation.history import History
from degnode.simulation.premises import Premises
from degnode.simulation.telling import Register
from metering.documents import MirrorMeterReading, MirrorReadingSet, MirrorUsagePoint, Reading, TimePeriod
from metering.sep.writer import write_mirror_meter_reading_list, write_mirror_usage_point

_MIRROR_OF_REVENUE_QUALITY: Final = 0b1_0001
"""roleFlags: isMirror, isRevenueQuality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterDocument:
    """Readings of one meter that travel together; `due` is when they can be known.

    Units: `due` in seconds since 1970 UTC.
    """

    premises: Premises
    name: str
    due: int
    meter_readings: tuple[MirrorMeterReading, ...]

    @property
    def readings(self) -> int:
        """How many readings it brings."""
        return sum(1 for register in self.meter_readings for _ in register.readings())

    def for_known_meter(self) -> bytes:
        """Return the XML to post to the meter's own address: types are known there."""
        return write_mirror_meter_reading_list(
            replace(register, reading_type=None) for register in self.meter_readings
        )

    def on_its_own(self) -> bytes:
        """Return the XML that says everything, for a file or for a mirror that does not know the meter."""
        return write_mirror_usage_point(
            MirrorUsagePoint(
                mrid=f"00{self.premises.mrid}",
                mrid_as_sent=f"00{self.premises.mrid}",
                role_flags=_MIRROR_OF_REVENUE_QUALITY,
                description=f"simulated {self.premises.profile.name.lower()} {self.premises.number}",
                meter_readings=self.meter_readings,
            )
        )


def batches(intervals: int, *, step: timedelta, batch: timedelta) -> list[range]:
    """Return the intervals that each document of readings is about; each covers `batch`, or one interval."""
    size = max(1, batch // step)
    return [range(first, min(first + size, intervals)) for first in range(0, intervals, size)]


def introduction(history: History, registers: Sequence[Register]) -> MeterDocument:
    """Return the document that tells a mirror of the meter and of what its registers measure."""
    return MeterDocument(
        premises=history.premises,
        name="usage-point",
        due=history.start,
        meter_readings=tuple(_of_register(history.premises, register, None) for register in registers),
    )


def documents_of(
    history: History, registers: Sequence[Register], faults: Iterable[Fault], *, batch: timedelta, seed: int
) -> list[MeterDocument]:
    """Return a meter's documents of readings in the order in which they are sent.

    First those that come in time, then the late ones, then corrections, then what is sent twice.
    """
    places: Mapping[FaultKind, set[int]] = {FaultKind.LATE: set(), FaultKind.DUPLICATE: set()}
    for fault in faults:
        if fault.kind in places:
            places[fault.kind].add(fault.at)
    regular = [
        _batch(history, registers, intervals, f"readings-{number:04}")
        for number, intervals in enumerate(
            batches(history.count, step=timedelta(seconds=history.step), batch=batch)
        )
    ]
    dice = Dice("late", history.premises.number, seed=seed)
    late = sorted(places[FaultKind.LATE], key=lambda _: dice.below(1_000_000))
    in_time = [document for number, document in enumerate(regular) if number not in places[FaultKind.LATE]]
    twice = [
        replace(regular[number], name=f"{regular[number].name}-again")
        for number in sorted(places[FaultKind.DUPLICATE])
    ]
    after = [*(regular[number] for number in late), *_corrections(history, registers), *twice]
    end = history.begins(history.count)
    return [*in_time, *(replace(document, due=end) for document in after)]


def _batch(history: History, registers: Sequence[Register], intervals: range, name: str) -> MeterDocument:
    about = range(-1 if intervals.start == 0 else intervals.start, intervals.stop)
    told = ((register, {**register.readings, **register.first_told}) for register in registers)
    return MeterDocument(
        premises=history.premises,
        name=name,
        due=history.begins(intervals.stop),
        meter_readings=tuple(
            _of_register(history.premises, register, [said[number] for number in about if number in said])
            for register, said in told
        ),
    )


def _corrections(history: History, registers: Sequence[Register]) -> Iterator[MeterDocument]:
    for register in registers:
        for number in register.first_told:
            right = _of_register(history.premises, register, [register.readings[number]])
            yield MeterDocument(
                premises=history.premises, name=f"correction-{number:05}", due=0, meter_readings=(right,)
            )


def _of_register(
    premises: Premises, register: Register, readings: Sequence[Reading] | None
) -> MirrorMeterReading:
    mrid = register.code + premises.mrid
    return MirrorMeterReading(
        mrid=mrid,
        mrid_as_sent=mrid,
        reading_type=register.reading_type,
        reading_sets=(_set(readings),) if readings else (),
    )


def _set(readings: Sequence[Reading]) -> MirrorReadingSet:
    periods = [reading.time_period for reading in readings if reading.time_period is not None]
    start = min(period.start for period in periods)
    end = max(period.start + period.duration for period in periods)
    return MirrorReadingSet(
        readings=tuple(readings), time_period=TimePeriod(start=start, duration=end - start)
    )
