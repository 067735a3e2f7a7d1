"""`degnode bench settle` on a fleet of a hundred meters."""

from __future__ import annotations

import os
from asyncio import to_thread
from pathlib import Path

import pytest

from degnode.bench.settlement_data import make_fleet_day
from tests.support.command_line import invoke, printed


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
async def test_the_benchmark_settles_and_tells_its_ratio(tmp_path: Path, engine: str) -> None:
    said = printed(
        await invoke(
            "bench", "settle", "--readings", "9600", "--contracts", "60", "--keep", str(tmp_path),
            "--engine", engine,
        )
    )  # fmt: skip
    assert "9,600 in" in said
    assert "ratio to the scan" in said
    assert sorted(await to_thread(os.listdir, tmp_path)) == ["contracts.parquet", "readings.parquet"]


def test_a_seed_makes_the_same_fleet_again(tmp_path: Path) -> None:
    made = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        made.append(make_fleet_day(tmp_path / name, readings=9_600, contracts=60, seed=5))
    assert made[0].readings_file.read_bytes() == made[1].readings_file.read_bytes()
    assert made[0].contracts_file.read_bytes() == made[1].contracts_file.read_bytes()
