"""Grouping a file's lines by meter, over a bounded stretch, into documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from metering.documents import MirrorMeterReading, MirrorReadingSet, MirrorUsagePoint, Reading, ReadingType
from metering.energy import DELTA_DATA, UOM_WATT_HOURS, Direction
from metering.sources.naming import MeterName, register_mrid
from metering.sources.ports import Batch, Found, Reject


class Bound(NamedTuple):
    """How much of a file is held at once: it ends with the line that reaches one of these."""

    lines: int
    size: int
    readings: int


STRETCH: Final = Bound(lines=50_000, size=64_000_000, readings=200_000)
"""How far ahead lines of one meter are looked for."""
BATCH: Final = Bound(lines=10_000, size=16_000_000, readings=20_000)

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


class _Held:
    """How much is held of what `bound` allows."""

    __slots__ = ("_bound", "_lines", "_readings", "_size")

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._lines = self._size = self._readings = 0

    def count(self) -> None:
        self._lines += 1

    def add(self, line: Line) -> None:
        self._lines += 1
        self._size += len(line.raw)
        self._readings += len(line.readings)

    @property
    def full(self) -> bool:
        bound = self._bound
        return self._lines >= bound.lines or self._size >= bound.size or self._readings >= bound.readings


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
    by_meter: dict[MeterName, list[Line]] = {}
    held = _Held(STRETCH)
    for item in found:
        if isinstance(item, Reject):
            yield item
            held.count()
        else:
            by_meter.setdefault(item.meter, []).append(item)
            held.add(item)
        if held.full:
            yield from _batches(by_meter, head)
            by_meter, held = {}, _Held(STRETCH)
    yield from _batches(by_meter, head)


def _batches(by_meter: Mapping[MeterName, Sequence[Line]], head: bytes) -> Iterator[Batch]:
    for meter, of_meter in by_meter.items():
        lines: list[Line] = []
        held = _Held(BATCH)
        for line in of_meter:
            lines.append(line)
            held.add(line)
            if held.full:
                yield _batch(meter, lines, head)
                lines, held = [], _Held(BATCH)
        if lines:
            yield _batch(meter, lines, head)


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
