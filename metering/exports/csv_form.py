"""Energy as CSV, as spreadsheets and data frames read it.

Source: RFC 4180. Times are RFC 3339 in UTC; the last columns are empty where nothing is known.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Sequence
from io import StringIO
from typing import Final

from kernel.clock import format_instant
from metering.exports.pages import Row
from metering.quality import words_of

MEDIA_TYPE: Final = "text/csv"
COLUMNS: Final = (
    "meter",
    "direction",
    "start",
    "end",
    "watt_hours",
    "quality",
    "quality_words",
    "revision",
    "received_at",
)


async def write_csv(pages: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    """Yield the bytes of a CSV file, its heading first."""
    yield _written([COLUMNS])
    async for rows in pages:
        yield _written([_cells(row) for row in rows])


def _cells(row: Row) -> tuple[object, ...]:
    interval = row.interval
    return (
        row.meter,
        row.direction.name.lower(),
        format_instant(interval.period.start),
        format_instant(interval.period.end),
        interval.energy.watt_hours,
        interval.quality,
        " ".join(words_of(interval.quality)),
        interval.revision,
        "" if interval.received_at is None else format_instant(interval.received_at),
    )


def _written(lines: Sequence[Sequence[object]]) -> bytes:
    buffer = StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue().encode()
