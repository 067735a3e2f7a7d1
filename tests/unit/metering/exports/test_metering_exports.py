"""Energy as CSV and as Parquet, and what is said where Parquet cannot be written."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from metering.energy import Direction
from metering.exports.csv_form import COLUMNS, write_csv
from metering.exports.pages import Row
from metering.exports.parquet_form import ParquetUnavailable, check_parquet, write_parquet
from metering.quality import DERIVED, VALID
from metering.series import IntervalEnergy

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _row(hour: int, *, received_at: datetime | None = NOON) -> Row:
    return Row(
        "0100200300".zfill(32),
        Direction.EXPORT,
        IntervalEnergy(
            period=Interval(NOON + hour * HOUR, NOON + (hour + 1) * HOUR),
            energy=Energy(1000 + hour),
            quality=VALID | DERIVED,
            revision=hour,
            received_at=received_at,
        ),
    )


async def _pages(*pages: Sequence[Row]) -> AsyncIterator[Sequence[Row]]:
    for page in pages:
        yield page


async def _bytes(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def test_csv_has_a_heading_and_a_line_for_every_interval() -> None:
    raw = await _bytes(write_csv(_pages([_row(0)], [_row(1, received_at=None)])))
    first, second = csv.DictReader(StringIO(raw.decode()))
    assert first == {
        "meter": "0100200300".zfill(32), "direction": "export", "start": "2026-03-14T12:00:00Z",
        "end": "2026-03-14T13:00:00Z", "watt_hours": "1000", "quality": "33",
        "quality_words": "valid derived", "revision": "0", "received_at": "2026-03-14T12:00:00Z",
    }  # fmt: skip
    assert (second["watt_hours"], second["received_at"]) == ("1001", "")
    assert (await _bytes(write_csv(_pages()))).decode().strip() == ",".join(COLUMNS)


async def test_parquet_is_read_back_as_it_was_written() -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    raw = await _bytes(write_parquet(_pages([_row(0), _row(1)], [_row(2, received_at=None)])))
    table = parquet.read_table(BytesIO(raw))
    assert table.column_names == list(COLUMNS)
    rows = table.to_pylist()
    assert [row["watt_hours"] for row in rows] == [1000, 1001, 1002]
    assert rows[0]["start"] == NOON
    assert (rows[0]["quality"], rows[0]["quality_words"], rows[2]["received_at"]) == (
        33,
        "valid derived",
        None,
    )
    assert parquet.ParquetFile(BytesIO(raw)).num_row_groups == 2
    nothing = parquet.read_table(BytesIO(await _bytes(write_parquet(_pages()))))
    assert (nothing.num_rows, nothing.column_names) == (0, list(COLUMNS))


def test_where_pyarrow_is_missing_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ParquetUnavailable, match=r"degnode\[parquet\]") as caught:
        check_parquet()
    assert caught.value.http_status == 501
