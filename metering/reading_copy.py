"""Readings on their way into PostgreSQL in its own binary form, many at a time, within one transaction.

Source: PostgreSQL, COPY, binary format; instants are microseconds since 2000.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from asyncpg import Connection, Record

from metering.reading_columns import Whole
from metering.wholesale import Wholesale

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
_FRAME: Final = np.zeros((), dtype=_ROW)
"""A row of which only the lengths are filled in; its revision is the first."""
_FRAME["fields"] = len(_COLUMNS)
for _name, _kind in _COLUMNS:
    _FRAME[f"{_name}_bytes"] = int(_kind[2:])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lot:
    """Readings of one channel, all new and of one document."""

    channel_id: int
    reading_type_id: int
    document_id: int
    readings: Wholesale


async def copy_readings(driver: Connection[Record], lots: Sequence[Lot], *, now: datetime) -> None:
    """Add the readings of all lots, as first revisions."""
    await driver.copy_to_table(
        "meter_readings",
        columns=[name for name, _ in _COLUMNS],
        source=_stream(lots, now),
        format="binary",
    )


async def _stream(lots: Sequence[Lot], now: datetime) -> AsyncIterator[bytes]:
    yield b"".join((_HEADER, _rows(lots, now).tobytes(), _TRAILER))


def _rows(lots: Sequence[Lot], now: datetime) -> np.ndarray:
    counts = [len(lot.readings) for lot in lots]
    rows = np.full(sum(counts), _FRAME, dtype=_ROW)
    rows["received_at"] = (now - _EPOCH) // _MICROSECOND
    rows["period_end"] = _instants([lot.readings.end for lot in lots])
    rows["period_start"] = _instants([lot.readings.start for lot in lots])
    rows["watt_hours"] = np.concatenate([lot.readings.watt_hours for lot in lots])
    rows["quality"] = np.concatenate([lot.readings.quality for lot in lots])
    for name in ("channel_id", "reading_type_id", "document_id"):
        rows[name] = np.repeat([getattr(lot, name) for lot in lots], counts)
    return rows


def _instants(seconds: Sequence[Whole]) -> Whole:
    return (np.concatenate(seconds) - _EPOCH_SECOND) * _PER_SECOND
