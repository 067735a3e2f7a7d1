"""The engine of one machine: DuckDB scans the files, and time is walked through slot by slot.

DuckDB hands over the energy of the meters that contracts name as a matrix, an instant in each row and a
meter in each column, as many rows at a time as memory is set aside for. In a slot every contract takes
its part at once, so that what is left of a quantity, and windows that differ, cost nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from settlement.engines.calendar import Calendar
from settlement.engines.column_blocks import read_pairs
from settlement.engines.contract_table import ContractTable, Integers
from settlement.engines.faults import check_sum
from settlement.engines.file_sets import DEFAULT_MEMORY, FileSet, open_duckdb
from settlement.engines.losses import arriving
from settlement.engines.reading_files import MICROSECONDS, WIDTHS, ReadingFiles, open_readings
from settlement.engines.tally import Quantities, Tally

MOST_BYTES: Final = 100_000_000
"""Of a matrix; another is read meanwhile."""
_ABSENT: Final = -1


@dataclass(frozen=True, slots=True)
class _Piece:
    """Instants at which intervals start, `step` seconds apart, that are read together."""

    instants: Sequence[int]
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matrix:
    """Where the energy of all named meters is read from: of those that export, first, then of the others."""

    source: ReadingFiles
    meters: int
    exporting: int
    width: str

    def read(self, piece: _Piece) -> Integers:
        """Return what each meter counted (a column) in the intervals of each instant (a row), -1 if unknown.

        Raises: DataInvalid, EnergyTooLarge.
        """
        start, end = piece.instants[0], piece.instants[-1] + 1
        first, step = start * MICROSECONDS, piece.step * MICROSECONDS
        energy = f"CASE WHEN number < {self.exporting} THEN export_wh ELSE import_wh END"
        cell = f"(epoch_us(start) - {first}) // {step} * {self.meters} + number"
        query = (
            f"SELECT CAST({cell} AS INTEGER) AS cell, "  # noqa: S608
            f"CAST(coalesce({energy}, {_ABSENT}) AS {self.width}) AS wh "
            f"FROM {self.source.named} WHERE {self.source.within(start, end)}"
        )
        matrix = np.full(len(piece.instants) * self.meters, _ABSENT, dtype=WIDTHS[self.width])
        rows = 0
        for cells, counted in read_pairs(self.source.connection.cursor(), query):
            matrix[cells] = counted
            rows += len(cells)
        if np.count_nonzero(matrix >= 0) != rows:
            self.source.refuse(start, end)
        if matrix.dtype == np.int64:
            check_sum(int(matrix.max(initial=0)), len(piece.instants), what="readings of a meter")
        return matrix.reshape(len(piece.instants), self.meters)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuckdbEngine:
    """DuckDB with NumPy. `threads` of None is all there are; `most_bytes` bounds what is read at once."""

    threads: int | None = None
    memory: str = DEFAULT_MEMORY
    most_bytes: int = MOST_BYTES

    def quantities(self, readings: FileSet, contracts: ContractTable, calendar: Calendar) -> Quantities:
        """Return the day's quantities. Raises: DataInvalid, EnergyTooLarge."""
        with open_duckdb(threads=self.threads, memory=self.memory) as connection:
            source = open_readings(connection, readings)
            source.require_earlier(calendar)
            source.name_meters([*contracts.source_meters, *contracts.target_meters])
            exporting, importing = len(contracts.source_meters), len(contracts.target_meters)
            matrix = _Matrix(
                source=source, meters=exporting + importing, exporting=exporting, width=source.narrowest()
            )
            row = matrix.meters * WIDTHS[matrix.width](0).itemsize
            most = max(1, self.most_bytes // max(row, 1))
            pieces = list(_pieces(_instants(source, calendar), most))
            with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as other_side:
                ahead = [reader.submit(matrix.read, piece) for piece in pieces[:1]]
                tally = Tally(contracts, calendar)
                walk = _Walk(contracts, calendar, tally)
                for number, piece in enumerate(pieces):
                    found = ahead.pop().result()
                    ahead += [reader.submit(matrix.read, each) for each in pieces[number + 1 : number + 2]]
                    for second, counted in zip(piece.instants, found, strict=True):
                        walk.step(second, counted, other_side)
            walk.end()
            return tally.result()


class _Walk:
    """Goes through the slots in order of time."""

    def __init__(self, contracts: ContractTable, calendar: Calendar, tally: Tally) -> None:
        self._calendar, self._tally = calendar, tally
        self._width = len(contracts.source_meters)
        self._by_interval = np.flatnonzero(contracts.by_interval)
        self._all = len(self._by_interval) == len(contracts)
        self._lost = contracts.lost
        self._met = np.zeros(len(self._by_interval), dtype=np.int64)

    def step(self, second: int, counted: Integers, other_side: ThreadPoolExecutor) -> None:
        """Give out the energy of the intervals that start at `second`."""
        if second >= self._calendar.edges[self._tally.run + 1]:
            self._close(second)
        imported = other_side.submit(self._tally.target.take, counted[self._width :], at=second)
        given = arriving(self._tally.source.take(counted[: self._width], at=second).wh, self._lost)
        taken = imported.result().wh
        if self._all:
            self._met += np.minimum(given, taken)
        elif len(self._by_interval):
            self._met += np.minimum(given[self._by_interval], taken[self._by_interval])

    def end(self) -> None:
        """Close what is open."""
        self._close(self._calendar.end)

    def _close(self, second: int) -> None:
        self._tally.meet(self._met, self._by_interval, run=self._tally.run)
        self._met[:] = 0
        self._tally.close_before(second)


def _instants(source: ReadingFiles, calendar: Calendar) -> list[int]:
    """Return when intervals start that the calendar spans, in order."""
    rows = source.connection.execute(
        f"SELECT DISTINCT epoch_us(start) // 1000000 FROM (SELECT DISTINCT start FROM {source.relation} "  # noqa: S608
        f"WHERE {source.within(calendar.since, calendar.end)}) ORDER BY 1"
    ).fetchall()
    return [int(second) for (second,) in rows]


def _pieces(instants: Sequence[int], most: int) -> Iterator[_Piece]:
    """Cut instants into pieces of equal steps, of `most` instants each at most."""
    begun = 0
    while begun < len(instants):
        step = instants[begun + 1] - instants[begun] if begun + 1 < len(instants) else 1
        end = begun + 1
        while end < len(instants) and end - begun < most and instants[end] - instants[end - 1] == step:
            end += 1
        yield _Piece(instants[begun:end], step)
        begun = end
