"""A day of a fleet, made by a seed: half of the meters sell, the other half buy, a quarter sells twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from settlement.engines.file_sets import open_duckdb, quoted

DAY: Final = date(2026, 3, 14)
ZONE: Final = "Asia/Kolkata"
QUARTERS: Final = 96
_START: Final = "TIMESTAMPTZ '2026-03-13 18:30:00+00'"
_END: Final = "TIMESTAMPTZ '2026-03-14 18:30:00+00'"
_BANDS: Final = '[{"from":"06:00","to":"22:00","rate":"{}.25"},{"from":"22:00","to":"06:00","rate":"4.5"}]'


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetDay:
    """Where the files are, and what they hold."""

    readings_file: Path
    contracts_file: Path
    readings: int
    contracts: int


def make_fleet_day(folder: Path, *, readings: int, contracts: int, seed: int) -> FleetDay:
    """Write about so many readings and so many contracts as Parquet, compressed with zstd."""
    half = max(1, readings // QUARTERS // 2)
    made = FleetDay(
        readings_file=folder / "readings.parquet",
        contracts_file=folder / "contracts.parquet",
        readings=2 * half * QUARTERS,
        contracts=contracts,
    )
    with open_duckdb() as connection:
        connection.execute("SET preserve_insertion_order = true")
        connection.execute(_readings(half, seed, made.readings_file))
        connection.execute(_contracts(half, contracts, seed, made.contracts_file))
    return made


def _readings(half: int, seed: int, file: Path) -> str:
    """Return SQL that writes meter by meter, as a collecting system does."""
    return f"""
        COPY (
            SELECT name AS meter, {_START} + to_minutes(15 * slot) AS start,
                CAST(hash(number, slot, {seed}) % 900 AS INTEGER) AS import_wh,
                CAST(hash(slot, number, {seed + 1}) % 900 AS INTEGER) AS export_wh
            FROM (
                SELECT number, md5(number::VARCHAR) AS name, unnest(range({QUARTERS})) AS slot
                FROM range({2 * half}) AS m(number)
            )
        ) TO {quoted(str(file))} (FORMAT parquet, COMPRESSION zstd)
    """  # noqa: S608


def _contracts(half: int, contracts: int, seed: int, file: Path) -> str:
    before, after = _BANDS.split("{}")
    return f"""
        COPY (
            SELECT 'contract-' || lpad(k::VARCHAR, 9, '0') AS contract,
                md5((k % {half})::VARCHAR) AS source,
                md5(({half} + (k * 7919) % {half})::VARCHAR) AS target,
                {_START} - to_seconds(CAST(hash(k, {seed}) % 864000 AS BIGINT)) AS trade_time,
                CAST(5000 + hash(k, {seed + 2}) % 30000 AS BIGINT) AS quantity_wh,
                {_START} AS window_start, {_END} AS window_end,
                'INTERVAL' AS matching, 'INR' AS currency,
                '{before}' || (6 + k % 5) || '{after}' AS bands,
                '0.42' AS wheeling_per_kwh, '2.5' AS wheeling_fixed, '5' AS tax_percent
            FROM range({contracts}) AS c(k)
        ) TO {quoted(str(file))} (FORMAT parquet, COMPRESSION zstd)
    """  # noqa: S608
