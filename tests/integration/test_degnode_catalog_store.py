"""`degnode catalog` on a node's database: imported, listed, withdrawn, and told of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from bpp.api.publications import NobodyToTell
from bpp.catalog.changes import EntryUnknown
from bpp.catalog.versions import CatalogueVersions, VersionUnknown
from bpp.catalog_file.reader import CatalogueInvalid, load_catalogue
from bpp.publishing.publications import Publications, Scope, Sent
from kernel.clock import SystemClock
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.seller_world import CATALOGUE_FILE, ITEM, NOW, OFFER, SellerWorld
from trading.publication import Notice, PublicationResult, ResultStatus

OFFERS = f"id,resource,name,price_per_kwh\n{OFFER},,Solar for less,0.10\n"


class Operator:
    """Works on the command line of the node whose database it is."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.place = ("--database-url", database_url, "--data-dir", str(folder))

    async def tries(self, *arguments: str) -> Result:
        return await invoke("catalog", *arguments, *self.place, environment={"COLUMNS": "250"})

    async def runs(self, *arguments: str) -> str:
        return printed(await self.tries(*arguments))

    async def reads(self, *arguments: str) -> Any:
        return json.loads(await self.runs(*arguments, "--json"))


@pytest.fixture
def operator(database_url: str, tmp_path: Path) -> Operator:
    return Operator(database_url, tmp_path)


async def test_a_file_is_imported_once_and_its_history_is_told(operator: Operator, tmp_path: Path) -> None:
    trial = await operator.runs("import", str(CATALOGUE_FILE), "--dry-run")
    assert "would be made" in trial
    assert "would be added: 1 of the resources (rooftop-solar-07)" in trial
    assert isinstance((await operator.tries("show")).exception, VersionUnknown)
    assert "Version 1 of" in await operator.runs("import", str(CATALOGUE_FILE), "--why", "opening")
    assert "Nothing changes: version 1" in await operator.runs("import", str(CATALOGUE_FILE))
    table = tmp_path / "offers.csv"
    table.write_text(OFFERS)
    (outcome,) = await operator.reads("import", str(table))
    assert (outcome["version"], outcome["changed"]["offers"]) == (2, [OFFER])
    second, first = await operator.reads("history")
    assert (second["origin"], first["why"], first["version"]) == ("import", "opening", 1)
    assert "opening" in await operator.runs("history")
    (offer,) = await operator.reads("list")
    assert (offer["offer"], offer["price_per_kwh"]) == (OFFER, "0.10")
    assert "On offer: version 2" in await operator.runs("list")
    shown = tmp_path / "first.json"
    shown.write_text(await operator.runs("show", "1"))
    assert "Version 3" in await operator.runs("import", str(shown))


async def test_of_wrong_files_nothing_is_imported(operator: Operator, tmp_path: Path) -> None:
    table = tmp_path / "offers.csv"
    table.write_text(OFFERS)
    assert isinstance((await operator.tries("import", str(table))).exception, VersionUnknown)
    both = await operator.tries("import", str(CATALOGUE_FILE), str(CATALOGUE_FILE))
    assert isinstance(both.exception, CatalogueInvalid)
    table.write_text(OFFERS.replace("0.10", "cheap"))
    wrong = await operator.tries("import", str(CATALOGUE_FILE), str(table))
    assert isinstance(wrong.exception, CatalogueInvalid)
    assert wrong.exception.path == "offers.0.price_per_kwh"
    assert await operator.reads("history") == []


async def test_what_is_withdrawn_is_noted_if_it_was_sold(
    operator: Operator, uow_factory: UnitOfWorkFactory
) -> None:
    await operator.runs("import", str(CATALOGUE_FILE))
    world = SellerWorld(uow_factory=uow_factory)
    world.clock.set(SystemClock().now())
    async with uow_factory() as uow:
        await uow.connection.exec_driver_sql("UPDATE stock_buckets SET reserved_wh = 10000")
    done = await operator.tries("withdraw", ITEM, "--why", "storm damage")
    assert "withdrawn: 1 of the resources (rooftop-solar-07)" in printed(done)
    assert "10 kWh of rooftop-solar-07 are held or sold" in done.stderr.replace("\n", " ")
    assert isinstance((await operator.tries("withdraw", "moon", "--why", "x")).exception, EntryUnknown)
    async with uow_factory() as uow:
        assert await CatalogueVersions(uow.connection).latest_number() == 2


async def test_publications_are_asked_for_and_told_with_their_reasons(
    operator: Operator, uow_factory: UnitOfWorkFactory
) -> None:
    await operator.runs("import", str(CATALOGUE_FILE))
    assert isinstance((await operator.tries("publish")).exception, NobodyToTell)
    assert "cds.example as soon as it runs" in await operator.runs(
        "publish", "--to", "cds.example", "--whole"
    )
    sent = Sent(
        message_id="m-1",
        peer="cds.example",
        profile="v2_rc",
        version=1,
        scope=Scope.WHOLE,
        requested_by="Ada",
        published_at=NOW,
    )
    rejected = PublicationResult(
        catalogue_id="valley",
        status=ResultStatus.PARTIAL,
        items=1,
        errors=(Notice(code="SCH_TYPE_MISMATCH", message="one item has no provider"),),
    )
    async with uow_factory() as uow:
        kept = Publications(uow.connection)
        await kept.put(sent)
        await kept.record_results("m-1", [rejected], now=NOW)
    told = await operator.runs("publications")
    for words in ("cds.example", "valley: PARTIAL, 1 items", "one item has no provider (SCH_TYPE_MISMATCH)"):
        assert words in told
    (view,) = await operator.reads("publications")
    assert (view["delivery"], view["results"][0]["items"]) == ("not sent", 1)


async def test_a_forecast_is_taken_and_what_is_oversold_by_it_is_told(
    operator: Operator, tmp_path: Path, uow_factory: UnitOfWorkFactory
) -> None:
    table, shop = tmp_path / "forecast.csv", tmp_path / "shop.yaml"
    hour = {"tradeStartTime": "2036-01-09T10:00:00Z", "tradeEndTime": "2036-01-09T11:00:00Z"}
    table.write_text(f"start,end,kwh\n{','.join(hour.values())},4\n")
    assert isinstance((await operator.tries("forecast", ITEM, str(table))).exception, VersionUnknown)
    to_come = CATALOGUE_FILE.read_text().replace("2026-01-09T1", "2036-01-09T1")
    shop.write_text(to_come.replace("available_kwh: 30.5", "availability: {from: forecast}"))
    await operator.runs("import", str(shop))
    told = await operator.runs("forecast", ITEM, str(table), "--why", "clouds")
    assert told == "4 kWh of rooftop-solar-07 are forecast in 1 intervals."
    world = SellerWorld(uow_factory=uow_factory).selling(catalogue=load_catalogue(shop))
    sold = (await world.buy(3, **hour))["beckn:id"]
    table.write_text(table.read_text().replace(",4", ",1"))
    note = " ".join((await operator.tries("forecast", ITEM, str(table))).stderr.split())
    assert "3 kWh of rooftop-solar-07 from 2036-01-09T10:00:00Z" in note
    assert f"Curtail contracts by 2 kWh in all (POST /api/v1/contracts/ID/curtailments): {sold}" in note
    (over,) = await operator.reads("forecast", ITEM, str(table))
    assert (over["start"], over["taken_watt_hours"], over["sold_to"]) == (
        hour["tradeStartTime"],
        3_000,
        [sold],
    )
