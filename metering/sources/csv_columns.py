"""Many lines of a CSV file at once, as columns; what is remembered of lines read before is used again.

Lines are read so only if nothing about them wants a look: no quotes, as many cells as headings, and
nothing that a line by itself would be refused for.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, TypeVar

import numpy as np

from metering.reading_columns import NO_LOCAL_ID, ReadingColumns, Whole
from metering.sources.csv_heading import GREATEST_CSV_LINE_BYTES
from metering.sources.csv_line import LineReader, LineRefused, Remembered
from metering.sources.instants import InstantUnclear
from metering.sources.line_block import LineBlock

K = TypeVar("K", bound=Hashable)
N = TypeVar("N", bound=Hashable)
_START, _DURATION = itemgetter(0), itemgetter(1)
_NEWLINE: Final = ord("\n")
_MOST_DIGITS: Final = 15


class ColumnReader:
    """Reads lines as `reader` does, all of them or none."""

    def __init__(self, reader: LineReader) -> None:
        self._reader = reader
        self._width = reader.layout.width
        self._delimiter = reader.layout.delimiter
        self._is_usual = not reader.layout.heading.has_reasons

    def read(self, raw: bytes, number: int) -> LineBlock | None:
        """Return what whole lines say, the first of them the `number`-th; None if one wants a look."""
        raw = raw if raw.endswith(b"\n") else raw + b"\n"
        text = _plain_text(raw) if self._is_usual else None
        edges = None if text is None else self._edges(raw)
        if text is None or edges is None:
            return None
        cells = text.replace("\n", self._delimiter).split(self._delimiter)
        cells.pop()
        try:
            return self._block(cells, raw, edges, number)
        except (LineRefused, InstantUnclear):
            return None

    def _edges(self, raw: bytes) -> Whole | None:
        """Return where lines begin and end; None if one is too long, or has not a cell for each heading."""
        content = np.frombuffer(raw, dtype=np.uint8)
        ends = np.flatnonzero(content == _NEWLINE)
        between = np.flatnonzero(content == ord(self._delimiter))
        edges = np.concatenate((np.zeros(1, dtype=np.int64), ends + 1))
        if len(between) != len(ends) * (self._width - 1):
            return None
        first, last = between[:: self._width - 1], between[self._width - 2 :: self._width - 1]
        fits = (first >= edges[:-1]).all() and (last < ends).all()
        return edges if fits and np.diff(edges).max() <= GREATEST_CSV_LINE_BYTES else None

    def _block(self, cells: Sequence[str], raw: bytes, edges: Whole, number: int) -> LineBlock:
        reader, count = self._reader, len(edges) - 1
        said = {name: self._column(cells, place, count) for name, place in reader.cell_of.items()}
        meters, meter_of = _numbered(said["meter"], reader.meters)
        registers, register_of = _numbered(
            _side_by_side(said["register"], said["direction"]), reader.registers
        )
        energy = cells[reader.energy_at :: self._width]
        start, duration = self._periods(said)
        nothing = np.zeros(count, dtype=np.int64)
        return LineBlock(
            meters=meters,
            meter_of=meter_of,
            registers=registers,
            register_of=register_of,
            readings=ReadingColumns(
                start=start,
                duration=duration,
                value=self._watt_hours(energy),
                quality_flags=_looked_up(said["quality"], reader.qualities),
                tou_tier=nothing,
                consumption_block=nothing,
                local_id=np.full(count, NO_LOCAL_ID, dtype=np.int64),
            ),
            numbers=np.arange(number, number + count, dtype=np.int64),
            raw=raw,
            edges=edges,
        )

    def _column(self, cells: Sequence[str], place: int, count: int) -> Sequence[str]:
        """Return the cells of a column; empty ones, if it is not there."""
        return cells[place :: self._width] if place < self._width else [""] * count

    def _periods(self, said: Mapping[str, Sequence[str]]) -> tuple[Whole, Whole]:
        starts, rest = said["start"], [said[name] for name in ("end", "duration", "fold")]
        if all(map(_are_alike, rest)):
            end, duration, fold = (cells[0] for cells in rest)
            known = {
                start: self._reader.periods[start, end, duration, fold] for start in dict.fromkeys(starts)
            }
            periods = list(map(known.__getitem__, starts))
        else:
            periods = list(map(self._reader.periods.__getitem__, zip(starts, *rest, strict=True)))
        return _whole(map(_START, periods), len(starts)), _whole(map(_DURATION, periods), len(starts))

    def _watt_hours(self, cells: Sequence[str]) -> Whole:
        together = "".join(cells)
        are_plain = together.isascii() and together.isdigit() and all(cells)
        if self._reader.counts_watt_hours and are_plain and max(map(len, cells)) <= _MOST_DIGITS:
            return np.fromstring(" ".join(cells), dtype=np.int64, sep=" ")
        return _looked_up(cells, self._reader.amounts)


def _plain_text(raw: bytes) -> str | None:
    """Return lines without the carriage returns at their ends; None if they are not plain."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return None if '"' in text or "\r" in text else text


def _side_by_side(names: Sequence[str], directions: Sequence[str]) -> Sequence[tuple[str, str]]:
    if _are_alike(names) and _are_alike(directions):
        return [(names[0], directions[0])] * len(names)
    return list(zip(names, directions, strict=True))


def _numbered(keys: Sequence[K], names: Remembered[K, N]) -> tuple[tuple[N, ...], Whole]:
    """Return what the keys name, each once, and for every key given the place of its name."""
    if _are_alike(keys):
        return (names[keys[0]],), np.zeros(len(keys), dtype=np.int64)
    places: dict[N, int] = {}
    place_of = {key: places.setdefault(names[key], len(places)) for key in dict.fromkeys(keys)}
    return tuple(places), _whole(map(place_of.__getitem__, keys), len(keys))


def _looked_up(cells: Sequence[str], remembered: Remembered[str, int]) -> Whole:
    if _are_alike(cells):
        return np.full(len(cells), remembered[cells[0]], dtype=np.int64)
    return _whole(map(remembered.__getitem__, cells), len(cells))


def _are_alike(keys: Sequence[object]) -> bool:
    return keys.count(keys[0]) == len(keys)


def _whole(numbers: Iterable[int], count: int) -> Whole:
    return np.fromiter(numbers, dtype=np.int64, count=count)
