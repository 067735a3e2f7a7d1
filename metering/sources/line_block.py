"""Many lines of a file as columns: one reading a line, nothing made for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Final, TypeVar

import numpy as np

from metering.reading_columns import ReadingColumns, Whole, columns_of
from metering.sources.file_line import Line, RegisterName
from metering.sources.naming import MeterName

N = TypeVar("N")
_COLUMNS: Final = tuple(field.name for field in fields(ReadingColumns))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LineBlock:
    """Lines that each say one reading; `meter_of` and `register_of` are places in what stands before them.

    The bytes of a line are those of `raw` between its edge and the next; each ends with a line feed.
    """

    meters: Sequence[MeterName]
    meter_of: Whole
    registers: Sequence[RegisterName]
    register_of: Whole
    readings: ReadingColumns
    numbers: Whole
    raw: bytes
    edges: Whole

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, first: int, last: int) -> LineBlock:
        """Return the lines from place `first` up to, without it, `last`."""
        if (first, last) == (0, len(self)):
            return self
        start, end = int(self.edges[first]), int(self.edges[last])
        return self._taken(slice(first, last), self.raw[start:end], self.edges[first : last + 1] - start)

    def by_meter(self) -> Iterator[tuple[MeterName, LineBlock]]:
        """Yield each meter with its lines, in the order in which the meters come first."""
        order = np.argsort(self.meter_of, kind="stable")
        ends = np.flatnonzero(np.diff(self.meter_of[order])) + 1
        runs = sorted(np.split(order, ends), key=lambda places: int(places[0]))
        for places in runs:
            yield self.meters[int(self.meter_of[places[0]])], self._at(places)

    def by_register(self) -> Iterator[tuple[RegisterName, ReadingColumns]]:
        """Yield each register with its readings, in the order in which the registers come first."""
        codes, firsts = np.unique(self.register_of, return_index=True)
        if len(codes) == 1:
            yield self.registers[int(codes[0])], self.readings
            return
        for code in codes[np.argsort(firsts)]:
            places = np.flatnonzero(self.register_of == code)
            yield self.registers[int(code)], _columns_at(self.readings, places)

    def _at(self, places: Whole) -> LineBlock:
        first, last = int(places[0]), int(places[-1]) + 1
        if last - first == len(places):
            return self.part(first, last)
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        starts = self.edges[places[np.concatenate(([0], breaks))]].tolist()
        ends = self.edges[places[np.concatenate((breaks - 1, [len(places) - 1]))] + 1].tolist()
        raw = b"".join([self.raw[start:end] for start, end in zip(starts, ends, strict=True)])
        return self._taken(places, raw, edges_of(self.edges[places + 1] - self.edges[places]))

    def _taken(self, places: slice | Whole, raw: bytes, edges: Whole) -> LineBlock:
        return LineBlock(
            meters=self.meters,
            meter_of=self.meter_of[places],
            registers=self.registers,
            register_of=self.register_of[places],
            readings=_columns_at(self.readings, places),
            numbers=self.numbers[places],
            raw=raw,
            edges=edges,
        )


def joined(blocks: Sequence[LineBlock]) -> LineBlock:
    """Return the lines of all blocks, one after the other."""
    if len(blocks) == 1:
        return blocks[0]
    meters: dict[MeterName, int] = {}
    registers: dict[RegisterName, int] = {}
    return LineBlock(
        meter_of=np.concatenate([_renumbered(each.meter_of, each.meters, meters) for each in blocks]),
        meters=tuple(meters),
        register_of=np.concatenate(
            [_renumbered(each.register_of, each.registers, registers) for each in blocks]
        ),
        registers=tuple(registers),
        readings=ReadingColumns(
            **{name: np.concatenate([getattr(each.readings, name) for each in blocks]) for name in _COLUMNS}
        ),
        numbers=np.concatenate([each.numbers for each in blocks]),
        raw=b"".join([each.raw for each in blocks]),
        edges=edges_of(np.concatenate([np.diff(each.edges) for each in blocks])),
    )


def edges_of(lengths: Whole) -> Whole:
    """Return where lines of these lengths begin, and where the last of them ends."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths)))


def in_blocks(found: Iterable[Line | LineBlock]) -> list[LineBlock]:
    """Return lines of one reading each as blocks, in their order."""
    blocks: list[LineBlock] = []
    for are_blocks, some in groupby(found, key=lambda each: isinstance(each, LineBlock)):
        if are_blocks:
            blocks += [each for each in some if isinstance(each, LineBlock)]
        else:
            blocks.append(_block_of([each for each in some if isinstance(each, Line)]))
    return blocks


def _block_of(lines: Sequence[Line]) -> LineBlock:
    columns = columns_of([reading for line in lines for _, reading in line.readings])
    if columns is None or len(columns) != len(lines):
        raise ValueError("lines beside blocks say one reading each, in 64 bits")
    meters, meter_of = numbered([line.meter for line in lines])
    registers, register_of = numbered([register for line in lines for register, _ in line.readings])
    return LineBlock(
        meters=meters,
        meter_of=meter_of,
        registers=registers,
        register_of=register_of,
        readings=columns,
        numbers=np.array([line.number for line in lines], dtype=np.int64),
        raw=b"".join([line.raw for line in lines]),
        edges=edges_of(np.array([len(line.raw) for line in lines], dtype=np.int64)),
    )


def numbered(names: Sequence[N]) -> tuple[tuple[N, ...], Whole]:
    """Return each name once, and for every one given its place among them."""
    places: dict[N, int] = {}
    found = [places.setdefault(name, len(places)) for name in names]
    return tuple(places), np.array(found, dtype=np.int64)


def _renumbered(places: Whole, names: Sequence[N], known: dict[N, int]) -> Whole:
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)[places]


def _columns_at(columns: ReadingColumns, places: slice | Whole) -> ReadingColumns:
    return ReadingColumns(**{name: getattr(columns, name)[places] for name in _COLUMNS})
