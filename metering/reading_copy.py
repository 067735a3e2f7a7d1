"""Readings on their way into PostgreSQL in its own binary form, many at a time, within one transaction.

Source: PostgreSQL, COPY, binary format; instants are microseconds since 2000.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from metering.reading_columns import Whole
from metering.wholesale import Wholesale
from storage.driver import driver_of

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_SECOND: Final = int(_EPOCH.timestamp())
_PER_SECOND: Final = 1_000_000  # µs
_MICROSECOND: Final = timedelta(microseconds=1)
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"

_COLUMNS: Final[Sequence[tuple[str, str]]] = (
    ("channel_id", ">i8"),
    ("period_end", ">i8"),
    ("period_start", ">i8"),
    ("revision", ">i4"),
    ("watt_hours", ">i8"),
    ("quality", ">i4"),
    ("received_at", ">i8"),
    ("reading_type_id", ">i8"),
    ("document_id", ">i8"),
)
_ROW: Final = np.dtype(
    [("fields", ">i2")]
    + [field for name, kind in _COLUMNS for field in ((f"{name}_bytes", ">i4"), (name, kind))]
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lot:
    """Readings of one channel, all new and of one document."""

    channel_id: int
    reading_type_id: int
    document_id: int
    readings: Wholesale


async def copy_readings(connection: AsyncConnection, lots: Sequence[Lot], *, now: datetime) -> None:
    """Add the readings of all lots, as first revisions."""
    driver = await driver_of(connection)
    await driver.copy_to_table(
        "meter_readings",
        columns=[name for name, _ in _COLUMNS],
        source=_stream(lots, now),
        format="binary",
    )


async def _stream(lots: Sequence[Lot], now: datetime) -> AsyncIterator[bytes]:
    yield _HEADER
    for lot in lots:
        yield _rows(lot, now).tobytes()
    yield _TRAILER


def _rows(lot: Lot, now: datetime) -> np.ndarray:
    readings = lot.readings
    rows = np.empty(len(readings), dtype=_ROW)
    rows["fields"] = len(_COLUMNS)
    values: dict[str, int | Whole] = {
        "channel_id": lot.channel_id,
        "period_end": _instants(readings.end),
        "period_start": _instants(readings.start),
        "revision": 0,
        "watt_hours": readings.watt_hours,
        "quality": readings.quality,
        "received_at": (now - _EPOCH) // _MICROSECOND,
        "reading_type_id": lot.reading_type_id,
        "document_id": lot.document_id,
    }
    for name, kind in _COLUMNS:
        rows[f"{name}_bytes"] = int(kind[2:])
        rows[name] = values[name]
    return rows


def _instants(seconds: Whole) -> Whole:
    return (seconds - _EPOCH_SECOND) * _PER_SECOND
