"""Columns of numbers come out of DuckDB the same, with Arrow and without, however wide they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from settlement.engines.column_blocks import read_pairs
from settlement.engines.file_sets import FileSet, open_duckdb
from settlement.engines.reading_files import open_readings

_ROWS = 2_500_000  # more than two blocks of Arrow's


@pytest.mark.parametrize("by_arrow", [True, False])
def test_all_rows_come_as_pairs(by_arrow: bool) -> None:
    if by_arrow:
        pytest.importorskip("pyarrow", reason="the extra degnode[parquet] is not installed")
    with open_duckdb() as connection:
        query = f"SELECT CAST(i AS INTEGER), CAST(i % 1000 AS SMALLINT) FROM range({_ROWS}) AS r(i)"  # noqa: S608
        blocks = list(read_pairs(connection, query, by_arrow=by_arrow))
        cells, counted = (np.concatenate([block[side].copy() for block in blocks]) for side in (0, 1))
    assert np.array_equal(np.sort(cells), np.arange(_ROWS))
    assert np.array_equal(counted, cells % 1000)


@pytest.mark.parametrize(
    ("import_wh", "export_wh", "width"),
    [
        ("32767", "-32767", "SMALLINT"),
        ("32768", "0", "INTEGER"),
        ("0", "-32768", "INTEGER"),
        ("NULL", "2147483648", "BIGINT"),
        ("-9223372036854775808", "0", "BIGINT"),
        ("NULL", "NULL", "SMALLINT"),
    ],
)
def test_the_type_is_as_narrow_as_the_energy_allows(
    tmp_path: Path, import_wh: str, export_wh: str, width: str
) -> None:
    file = tmp_path / "readings.parquet"
    with open_duckdb() as connection:
        connection.execute(
            f"COPY (SELECT 'm' AS meter, TIMESTAMPTZ '2026-03-14 00:00:00+00' AS start, "
            f"CAST({import_wh} AS BIGINT) AS import_wh, CAST({export_wh} AS BIGINT) AS export_wh) TO '{file}'"
        )
        assert open_readings(connection, FileSet((str(file),))).narrowest() == width
