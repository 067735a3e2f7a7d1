"""One fingerprint of the same day from every engine, on a million random readings, and with all terms."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import run

import numpy as np
import pytest

from degnode.bench.settlement_data import DAY, ZONE, make_fleet_day
from degnode.fleet import ibis_engine, spark_engine
from settlement.engines.calendar import find_day
from settlement.engines.duckdb_engine import DuckdbEngine
from settlement.engines.file_sets import FileSet, open_duckdb, quoted
from settlement.engines.port import SettlementEngine
from settlement.engines.postgres_engine import PostgresEngine
from settlement.engines.settled_day import SettledDay, settle_day
from tests.support.clickhouse_process import URL, needs_clickhouse


@dataclass(frozen=True, slots=True)
class Fleet:
    """A day of ten thousand meters as files."""

    readings: FileSet
    contracts: FileSet

    def settled_by(self, engine: SettlementEngine) -> SettledDay:
        return settle_day(
            find_day(DAY, zone=ZONE),
            zone=ZONE,
            readings=self.readings,
            contracts=self.contracts,
            engine=engine,
        )


@pytest.fixture(scope="module", params=["plain", "with all terms"])
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("fleet")
    if request.param == "plain":
        made = make_fleet_day(folder, readings=1_000_000, contracts=6_500, seed=7)
        return Fleet(FileSet((str(made.readings_file),)), FileSet((str(made.contracts_file),)))
    made = make_fleet_day(folder, readings=200_000, contracts=1_300, seed=8)
    contracts = folder / "all_terms.parquet"
    add_terms(made.contracts_file, contracts)
    return Fleet(FileSet((str(made.readings_file),)), FileSet((str(contracts),)))


def add_terms(contracts: Path, out: Path) -> None:
    """Write contracts with both ways of matching, some of which lose energy or have penalties."""
    with open_duckdb() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE ({drawn('matching', 'WINDOW', 'INTERVAL')}), "  # noqa: S608
            f"{drawn('loss_percent', '', '7.5', '0.123457', '33.333333')}, "
            f"{drawn('penalty_buyer_per_kwh', '', '2', '0.777777')}, '3' AS penalty_seller_per_kwh, "
            f"{drawn('penalty_tolerance_percent', '', '0', '50')} "
            f"FROM read_parquet({quoted(str(contracts))})) TO {quoted(str(out))} (FORMAT parquet)"
        )


def drawn(column: str, *values: str) -> str:
    """Return a column in SQL that has one of the values, drawn by the contract."""
    number = f"CAST(hash(contract, '{column}') % {len(values)} AS INTEGER)"
    return f"[{', '.join(map(quoted, values))}][{number} + 1] AS {column}"


@pytest.fixture(scope="module")
def reference(fleet: Fleet) -> SettledDay:
    return fleet.settled_by(DuckdbEngine())


def test_a_fleet_settles_most_of_what_it_trades(reference: SettledDay) -> None:
    assert reference.contracts in (6_500, 1_300)
    assert len(reference.lines) >= 5 * reference.contracts
    assert reference.contracts_settled > 0.9 * reference.contracts
    owing = reference.lines.amount_minor[np.isin(reference.lines.item, ["PENALTY_BUYER", "PENALTY_SELLER"])]
    assert np.count_nonzero(owing) > 200 or reference.contracts == 6_500
    assert 0 < reference.settled <= min(reference.exported, reference.imported)


def test_postgres_agrees_to_the_byte(fleet: Fleet, reference: SettledDay, postgres_url: str) -> None:
    found = fleet.settled_by(PostgresEngine(postgres_url))
    assert found.lines.fingerprint() == reference.lines.fingerprint()


def test_reading_a_little_at_a_time_agrees_to_the_byte(fleet: Fleet, reference: SettledDay) -> None:
    found = fleet.settled_by(DuckdbEngine(most_bytes=400_000, threads=1, memory="200MiB"))
    assert found.lines.fingerprint() == reference.lines.fingerprint()


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
def test_the_expression_of_the_fleet_agrees_to_the_byte(fleet: Fleet, reference: SettledDay) -> None:
    found = fleet.settled_by(ibis_engine("duckdb://"))
    assert found.lines.fingerprint() == reference.lines.fingerprint()


@needs_clickhouse
def test_clickhouse_agrees_to_the_byte_from_several_files_and_in_any_zone(
    fleet: Fleet, reference: SettledDay, tmp_path: Path
) -> None:
    split_without_zone(fleet.readings.paths[0], tmp_path)
    asked = ("--engine", "clickhouse", "--url", URL, "--day", str(DAY), "--zone", ZONE, "--json")
    files = ("--readings", str(tmp_path), "--contracts", *fleet.contracts.paths)
    found = run(
        [sys.executable, "-m", "degnode", "settle", *files, *asked],
        env=os.environ | {"TZ": "America/St_Johns"},
        capture_output=True,
        check=False,
        timeout=200,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["sha256"] == reference.lines.fingerprint()


def split_without_zone(readings: str, folder: Path) -> None:
    """Write readings as two files whose instants say no zone."""
    with open_duckdb() as connection:
        for part in range(2):
            connection.execute(
                "COPY (SELECT * REPLACE (start AT TIME ZONE 'UTC' AS start) "  # noqa: S608
                f"FROM read_parquet({quoted(readings)}) WHERE hash(meter, start) % 2 = {part}) "
                f"TO {quoted(str(folder / f'{part}.parquet'))} (FORMAT parquet)"
            )


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, and there is none here")
def test_spark_agrees_to_the_byte(fleet: Fleet, reference: SettledDay) -> None:
    found = fleet.settled_by(spark_engine())
    assert found.lines.fingerprint() == reference.lines.fingerprint()
