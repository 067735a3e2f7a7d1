"""What PostgreSQL is given is refused there as it is elsewhere, and nothing of it stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import asyncpg
import pytest

from settlement.engines.calendar import find_day
from settlement.engines.faults import DataInvalid, EnergyTooLarge
from settlement.engines.file_sets import FileSet, find_files
from settlement.engines.postgres_engine import PostgresEngine
from settlement.engines.settled_day import SettledDay, settle_day
from tests.support.naive_settlement import Deal, Reading, write_readings
from tests.support.settlement_days import write_contracts

DAY = find_day(date(2026, 3, 14), zone="UTC")
START, END = (int(edge.timestamp()) for edge in (DAY.period.start, DAY.period.end))
DEAL = Deal(
    contract="c1", source="AA", target="BB", traded=0, quantity=1000, start=START, end=END,
    rate="5", by_interval=True,
)  # fmt: skip
READINGS = [
    Reading(meter="AA", second=START, imported=0, exported=700),
    Reading(meter="BB", second=START, imported=600, exported=0),
]


def settle(folder: Path, url: str, readings: list[Reading]) -> SettledDay:
    return settle_day(
        DAY,
        zone="UTC",
        readings=FileSet((write_readings(folder / "r.parquet", readings),)),
        contracts=find_files([write_contracts(folder / "c.jsonl", [DEAL])], endings=(".jsonl",)),
        engine=PostgresEngine(url),
    )


async def test_nothing_stays_in_the_database(tmp_path: Path, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        tables = "SELECT count(*) FROM pg_class"
        before = await connection.fetchval(tables)
        assert [settle(tmp_path, database_url, READINGS).settled for _ in range(2)] == [600, 600]
        assert await connection.fetchval(tables) == before
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (replace(READINGS[0], second=START + 900, exported=-1), "does not run backwards"),
        (replace(READINGS[0], exported=3), "same second"),
        (replace(READINGS[0], second=START + 900, exported=None), "says nothing"),
    ],
)
def test_a_reading_that_is_none_names_its_meter(
    tmp_path: Path, postgres_url: str, wrong: Reading, why: str
) -> None:
    with pytest.raises(DataInvalid, match=why) as refused:
        settle(tmp_path, postgres_url, [*READINGS, wrong])
    assert "meter AA" in str(refused.value.path)


def test_energy_beyond_64_bits_is_refused(tmp_path: Path, postgres_url: str) -> None:
    huge = [replace(READINGS[0], second=START + 900 * number, exported=2**62) for number in range(2)]
    with pytest.raises(EnergyTooLarge, match="more than 2\\^63 Wh"):
        settle(tmp_path, postgres_url, huge)
