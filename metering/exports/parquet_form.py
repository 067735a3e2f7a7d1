"""Energy as Parquet, through pyarrow where that is installed.

The file is written row group by row group to whoever takes its bytes; nothing is kept of what is written.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Sequence
from io import RawIOBase
from typing import Any, Final

from kernel.errors import NodeError
from metering.exports.csv_form import COLUMNS
from metering.exports.pages import Row
from metering.quality import words_of

MEDIA_TYPE: Final = "application/vnd.apache.parquet"


class ParquetUnavailable(NodeError):
    """This installation does not write Parquet."""

    code, http_status, retryable = "FORMAT_UNAVAILABLE", 501, False


class _Outlet(RawIOBase):
    """Takes what is written, to be taken away."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401  any buffer
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def check_parquet() -> None:
    """Refuse where Parquet cannot be written. Raises: ParquetUnavailable."""
    _load("pyarrow")


async def write_parquet(pages: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
    """Yield the bytes of a Parquet file. Raises: ParquetUnavailable."""
    arrow, parquet = _load("pyarrow"), _load("pyarrow.parquet")
    schema, outlet = _schema(arrow), _Outlet()
    writer = parquet.ParquetWriter(outlet, schema, compression="zstd")
    try:
        async for rows in pages:
            writer.write_table(arrow.Table.from_pydict(_columns(rows), schema=schema))
            yield outlet.take()
    finally:
        writer.close()
    yield outlet.take()


def _load(module: str) -> Any:  # noqa: ANN401  a module that need not be there
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ParquetUnavailable(
            "Parquet needs pyarrow, which is not installed here",
            path="format",
            hint="Install it (pip install 'degnode[parquet]'), or ask for CSV.",
        ) from error


def _schema(arrow: Any) -> Any:  # noqa: ANN401
    instant = arrow.timestamp("us", tz="UTC")
    types = {
        "meter": arrow.string(),
        "direction": arrow.string(),
        "start": instant,
        "end": instant,
        "watt_hours": arrow.int64(),
        "quality": arrow.int32(),
        "quality_words": arrow.string(),
        "revision": arrow.int32(),
        "received_at": instant,
    }
    return arrow.schema([arrow.field(name, types[name]) for name in COLUMNS])


def _columns(rows: Sequence[Row]) -> dict[str, list[object]]:
    intervals = [row.interval for row in rows]
    return {
        "meter": [row.meter for row in rows],
        "direction": [row.direction.name.lower() for row in rows],
        "start": [item.period.start for item in intervals],
        "end": [item.period.end for item in intervals],
        "watt_hours": [item.energy.watt_hours for item in intervals],
        "quality": [item.quality for item in intervals],
        "quality_words": [" ".join(words_of(item.quality)) for item in intervals],
        "revision": [item.revision for item in intervals],
        "received_at": [item.received_at for item in intervals],
    }
