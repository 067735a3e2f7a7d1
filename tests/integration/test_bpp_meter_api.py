"""Meters over HTTP: registered, looked at, and their energy read back as JSON, CSV and Parquet."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bpp.api.meters import meter_router
from kernel.clock import ManualClock
from metering.documents import Reading, ReadingType
from metering.ingest import record_mirror_document
from metering.sep.writer import write_mirror_usage_point
from node.api_key_store import ApiKeyWish, issue_api_key
from node.audit import Actor, list_acts
from node.scopes import Scope
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.metering_documents import (
    DELTA,
    METER,
    NOW,
    QUARTER,
    START,
    SUMMATION,
    day_of_readings,
    document,
    meter,
    reading,
    register,
    stand,
)
from tests.support.seller_api import KEY, Connect, seller_api

METERS = "/api/v1/meters"
FROM, TO = "2026-03-14T00:00:00Z", "2026-03-15T00:00:00Z"
DAY = {"from": FROM, "to": TO}
WATTS = ReadingType(accumulation_behaviour=12, commodity=1, flow_direction=1, kind=37, uom=38)


@pytest.fixture
def connect(uow_factory: UnitOfWorkFactory) -> Connect:
    """Return clients of the real application, each with its API key."""
    clock = ManualClock(NOW)
    routers = [meter_router(uow_factory=uow_factory, clock=clock)]
    return seller_api(routers, uow_factory=uow_factory, clock=clock)


@pytest.fixture
async def client(connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(KEY) as connected:
        yield connected


async def report(uow_factory: UnitOfWorkFactory, *readings: Reading, **how: Any) -> None:
    sender, now = how.pop("sender", "utility"), how.pop("now", NOW)
    async with uow_factory() as uow:
        raw = document(*readings, **how)
        await record_mirror_document(raw, uow=uow, now=now, sender=sender)


async def new_key(uow_factory: UnitOfWorkFactory, name: str, *scopes: Scope) -> str:
    async with uow_factory() as uow:
        wish = ApiKeyWish(name=name, scopes=frozenset(scopes))
        return (await issue_api_key(uow, wish, by=Actor(who="op"), now=NOW)).text


def form(mrid: str = METER, **more: Any) -> dict[str, Any]:
    return {"mrid": mrid, "why": "a new meter", "valid_from": FROM} | more


async def registered(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    response = await client.post(METERS, json=form(**more))
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_a_meter_is_registered_shown_and_the_act_is_on_record(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    said = {
        "external_ids": ["M1", "der://meter/7"], "owner": "Asha", "zone": "Asia/Kolkata", "role": "source",
        "sanctioned_watts": 5000, "import_modulus": 10**8, "interval_seconds": 900, "inverter_id": "INV-7",
    }  # fmt: skip
    made = await registered(client, **said)
    assert {name: made[name] for name in said} == said
    assert (made["version"], made["mrid"], made["valid_from"]) == (1, METER.zfill(32), FROM)
    await registered(client, **said | {"owner": "Ravi"})
    for name in ("M1", quote("der://meter/7", safe=""), "der://meter/7", "100200300"):
        whole = (await client.get(f"{METERS}/{name}")).json()
        assert whole["registration"]["owner"] == "Ravi"
        assert [version["owner"] for version in whole["history"]] == ["Asha", "Ravi"]
    async with uow_factory() as uow:
        newest, first = await list_acts(uow, what="meter.registered", limit=10)
    assert first.act.before is None
    assert newest.act.before is not None
    assert newest.act.after is not None
    assert (newest.act.before["owner"], newest.act.after["owner"]) == ("Asha", "Ravi")
    assert (newest.act.why, newest.act.target) == ("a new meter", METER.zfill(32))


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"mrid": "garage"}, 400, "METER_ID_INVALID"),
        ({"zone": "Mars/Olympus"}, 422, "METER_REGISTRATION_INVALID"),
        ({"import_modulus": 10**8}, 422, "METER_REGISTRATION_INVALID"),
        ({"sanctioned_watts": 10**30}, 422, "METER_REGISTRATION_INVALID"),
        ({"external_ids": ["\x00"]}, 422, "METER_REGISTRATION_INVALID"),
        ({"device_lfdi": "AB"}, 422, "METER_REGISTRATION_INVALID"),
        ({"mrid": "F" * 32}, 422, "METER_REGISTRATION_INVALID"),
        ({"role": "both sides"}, 422, "SCH_SCHEMA_VALIDATION_FAILED"),
        ({"colour": "green"}, 422, "SCH_SCHEMA_VALIDATION_FAILED"),
        ({"why": ""}, 422, "SCH_SCHEMA_VALIDATION_FAILED"),
        ({"valid_from": "2026-03-14T00:00:00"}, 422, "SCH_SCHEMA_VALIDATION_FAILED"),
    ],
)
async def test_what_cannot_be_registered_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, more: dict[str, Any], status: int, code: str
) -> None:
    response = await client.post(METERS, json=form(**more))
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert (await client.get(METERS)).json() == {"meters": [], "next": None}


async def test_meters_are_listed_page_by_page(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await registered(client, mrid=f"A{number}")
    found: list[str] = []
    after: str | None = None
    for _ in range(3):
        page = (await client.get(METERS, params={"limit": 2} | ({"after": after} if after else {}))).json()
        found += [item["mrid"][-2:] for item in page["meters"]]
        after = page["next"]
    assert (found, after) == ([f"A{number}" for number in range(5)], None)
    assert (await client.get(METERS, params={"after": "x"})).status_code == 422


async def test_a_key_registers_its_own_meters_and_reads_none_without_that_scope(
    client: httpx.AsyncClient, connect: Connect, uow_factory: UnitOfWorkFactory
) -> None:
    await report(uow_factory, reading(1), sender="roof")
    roof = await new_key(uow_factory, "roof", Scope.METERS_WRITE)
    mallory = await new_key(uow_factory, "mallory", Scope.METERS_WRITE)
    reader = await new_key(uow_factory, "reader", Scope.METERS_READ)
    async with connect(mallory) as theirs:
        assert code_of(await theirs.post(METERS, json=form(owner="Mallory"))) == (
            403,
            "METER_OF_ANOTHER_SENDER",
        )
        exchange = {"at": FROM, "why": "to confuse"}
        refused = await theirs.post(f"{METERS}/{METER}/exchanges", json=exchange)
        assert code_of(refused) == (403, "METER_OF_ANOTHER_SENDER")
        planted = await theirs.post(f"{METERS}/ABCDEF/exchanges", json=exchange)
        assert code_of(planted) == (404, "METER_UNKNOWN")
        assert (await theirs.get(METERS)).status_code == 403
    async with connect(roof) as own:
        assert (await registered(own, external_ids=["M1"]))["version"] == 1
    async with connect(reader) as looking:
        assert (
            (await looking.get(f"{METERS}/M1")).json()["registration"]["made_by"].startswith("API key roof")
        )
        assert (await looking.post(METERS, json=form())).status_code == 403
    assert code_of(await client.post(METERS, json=form("AB", external_ids=["M1"]))) == (
        409, "METER_EXTERNAL_ID_TAKEN",
    )  # fmt: skip


async def test_an_exchange_that_is_told_lets_a_register_count_on(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    stands = [stand(900, quarter=0), stand(950, quarter=1), stand(7, quarter=3)]
    await report(uow_factory, *stands, kind=SUMMATION)
    (aside,) = (await client.get(f"{METERS}/{METER}/quarantine")).json()["readings"]
    assert (aside["reason"], "say when" in aside["sentence"]) == ("REGISTER_FELL", True)
    told = {"at": "2026-03-14T00:30:00Z", "direction": "import", "last_watt_hours": 960,
            "first_watt_hours": 2, "why": "the meter was exchanged"}  # fmt: skip
    assert (await client.post(f"{METERS}/{METER}/exchanges", json=told)).status_code == 204
    await report(uow_factory, *stands, kind=SUMMATION)
    answer = (await client.get(f"{METERS}/{METER}/readings", params=DAY)).json()
    assert [item["watt_hours"] for item in answer["intervals"]] == [50, 10, 5]
    (shown,) = (await client.get(f"{METERS}/{METER}")).json()["exchanges"]
    assert (shown["direction"], shown["last_watt_hours"]) == ("import", 960)
    async with uow_factory() as uow:
        (act,) = await list_acts(uow, what="meter.register_exchanged", limit=10)
    assert act.act.why == "the meter was exchanged"
    withdrawn = await client.post(f"{METERS}/{METER}/exchanges", json=told | {"withdrawn": True})
    assert withdrawn.status_code == 204
    assert (await client.get(f"{METERS}/{METER}")).json()["exchanges"] == []


async def test_readings_come_with_their_quality_in_bits_and_words_their_revision_and_their_time(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    await report(uow_factory, reading(100, quality=1), reading(200, quarter=1))
    await report(uow_factory, reading(101, quality=17), now=NOW + timedelta(hours=1))
    path = f"{METERS}/100200300/readings"
    later = {"as_of": "2026-03-15T09:00:00Z"}
    first, second = (await client.get(path, params=DAY | later)).json()["intervals"]
    assert first == {
        "meter": METER.zfill(32), "start": FROM, "end": "2026-03-14T00:15:00Z", "watt_hours": 101,
        "quality": {"bits": 17, "words": ["valid", "questionable"]}, "revision": 1,
        "received_at": "2026-03-15T01:00:00Z",
    }  # fmt: skip
    assert (second["watt_hours"], second["quality"]) == (200, {"bits": 0, "words": []})
    before = (await client.get(path, params=DAY)).json()["intervals"]
    assert (before[0]["watt_hours"], before[0]["revision"]) == (100, 0)
    assert (await client.get(path, params=DAY | {"direction": "export"})).json()["intervals"] == []


async def test_pages_follow_each_other_without_cutting_an_interval(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    await report(uow_factory, *day_of_readings(), reading(5_000, start=START + 86_400, duration=86_400),
                 now=NOW + timedelta(days=2))  # fmt: skip
    window = {"from": "2026-03-13T23:59:59.5Z", "to": "2026-03-15T12:00:00Z", "as_of": "2026-03-20T00:00:00Z"}
    whole = (await client.get(f"{METERS}/{METER}/readings", params=window)).json()
    assert (len(whole["intervals"]), whole["next"]) == (97, None)
    assert whole["intervals"][-1]["watt_hours"] == 2_500  # half of the long one lies within
    found: list[dict[str, Any]] = []
    address: str | None = str(httpx.URL(f"{METERS}/{METER}/readings", params=window | {"limit": "20"}))
    while address is not None:
        page = (await client.get(address)).json()
        assert 0 < len(page["intervals"]) <= 20
        found, address = found + page["intervals"], page["next"]
    assert found == whole["intervals"]


async def test_csv_and_parquet_hold_what_json_holds(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    await report(uow_factory, *day_of_readings())
    path = f"{METERS}/{METER}/readings"
    told = [item["watt_hours"] for item in (await client.get(path, params=DAY)).json()["intervals"]]
    assert len(told) == 96
    by_name = await client.get(path, params=DAY | {"format": "csv"})
    by_header = await client.get(path, params=DAY, headers={"Accept": "text/csv"})
    assert by_name.text == by_header.text
    assert by_name.headers["content-type"].startswith("text/csv")
    assert [int(row["watt_hours"]) for row in csv.DictReader(StringIO(by_name.text))] == told
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    answer = await client.get(path, params=DAY, headers={"Accept": "application/vnd.apache.parquet"})
    table = parquet.read_table(BytesIO(answer.content))
    assert table.column("watt_hours").to_pylist() == told


async def test_without_pyarrow_parquet_is_refused_in_words(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    response = await client.get(f"{METERS}/{METER}/readings", params=DAY | {"format": "parquet"})
    assert code_of(response) == (501, "FORMAT_UNAVAILABLE")
    assert "degnode[parquet]" in response.text


@pytest.mark.parametrize(
    ("name", "parameters", "status"),
    [
        ("garage", DAY, 404),
        ("%00", DAY, 404),
        (METER, {"from": TO, "to": FROM}, 422),
        (METER, {"from": FROM, "to": FROM}, 422),
        (METER, {"from": "0001-01-01T00:00:00+23:00", "to": TO}, 422),
        (METER, {"from": "1990-01-01T00:00:00Z", "to": TO}, 422),
        (METER, {"from": FROM}, 422),
        (METER, DAY | {"limit": "0"}, 422),
        (METER, DAY | {"format": "xlsx"}, 422),
        (METER, {"from": "9990-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, 200),
    ],
)
@pytest.mark.parametrize("form", ["json", "csv"])
async def test_what_cannot_be_read_back_is_refused_before_anything_is_answered(
    client: httpx.AsyncClient, name: str, parameters: dict[str, str], status: int, form: str
) -> None:
    response = await client.get(f"{METERS}/{name}/readings", params={"format": form} | parameters)
    assert response.status_code == status


async def test_an_mrid_of_two_devices_is_refused_before_a_file_begins(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    for lfdi in ("AA" * 20, "BB" * 20):
        async with uow_factory() as uow:
            raw = write_mirror_usage_point(meter(register([reading(1)]), lfdi=lfdi))
            await record_mirror_document(raw, uow=uow, now=NOW, sender=lfdi)
    for form in ("json", "csv", "parquet"):
        response = await client.get(f"{METERS}/{METER}/readings", params=DAY | {"format": form})
        assert code_of(response) == (409, "METER_AMBIGUOUS")
    await registered(client, external_ids=["M2"], device_lfdi="BB" * 20)
    named = await client.get(f"{METERS}/M2/readings", params=DAY)
    assert [item["watt_hours"] for item in named.json()["intervals"]] == [1]


async def test_days_say_how_complete_they_are_where_the_meter_is(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    await registered(client, external_ids=["M1"], zone="Asia/Kolkata", interval_seconds=900)
    await report(uow_factory, *day_of_readings()[:80], reading(7, quarter=80, quality=4))
    asked = {"first": "2026-03-14", "last": "2026-03-15"}
    answer = (await client.get(f"{METERS}/M1/completeness", params=asked)).json()
    assert answer["zone"] == "Asia/Kolkata"
    first, second = answer["days"]
    assert (first["start"], first["expected"], first["measured"]) == ("2026-03-13T18:30:00Z", 96, 74)
    assert (first["missing"], first["estimated"]) == (22, 0)
    assert (second["measured"], second["estimated"], second["missing"]) == (6, 1, 89)
    for wrong in (
        {"zone": "Mars/Olympus"},
        {"last": "2026-03-13"},
        {"last": "2036-03-13"},
        {"last": "9999-12-31"},
    ):
        assert (await client.get(f"{METERS}/M1/completeness", params=asked | wrong)).status_code == 422


async def test_power_is_told_apart_and_of_a_day_at_most(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    await report(uow_factory, reading(-1500, duration=0), kind=WATTS)
    (told,) = (await client.get(f"{METERS}/{METER}/power", params=DAY)).json()["power"]
    assert (told["watts"], told["start"], told["end"]) == (-1500, FROM, FROM)
    assert (await client.get(f"{METERS}/{METER}/readings", params=DAY)).json()["intervals"] == []
    week = {"from": FROM, "to": "2026-03-21T00:00:00Z"}
    assert (await client.get(f"{METERS}/{METER}/power", params=week)).status_code == 422


@pytest.mark.parametrize(
    "path", ["", "/M1", "/M1/readings", "/M1/quarantine", "/M1/completeness", "/M1/power"]
)
async def test_nothing_of_a_meter_is_told_without_a_key(connect: Connect, path: str) -> None:
    async with connect("") as nobody:
        assert (await nobody.get(f"{METERS}{path}", params=DAY)).status_code == 401


async def test_weeks_of_quarter_hours_stream_in_order(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    days = 60
    for day in range(days):
        start = START - (days - day) * 86_400
        await report(uow_factory, *_quarters(start), kind=None if day else DELTA)
    window = {"from": "2026-01-01T00:00:00Z", "to": FROM, "format": "csv"}
    rows = list(
        csv.DictReader(StringIO((await client.get(f"{METERS}/{METER}/readings", params=window)).text))
    )
    assert len(rows) == days * 96
    assert [row["start"] for row in rows] == sorted(row["start"] for row in rows)
    assert sum(int(row["watt_hours"]) for row in rows) == days * sum(range(96))


def _quarters(start: int) -> Iterable[Reading]:
    return [reading(quarter, start=start + quarter * QUARTER) for quarter in range(96)]


async def test_the_operators_clock_says_from_when_a_registration_holds(client: httpx.AsyncClient) -> None:
    made = await registered(client, valid_from=None)
    assert made["valid_from"] == made["recorded_at"] == TO
