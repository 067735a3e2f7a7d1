"""Readings from Parquet: `meter`, `start`, `import_wh` and `export_wh`, one row for each interval.

An interval counts where it starts. `start` is an instant with a zone, or one without that means UTC.
Nothing is loaded before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

import duckdb
import numpy as np

from settlement.engines.calendar import Calendar
from settlement.engines.faults import DataInvalid, require_earlier
from settlement.engines.file_sets import FileSet, listed, require_columns

_INTEGERS: Final = ("BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UINTEGER", "USMALLINT", "UTINYINT")
COLUMNS: Final = {
    "meter": ("VARCHAR", *_INTEGERS, "UBIGINT"),
    "start": ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
    "import_wh": _INTEGERS,
    "export_wh": _INTEGERS,
}


MICROSECONDS: Final = 1_000_000
"""In a second."""
WIDTHS: Final[Mapping[str, type[np.signedinteger[Any]]]] = {
    "SMALLINT": np.int16,
    "INTEGER": np.int32,
    "BIGINT": np.int64,
}
"""Types of whole numbers by their names in SQL, the narrowest first."""


@dataclass(frozen=True, slots=True)
class ReadingFiles:
    """Files of readings, opened in a DuckDB. Units: seconds since 1970 UTC, Wh."""

    connection: duckdb.DuckDBPyConnection
    files: FileSet
    types: Mapping[str, str]

    @property
    def relation(self) -> str:
        return f"read_parquet({listed(self.files.paths)})"

    def narrowest(self) -> str:
        """Return the narrowest type, in SQL, that holds both columns' energy: Parquet knows the extremes."""
        extremes = self.connection.execute(
            f"SELECT max(import_wh), max(export_wh), min(import_wh), min(export_wh) FROM {self.relation}"  # noqa: S608
        ).fetchall()[0]
        greatest = max((abs(extreme) for extreme in extremes if extreme is not None), default=0)
        return next((name for name, width in WIDTHS.items() if greatest <= np.iinfo(width).max), "BIGINT")

    @property
    def named(self) -> str:
        """The readings of the named meters with their `number`, in SQL; of a meter with two numbers twice."""
        meter = "r.meter" if self.types["meter"] == "VARCHAR" else "CAST(r.meter AS VARCHAR)"
        return f"{self.relation} AS r JOIN named_meters AS m ON m.meter = {meter}"

    def name_meters(self, meters: Sequence[str]) -> None:
        """Make a table of the meters that are asked for, numbered from 0."""
        numbers = np.arange(len(meters), dtype=np.int32)
        self.connection.register("named", {"meter": np.array(meters, dtype=object), "number": numbers})
        self.connection.execute(
            "CREATE TABLE named_meters AS SELECT CAST(meter AS VARCHAR) AS meter, number FROM named"
        )
        self.connection.unregister("named")

    def within(self, start: int, end: int) -> str:
        """Return the condition that an interval starts in `[start, end)`; files are skipped by it."""
        first, after = (f"{self.types['start']} '{_written(edge)}'" for edge in (start, end))
        return f"start >= {first} AND start < {after}"

    def require_earlier(self, calendar: Calendar) -> None:
        """Refuse where contracts began before the day and no reading did. Raises: DataInvalid."""
        if calendar.since == calendar.day_start:
            return
        earlier = self.within(calendar.since, calendar.day_start)
        found = f"SELECT 1 FROM {self.relation} WHERE {earlier} LIMIT 1"  # noqa: S608
        require_earlier(bool(self.connection.execute(found).fetchall()), files=self.files)

    def refuse(self, start: int, end: int) -> NoReturn:
        """Raise DataInvalid for the first row that is wrong among intervals that start in `[start, end)`."""
        relation = f"read_parquet({listed(self.files.paths)}, filename = true, file_row_number = true)"
        found = self.connection.execute(
            f"""
            SELECT filename, file_row_number + 1, CASE
                WHEN meter IS NULL THEN 'meter: nothing is said'
                WHEN import_wh IS NULL THEN 'import_wh: nothing is said'
                WHEN export_wh IS NULL THEN 'export_wh: nothing is said'
                WHEN import_wh < 0 THEN 'import_wh: energy does not run backwards'
                WHEN export_wh < 0 THEN 'export_wh: energy does not run backwards'
                ELSE 'start: the meter has another reading of the same second' END
            FROM {relation}
            WHERE {self.within(start, end)}
            QUALIFY meter IS NULL OR import_wh IS NULL OR export_wh IS NULL OR import_wh < 0 OR export_wh < 0
                OR row_number() OVER (PARTITION BY meter, epoch_us(start) // {MICROSECONDS}
                    ORDER BY filename, file_row_number) > 1
            ORDER BY filename, file_row_number LIMIT 1
            """  # noqa: S608
        ).fetchall()
        file, row, fault = found[0]
        column, _, why = fault.partition(": ")
        raise DataInvalid(why, path=f"{file}, row {row}, {column}")


def open_readings(connection: duckdb.DuckDBPyConnection, files: FileSet) -> ReadingFiles:
    """Return the readings of `files`, whose columns are as they must be. Raises: DataInvalid."""
    relation = f"read_parquet({listed(files.paths)})"
    types = require_columns(connection, relation, COLUMNS, files=files)
    return ReadingFiles(connection, files, types)


def _written(second: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%S+00")
