"""Every engine settles a day as loops over its readings and contracts do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings

from degnode.fleet import ibis_engine
from settlement.engines.duckdb_engine import DuckdbEngine
from settlement.engines.postgres_engine import PostgresEngine
from tests.support.clickhouse_process import ClickhouseProcess, clickhouse_process, needs_clickhouse
from tests.support.settlement_days import SmallDay, lossy_day, small_days


@given(small_days())
@example(lossy_day())
@settings(max_examples=40, deadline=None)
def test_duckdb_settles_as_loops_do(day: SmallDay) -> None:
    assert day.by(DuckdbEngine(threads=1)) == day.naively()


@given(small_days())
@example(lossy_day())
@settings(max_examples=20, deadline=None)
def test_what_is_read_at_once_makes_no_difference(day: SmallDay) -> None:
    assert day.by(DuckdbEngine(threads=1, most_bytes=1)) == day.naively()


@given(small_days())
@example(lossy_day())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgres_settles_as_loops_do(postgres_url: str, day: SmallDay) -> None:
    assert day.by(PostgresEngine(postgres_url)) == day.naively()


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
@given(small_days())
@example(lossy_day())
@settings(max_examples=12, deadline=None)
def test_the_expression_of_the_fleet_settles_as_loops_do(day: SmallDay) -> None:
    assert day.by(ibis_engine("duckdb://")) == day.naively()


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[ClickhouseProcess]:
    with clickhouse_process() as running:
        yield running


@needs_clickhouse
@given(small_days())
@example(lossy_day())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_clickhouse_settles_as_loops_do(clickhouse: ClickhouseProcess, day: SmallDay) -> None:
    assert clickhouse.settle(day) == day.naively()
