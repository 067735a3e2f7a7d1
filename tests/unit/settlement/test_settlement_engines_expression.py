"""The fleet's expression in every dialect, and the way in which DuckDB means to answer it."""

from __future__ import annotations

import re
from pathlib import Path

import ibis
import numpy as np
import pyarrow
import pytest

from degnode.bench.settlement_data import make_fleet_day
from settlement.engines.ibis_engine import Table, greatest_energy, met_energy, normal_form, total_energy
from settlement.engines.losses import ALL, MOST_SENT, arriving
from tests.support.clickhouse_process import needs_clickhouse

READINGS = {"meter": "string", "start": "timestamp('UTC')", "import_wh": "int32", "export_wh": "int64"}
RANGES = {"contract": "int64", "segment": "int64", "lost": "int64"} | {
    name: kind
    for side in ("source", "target")
    for name, kind in {side: "string", f"{side}_low": "int64", f"{side}_high": "int64"}.items()
}
SEGMENTS = (0, 900, 1800)


def expressions() -> list[Table]:
    readings = normal_form(ibis.table(READINGS, name="readings"))
    return [
        greatest_energy(readings),
        total_energy(readings, SEGMENTS),
        met_energy(readings, ibis.table(RANGES, name="ranges"), SEGMENTS),
    ]


@pytest.mark.parametrize("dialect", ["clickhouse", "duckdb", "postgres", "pyspark"])
def test_every_dialect_can_say_it_without_a_division_or_a_rounding(dialect: str) -> None:
    for expression in expressions():
        said = str(ibis.to_sql(expression, dialect=dialect))
        assert not re.search(r"[/%]|ROUND|DECIMAL|DOUBLE|FLOAT", said.upper())


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
def test_both_sides_are_joined_by_their_contract_and_not_by_time_alone(tmp_path: Path) -> None:
    made = make_fleet_day(tmp_path, readings=50_000, contracts=300, seed=3)
    connection = ibis.duckdb.connect()
    try:
        readings = normal_form(connection.read_parquet(str(made.readings_file)))
        ranges = connection.create_table("ranges", schema=ibis.schema(RANGES))
        said = str(connection.compile(met_energy(readings, ranges, (0, 2**40))))
        rows = connection.raw_sql(f"EXPLAIN (FORMAT json) {said}").fetchall()
    finally:
        connection.disconnect()
    conditions = re.findall(r'"Conditions": (\[[^\]]*\]|"[^"]*")', str(rows[0][1]))
    assert len(conditions) == 3
    assert all("contract" in each or "meter" in each for each in conditions)


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
@pytest.mark.parametrize("lost", [1, 7_654_321, 50_000_000, 99_999_999])
def test_what_arrives_is_exact_up_to_the_most_that_may_be_sent(lost: int) -> None:
    whole = [n * ALL for n in (7, 89, 899)]  # their quotients have no rest
    sent = [0, 1, 99, 12_345, 2**31, *whole, MOST_SENT - 1, MOST_SENT]
    sources = [f"S{wh}" for wh in sent]
    readings = pyarrow.table(
        {
            "meter": [*sources, "T"],
            "second": [0] * (len(sent) + 1),
            "exported": [*sent, 0],
            "imported": [0] * len(sent) + [MOST_SENT],
        }
    )
    ranges = {name: [0] * len(sent) for name in RANGES} | {
        "contract": list(range(len(sent))),
        "source": sources,
        "source_high": sent,
        "target": ["T"] * len(sent),
        "target_high": [MOST_SENT] * len(sent),
        "lost": [lost] * len(sent),
    }
    connection = ibis.duckdb.connect()
    try:
        asked = ibis.memtable(pyarrow.table(ranges))
        met = met_energy(ibis.memtable(readings), asked, SEGMENTS, has_losses=True)
        found = {row["contract"]: row["wh"] for row in connection.to_pyarrow(met).to_pylist()}
    finally:
        connection.disconnect()
    assert found == {number: wh * (ALL - lost) // ALL for number, wh in enumerate(sent)}
    assert arriving(np.array(sent), np.full(len(sent), lost)).tolist() == [*map(found.get, range(len(sent)))]


@needs_clickhouse
def test_clickhouse_counts_exactly_and_keeps_seconds_in_64_bits() -> None:
    from degnode.clickhouse import WORDS

    readings = normal_form(ibis.table(READINGS, name="readings"), WORDS)
    said = str(ibis.to_sql(total_energy(readings, SEGMENTS, WORDS), dialect="clickhouse"))
    assert "uniqExact(" in said
    assert "uniq(" not in said
    assert "toRelativeSecondNum" not in said
