"""Grouping a file's lines by meter, over a bounded stretch, into documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from metering.documents import MirrorMeterReading, MirrorReadingSet, MirrorUsagePoint, Reading, ReadingType
from metering.energy import DELTA_DATA, UOM_WATT_HOURS, Direction
from metering.sources.naming import MeterName, register_mrid
from metering.sources.ports import Batch, Found, Reject

STRETCH_LINES: Final = 50_000
"""How far ahead lines of one meter are looked for."""
GREATEST_BATCH_LINES: Final = 10_000

_SUMMATION: Final = 9
_ENERGY: Final = 12
_PLAIN: Final = 12


class RegisterName(NamedTuple):
    """A register as a file tells it apart: its name, which may be empty, direction and form."""

    name: str
    direction: Direction
    stands: bool = False


class Line(NamedTuple):
    """One line of a file: what it says of which registers of a meter. Units: the values are in Wh."""

    meter: MeterName
    readings: Sequence[tuple[RegisterName, Reading]]
    number: int
    raw: bytes


def reading_type(direction: Direction, *, stands: bool) -> ReadingType:
    """Return the type of energy in whole Wh, by interval or as stands of a register."""
    return ReadingType(
        accumulation_behaviour=_SUMMATION if stands else DELTA_DATA,
        commodity=1,
        data_qualifier=_PLAIN,
        flow_direction=direction.value,
        kind=_ENERGY,
        uom=UOM_WATT_HOURS,
    )


def gathered(found: Iterable[Line | Reject], *, head: bytes = b"") -> Iterator[Found]:
    """Yield batches of the lines of one meter; `head` goes before the lines of each.

    What is yielded depends on nothing but the lines; rejects come before the batches of their stretch.
    """
    lines = iter(found)
    while stretch := list(islice(lines, STRETCH_LINES)):
        by_meter: dict[MeterName, list[Line]] = {}
        for item in stretch:
            if isinstance(item, Reject):
                yield item
            else:
                by_meter.setdefault(item.meter, []).append(item)
        for meter, of_meter in by_meter.items():
            for start in range(0, len(of_meter), GREATEST_BATCH_LINES):
                yield _batch(meter, of_meter[start : start + GREATEST_BATCH_LINES], head)


def _batch(meter: MeterName, lines: Sequence[Line], head: bytes) -> Batch:
    by_register: dict[RegisterName, list[Reading]] = {}
    for line in lines:
        for register, reading in line.readings:
            by_register.setdefault(register, []).append(reading)
    return Batch(
        document=usage_point_of(meter, by_register),
        head=head,
        body=b"".join([line.raw for line in lines]),
        place=places(lines[0].number, lines[-1].number),
    )


def places(first: int, last: int) -> str:
    """Return the words for the lines from `first` to `last`."""
    return f"line {first}" if first == last else f"lines {first} to {last}"


def usage_point_of(meter: MeterName, by_register: dict[RegisterName, list[Reading]]) -> MirrorUsagePoint:
    """Return the document that says these readings, in Wh, of the registers of a meter."""
    return MirrorUsagePoint(
        mrid=meter.mrid,
        mrid_as_sent=meter.as_written,
        device_lfdi=meter.device_lfdi,
        meter_readings=tuple(
            MirrorMeterReading(
                mrid=register_mrid(meter.mrid, register.name, register.direction, stands=register.stands),
                mrid_as_sent=register.name or register.direction.name.lower(),
                reading_type=reading_type(register.direction, stands=register.stands),
                reading_sets=(MirrorReadingSet(readings=tuple(readings)),),
            )
            for register, readings in by_register.items()
        ),
    )
