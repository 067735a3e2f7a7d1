"""`degnode meter`: registered, exchanged, listed, shown and read back, as a person types it."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from kernel.errors import NodeError
from metering.exports.pages import WindowTooLong
from metering.ingest import record_mirror_document
from metering.registration.record import ExternalIdTaken
from metering.registration.resolver import MeterIdUnknown
from node.audit import list_acts
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.metering_documents import METER, NOW, SUMMATION, day_of_readings, document, stand

WINDOW = ("--from", "2026-03-14T00:00:00Z", "--to", "2026-03-15T00:00:00Z")
SINCE = ("--valid-from", "2026-03-01T00:00:00Z")


class Operator:
    """Works on the command line of the node whose database it is."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    async def runs(self, *arguments: str) -> str:
        """Return what a command prints that ends well."""
        return printed(await self.tries(*arguments))

    async def tries(self, *arguments: str) -> Result:
        return await invoke("meter", *arguments, "--database-url", self._database_url)

    async def refused(self, *arguments: str) -> NodeError:
        """Return why a command was refused."""
        error = (await self.tries(*arguments)).exception
        assert isinstance(error, NodeError)
        return error

    async def reads(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.runs(*arguments, "--json"))
        return found


@pytest.fixture
def operator(database_url: str) -> Operator:
    return Operator(database_url)


@pytest.fixture
async def day(uow_factory: UnitOfWorkFactory) -> None:
    """A meter that has told a day."""
    async with uow_factory() as uow:
        raw = document(*day_of_readings())
        await record_mirror_document(raw, uow=uow, now=NOW, sender="utility")


async def test_a_meter_is_registered_listed_and_shown(
    operator: Operator, uow_factory: UnitOfWorkFactory
) -> None:
    said = await operator.runs(
        "register", "100200300", "--id", "M1", "--id", "der://meter/7", "--owner", "Asha", "--side", "source",
        "--zone", "Asia/Kolkata", "--sanctioned-watts", "5000", "--import-modulus", "100000000",
        "--interval", "15m", "--inverter", "INV-7", "--why", "a new roof", *SINCE,
    )  # fmt: skip
    assert "M1, der://meter/7" in said
    (listed,) = await operator.reads("list")
    assert (listed["mrid"], listed["role"], listed["interval_seconds"]) == (METER.zfill(32), "source", 900)
    (shown,) = await operator.reads("show", "der://meter/7")
    assert shown["registration"] == listed == shown["history"][0]
    assert "(command line)" in listed["made_by"]
    assert "Asha" in await operator.runs("list")
    assert "owner: Asha" in await operator.runs("show", "M1")
    async with uow_factory() as uow:
        (act,) = await list_acts(uow, what="meter", limit=10)
    assert (act.act.what, act.act.why) == ("meter.registered", "a new roof")


async def test_what_cannot_be_is_refused_in_words(operator: Operator) -> None:
    await operator.runs("register", METER, "--id", "M1", "--why", "new", *SINCE)
    taken = await operator.refused("register", "AB", "--id", "M1", "--why", "new", *SINCE)
    assert isinstance(taken, ExternalIdTaken)
    assert isinstance(await operator.refused("show", "M2"), MeterIdUnknown)
    long = ("--from", "1990-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z")
    assert isinstance(await operator.refused("readings", "M1", *long), WindowTooLong)
    parquet = await operator.tries("readings", "M1", *WINDOW, "--format", "parquet")
    assert (parquet.exit_code, "--output FILE" in parquet.output) == (2, True)
    for wrong in (
        ("--from", "March", "--to", "2026-03-15"),
        ("--from", "2026-03-14", "--to", "2026-03-15", "--zone", "X"),
    ):
        assert (await operator.tries("days", "M1", *wrong)).exit_code == 2


async def test_an_exchange_is_told_shown_and_withdrawn(
    operator: Operator, uow_factory: UnitOfWorkFactory
) -> None:
    async with uow_factory() as uow:
        raw = document(stand(900, quarter=0), kind=SUMMATION)
        await record_mirror_document(raw, uow=uow, now=NOW, sender="utility")
    told = ("exchange", METER, "--at", "2026-03-14T00:30:00Z", "--why", "a new meter")
    await operator.runs(*told, "--direction", "import", "--last", "960", "--first", "2")
    (shown,) = await operator.reads("show", METER)
    assert [(item["direction"], item["last_watt_hours"]) for item in shown["exchanges"]] == [("import", 960)]
    assert "960" in await operator.runs("show", METER)
    await operator.runs(*told, "--withdraw")
    (shown,) = await operator.reads("show", METER)
    assert shown["exchanges"] == []


@pytest.mark.usefixtures("day")
async def test_energy_is_read_back_in_every_form(operator: Operator, tmp_path: Path) -> None:
    expected = [250 + number for number in range(96)]
    file = tmp_path / "day.csv"
    await operator.runs("readings", METER, *WINDOW, "--output", str(file))
    assert [int(row["watt_hours"]) for row in csv.DictReader(StringIO(file.read_text()))] == expected
    assert (await operator.runs("readings", METER, *WINDOW)).splitlines() == file.read_text().splitlines()
    lines = (await operator.runs("readings", METER, *WINDOW, "--format", "json")).splitlines()
    assert [json.loads(line)["watt_hours"] for line in lines] == expected
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    columns = tmp_path / "day.parquet"
    await operator.runs("readings", METER, *WINDOW, "--format", "parquet", "-o", str(columns))
    assert parquet.read_table(columns).column("watt_hours").to_pylist() == expected
    assert not file.with_name("day.csv.part").exists()
    before = await operator.runs("readings", METER, *WINDOW, "--as-of", "2026-03-14T00:00:00Z")
    assert len(before.splitlines()) == 1


@pytest.mark.usefixtures("day")
async def test_days_are_counted_where_the_meter_is(operator: Operator) -> None:
    dates = ("--from", "2026-03-14", "--to", "2026-03-14")
    assert "96" in await operator.runs("days", METER, *dates)
    await operator.runs("register", METER, "--zone", "Asia/Kolkata", "--why", "new", *SINCE)
    assert "74" in await operator.runs("days", METER, *dates)
