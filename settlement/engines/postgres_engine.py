"""The engine in the database: the readings are copied into a temporary table, and PostgreSQL sums them.

It asks what the fleet's expression asks, in PostgreSQL's own words. Nothing stays in the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg.errors import NumericValueOutOfRange

from settlement.engines.calendar import Calendar
from settlement.engines.contract_table import ContractTable
from settlement.engines.faults import EnergyTooLarge
from settlement.engines.file_sets import FileSet, open_duckdb
from settlement.engines.reading_files import ReadingFiles, open_readings
from settlement.engines.relational import Met, Ranges, Total, settle
from settlement.engines.tally import Quantities

_BLOCK: Final = 50_000
_TABLES: Final = """
    CREATE TEMPORARY TABLE day_readings (meter text, second bigint, exported bigint, imported bigint);
    CREATE TEMPORARY TABLE day_ranges (contract bigint, segment bigint, source text, source_low bigint,
        source_high bigint, target text, target_low bigint, target_high bigint, lost bigint);
    SET enable_nestloop = off;
"""
# Where each joins thousands with millions, a loop in a loop is a planner's mistake.
_PLACED: Final = """
    CREATE TEMPORARY TABLE day_placed AS
    SELECT meter, width_bucket(second, %s::bigint[]) - 1 AS segment, second, exported, imported
    FROM day_readings
"""
# PostgreSQL sums bigint to numeric: every sum is cast back, and one that does not fit is an error.
_TOTALS: Final = """
    SELECT meter, segment, coalesce(sum(exported), 0)::bigint, coalesce(sum(imported), 0)::bigint,
        least(count(exported), count(imported)), count(DISTINCT second), count(*),
        coalesce(min(least(exported, imported)), 0)
    FROM day_placed
    GROUP BY meter, segment
"""
_RUNNING: Final = """
    CREATE TEMPORARY TABLE day_running AS
    SELECT meter, segment, second, exported, imported,
        (sum(exported) OVER passed)::bigint AS upto_exported,
        (sum(imported) OVER passed)::bigint AS upto_imported
    FROM day_placed
    WINDOW passed AS (PARTITION BY meter, segment ORDER BY second)
"""
# Between whole numbers `/` rounds towards nought; what is lost is rounded up.
_MET: Final = """
    WITH given AS MATERIALIZED (
        SELECT contract, segment, second, sent - (sent * lost + 99999999) / 100000000 AS wh FROM (
            SELECT k.contract, k.segment, r.second, k.lost, greatest(0, least(r.upto_exported, k.source_high)
                - greatest(r.upto_exported - r.exported, k.source_low)) AS sent
            FROM day_ranges AS k JOIN day_running AS r ON r.meter = k.source AND r.segment = k.segment
        ) AS gave
    ), taken AS MATERIALIZED (
        SELECT k.contract, k.segment, r.second, greatest(0, least(r.upto_imported, k.target_high)
            - greatest(r.upto_imported - r.imported, k.target_low)) AS wh
        FROM day_ranges AS k JOIN day_running AS r ON r.meter = k.target AND r.segment = k.segment
    )
    SELECT contract, segment, sum(least(given.wh, taken.wh))::bigint
    FROM given JOIN taken USING (contract, segment, second)
    GROUP BY contract, segment
"""


@dataclass(frozen=True, slots=True)
class PostgresEngine:
    """A PostgreSQL by its URL."""

    url: str

    def quantities(self, readings: FileSet, contracts: ContractTable, calendar: Calendar) -> Quantities:
        """Return the day's quantities. Raises: DataInvalid, EnergyTooLarge."""
        with (
            open_duckdb() as duckdb,
            psycopg.connect(self.url, autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            source = open_readings(duckdb, readings)
            source.require_earlier(calendar)
            cursor.execute(_TABLES)
            _copy(cursor, "COPY day_readings FROM STDIN", _readings(source, contracts, calendar))
            return settle(_PostgresStore(cursor), contracts, calendar)


@dataclass(frozen=True, slots=True)
class _PostgresStore:
    cursor: psycopg.Cursor[Any]

    def totals(self, segments: Sequence[int], meters: Sequence[str]) -> Iterable[Total]:
        """Return what each of the meters counted in each segment; the table holds no other meters."""
        self.cursor.execute(_PLACED, [list(segments)])
        self.cursor.execute("ANALYZE day_placed")
        return [Total(*row) for row in self._rows(_TOTALS)]

    def meet(self, ranges: Ranges, segments: Sequence[int]) -> Iterable[Met]:
        """Return what both sides have in the same intervals; the segments are there already."""
        columns = (
            ranges.contract.tolist(),
            ranges.segment.tolist(),
            ranges.source,
            ranges.source_low.tolist(),
            ranges.source_high.tolist(),
            ranges.target,
            ranges.target_low.tolist(),
            ranges.target_high.tolist(),
            ranges.lost.tolist(),
        )
        _copy(self.cursor, "COPY day_ranges FROM STDIN", zip(*columns, strict=True))
        self.cursor.execute(_RUNNING)
        self.cursor.execute("ANALYZE day_ranges, day_running")
        return self._rows(_MET)

    def _rows(self, query: LiteralString) -> list[Any]:
        try:
            return self.cursor.execute(query).fetchall()
        except NumericValueOutOfRange as error:
            raise EnergyTooLarge(
                "readings add up to more than 2^63 Wh", hint="Settle them in parts."
            ) from error


def _copy(cursor: psycopg.Cursor[Any], statement: LiteralString, rows: Iterable[Sequence[object]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _readings(
    source: ReadingFiles, contracts: ContractTable, calendar: Calendar
) -> Iterator[Sequence[object]]:
    """Yield the readings of the contracts' meters within the calendar's time."""
    source.name_meters(sorted({*contracts.source_meters, *contracts.target_meters}))
    found = source.connection.execute(
        f"SELECT m.meter, epoch_us(start) // 1000000, export_wh, import_wh FROM {source.named} "  # noqa: S608
        f"WHERE {source.within(calendar.since, calendar.end)}"
    )
    while rows := found.fetchmany(_BLOCK):
        yield from rows
