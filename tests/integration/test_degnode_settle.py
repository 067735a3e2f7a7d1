"""`degnode settle`, as a person types it: from files alone, and from the node's own data."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from degnode.commands.settle import EngineName, make_engine
from kernel.errors import NodeError
from settlement.engines.faults import EngineUnavailable
from settlement.store import find_bills
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.naive_settlement import Deal, Reading, write_readings
from tests.support.seller_world import (
    EXPORT,
    IMPORT,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
)
from tests.support.settlement_days import write_contracts

DAY = ("--day", "2026-03-14")
NOON = int(datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp())
DEAL = Deal(
    contract="c1", source="AA", target="BB", traded=0, quantity=1000, start=NOON, end=NOON + 3600,
    rate="5", wheeling_fixed="2.5", by_interval=True,
)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    readings = [
        Reading(meter="AA", second=NOON, imported=0, exported=700),
        Reading(meter="BB", second=NOON, imported=600, exported=0),
    ]
    return (
        "--readings",
        write_readings(tmp_path / "r.parquet", readings),
        "--contracts",
        write_contracts(tmp_path / "c.jsonl", [DEAL]),
    )


async def settles(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(await invoke("settle", *arguments, "--json")))
    return found


async def refused(*arguments: str) -> str:
    error = (await invoke("settle", *arguments)).exception
    assert isinstance(error, NodeError)
    return str(error)


async def test_files_alone_are_settled_without_a_database(files: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "lines.csv"
    found = await settles(*files, *DAY, "--out", str(out), "--data-dir", str(tmp_path / "none"))
    assert found | {"sha256": ""} == {
        "day": "2026-03-14",
        "zone": "UTC",
        "engine": "duckdb",
        "contracts": 1,
        "contracts_settled": 1,
        "settled_wh": 600,
        "unmatched_export_wh": 100,
        "unmatched_import_wh": 0,
        "lines": 2,
        "totals": {"INR": {"ENERGY": "3.00", "WHEELING_FIXED": "2.50"}},
        "sha256": "",
    }
    assert out.read_text().splitlines()[1:] == ['c1,ENERGY,"",600,300,INR', 'c1,WHEELING_FIXED,"",0,250,INR']
    assert not (tmp_path / "none").exists()


async def test_people_read_a_table(files: tuple[str, ...]) -> None:
    said = printed(await invoke("settle", *files, *DAY))
    assert "1 of 1" in said
    assert "3.00 INR" in said


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
async def test_every_engine_tells_the_same_fingerprint(files: tuple[str, ...], database_url: str) -> None:
    found = [
        await settles(*files, *DAY, "--engine", engine, *more)
        for engine, more in (
            ("duckdb", ()),
            ("postgres", ("--database-url", database_url)),
            ("ibis", ("--url", "duckdb://")),
        )
    ]
    assert {each["sha256"] for each in found} == {found[0]["sha256"]}


async def test_an_open_day_is_settled_only_provisionally(files: tuple[str, ...]) -> None:
    assert "is open until" in await refused(*files, "--day", "2126-03-14")
    assert (await settles(*files, "--day", "2126-03-14", "--provisional"))["contracts"] == 0


async def test_what_cannot_be_done_is_said_before_anything_is_settled(files: tuple[str, ...]) -> None:
    assert "a file of lines ends in" in await refused(*files, *DAY, "--out", "lines.doc")
    assert "no IANA time zone" in (await invoke("settle", *files, *DAY, "--zone", "Mars")).output
    assert "Say --url" in await refused(*files, *DAY, "--engine", "clickhouse")


def test_an_engine_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "degnode.fleet", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'degnode\[fleet\]'"):
        make_engine(EngineName.SPARK, url=None, database=None)


async def test_a_node_s_own_day_comes_to_what_its_bill_says(
    uow_factory: UnitOfWorkFactory, database_url: str, database: Database
) -> None:
    world = await SellerWorld(uow_factory=uow_factory).open()
    contract = (await world.buy(10))["beckn:id"]
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [500, 500, 1000, 2000, 2000, 2000, 1500, 1500]))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, [300, 500, 700, 2500, 2000, 2000, 1500, 1]))
    await world.refresh_all()
    async with uow_factory() as uow:
        [bill] = await find_bills(contract, uow=uow)
    for engine in ("duckdb", "postgres"):
        found = await settles(
            "--readings", "db", "--contracts", "db", "--day", "2026-01-09", "--engine", engine,
            "--database-url", database_url,
        )  # fmt: skip
        assert found["settled_wh"] == 9501
        [items] = found["totals"].values()
        assert sum(map(Decimal, items.values())) == bill.total.amount


async def test_a_node_without_contracts_settles_nothing(database_url: str) -> None:
    found = await settles(
        "--readings", "db", "--contracts", "db", *DAY, "--database-url", database_url
    )  # fmt: skip
    assert (found["contracts"], found["lines"]) == (0, 0)
