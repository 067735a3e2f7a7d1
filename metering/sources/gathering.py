"""Grouping a file's lines by meter, over a bounded stretch, into documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from metering.documents import MirrorMeterReading, MirrorReadingSet, MirrorUsagePoint, Reading, ReadingType
from metering.energy import DELTA_DATA, UOM_WATT_HOURS, Direction
from metering.reading_columns import ReadingColumns
from metering.sources.file_line import Line, RegisterName
from metering.sources.line_block import LineBlock, in_blocks, joined
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


class _Held:
    """What is held, and how much that is of what `bound` allows."""

    __slots__ = ("_bound", "_count", "_readings", "_size", "items")

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._count = self._size = self._readings = 0
        self.items: list[Line | LineBlock] = []

    def add(self, item: Line | LineBlock | Reject) -> LineBlock | None:
        """Hold what there is room for, of a reject only that it was there; return what is left of a block."""
        if isinstance(item, LineBlock):
            place = self._place_for(item)
            self._hold(item.part(0, place), lines=place, readings=place)
            return item.part(place, len(item)) if place < len(item) else None
        if isinstance(item, Line):
            self._hold(item, lines=1, readings=len(item.readings))
        else:
            self._count += 1
        return None

    def _hold(self, item: Line | LineBlock, *, lines: int, readings: int) -> None:
        self.items.append(item)
        self._count += lines
        self._readings += readings
        self._size += len(item.raw)

    def _place_for(self, block: LineBlock) -> int:
        """Return behind which of its lines a block has to end; there is room for one at least."""
        bound = self._bound
        room = min(bound.lines - self._count, bound.readings - self._readings)
        by_size = int(np.searchsorted(block.edges, bound.size - self._size))
        return max(1, min(len(block), room, by_size))

    @property
    def full(self) -> bool:
        bound = self._bound
        return self._count >= bound.lines or self._size >= bound.size or self._readings >= bound.readings


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


def gathered(found: Iterable[Line | LineBlock | Reject], *, head: bytes = b"") -> Iterator[Found]:
    """Yield batches of the lines of one meter; `head` goes before the lines of each.

    What is yielded depends on nothing but the lines, not on whether they come in blocks; rejects come
    before the batches of their stretch.
    """
    held = _Held(STRETCH)
    for item in found:
        if isinstance(item, Reject):
            yield item
        left: Line | LineBlock | Reject | None = item
        while left is not None:
            left = held.add(left)
            if held.full:
                yield from _batches(held.items, head)
                held = _Held(STRETCH)
    yield from _batches(held.items, head)


def _batches(stretch: Sequence[Line | LineBlock], head: bytes) -> Iterator[Batch]:
    if any(isinstance(each, LineBlock) for each in stretch):
        for meter, block in joined(in_blocks(stretch)).by_meter():
            yield from _batches_of_block(meter, block, head)
        return
    by_meter: dict[MeterName, list[Line]] = {}
    for line in stretch:
        if isinstance(line, Line):
            by_meter.setdefault(line.meter, []).append(line)
    for meter, lines in by_meter.items():
        yield from _batches_of_lines(meter, lines, head)


def _batches_of_block(meter: MeterName, block: LineBlock, head: bytes) -> Iterator[Batch]:
    left: LineBlock | None = block
    while left is not None:
        held = _Held(BATCH)
        left = held.add(left)
        for part in in_blocks(held.items):
            yield Batch(
                document=usage_point_of(meter, dict(part.by_register())),
                head=head,
                body=part.raw,
                place=places(int(part.numbers[0]), int(part.numbers[-1])),
            )


def _batches_of_lines(meter: MeterName, of_meter: Sequence[Line], head: bytes) -> Iterator[Batch]:
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


def usage_point_of(
    meter: MeterName, by_register: Mapping[RegisterName, Sequence[Reading]]
) -> MirrorUsagePoint:
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
                reading_sets=(MirrorReadingSet(readings=_kept(readings)),),
            )
            for register, readings in by_register.items()
        ),
    )


def _kept(readings: Sequence[Reading]) -> Sequence[Reading]:
    return readings if isinstance(readings, ReadingColumns) else tuple(readings)
