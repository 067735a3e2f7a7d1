"""Validation, estimates, edits and rules over HTTP and on the command line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import func, select

from bpp.api.meters import meter_router
from bpp.api.validation import vee_router
from bpp.meters.news import tell_of_readings
from kernel.clock import ManualClock
from kernel.errors import NodeError
from metering.ingest import record_mirror_document
from metering.registration.record import MeterIdentity, MeterTerms
from metering.registration.registry import MeterRegistry
from metering.sep.writer import write_mirror_usage_point
from metering.vee.tables import meter_checks_due
from node.api_key_store import ApiKeyWish, issue_api_key
from node.audit import Actor, list_acts
from node.scopes import Scope
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.metering_documents import METER, MIDNIGHT, NOW, document, meter, reading, register
from tests.support.metering_vee import LATER, but
from tests.support.seller_api import KEY, Connect, seller_api

HERE: Final = f"/api/v1/meters/{METER}"
THE_DAY: Final = {"first": "2026-03-14", "last": "2026-03-14"}
QUARTER_TEN: Final = {"start": "2026-03-14T02:30:00Z", "end": "2026-03-14T02:45:00Z"}


@pytest.fixture
def connect(uow_factory: UnitOfWorkFactory) -> Connect:
    """Return clients of the real application, each with its API key."""
    clock = ManualClock(LATER)
    routers = [
        vee_router(uow_factory=uow_factory, clock=clock),
        meter_router(uow_factory=uow_factory, clock=clock),
    ]
    return seller_api(routers, uow_factory=uow_factory, clock=clock)


@pytest.fixture
async def client(connect: Connect, uow_factory: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an operator; the meter reported a day without its tenth quarter of an hour."""
    async with uow_factory() as uow:
        result = await record_mirror_document(document(*but(10, 11)), uow=uow, now=NOW, sender="utility")
        await tell_of_readings(uow, [result], NOW)
    async with connect(KEY) as connected:
        yield connected


async def told(client: httpx.AsyncClient, method: str, path: str, **how: Any) -> Any:
    response = await client.request(method, path, **how)
    assert response.is_success, response.text
    return response.json() if response.content else None


async def state(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = await told(client, "GET", f"{HERE}/days/2026-03-14")
    return found


async def test_a_gap_is_found_filled_edited_and_the_day_is_final(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    assert (await state(client))["state"] == "INCOMPLETE"
    verdicts = (await told(client, "POST", f"{HERE}/validations", json=THE_DAY))["verdicts"]
    assert [item["rule"] for item in verdicts[0]["findings"]] == ["GAP"]
    assert "Itron" in verdicts[0]["findings"][0]["source"]

    form = {**THE_DAY, "why": "the bill is due"}
    (gap,) = (await told(client, "POST", f"{HERE}/estimates", json=form))["gaps"]
    assert (gap["method"], gap["watt_hours"], gap["refusal"]) == ("interpolation", [260], None)
    provisional = await state(client)
    assert (provisional["state"], provisional["estimated_percent"]) == ("PROVISIONAL", "1.04")

    edit = {**QUARTER_TEN, "watt_hours": 270, "why": "read off the display"}
    done = await told(client, "POST", f"{HERE}/edits", json=edit)
    assert (done["watt_hours_before"], done["quality_before"]) == (260, ["estimated-by-interpolation"])
    await told(client, "POST", f"{HERE}/validations", json=THE_DAY)
    assert (await state(client))["state"] == "FINAL"
    (finding,) = (await told(client, "GET", f"{HERE}/findings", params=THE_DAY))["findings"]
    assert (finding["rule"], finding["current"]) == ("GAP", False)

    async with uow_factory() as uow:
        acts = [item.act for item in await list_acts(uow, limit=10)]
        due = await uow.connection.execute(select(func.count()).select_from(meter_checks_due))
    assert [(act.what, act.why) for act in acts] == [
        ("meter_reading.edited", "read off the display"),
        ("meter_day.estimated", "the bill is due"),
    ]
    assert acts[0].before == {"watt_hours": 260, "quality": ["estimated-by-interpolation"]}
    assert due.scalar_one() == 1


async def test_a_rule_is_set_for_a_day_and_shown(client: httpx.AsyncClient) -> None:
    said = {"rule": "GAP", "meter": METER, "enabled": False, "valid_from": "2026-03-14", "why": "a test"}
    await told(client, "POST", "/api/v1/meter-rules", json=said)
    by_day = {
        day: {item["rule"]: item["enabled"] for item in rules["rules"]}["GAP"]
        for day in ("2026-03-13", "2026-03-14")
        for rules in [await told(client, "GET", f"{HERE}/rules", params={"day": day})]
    }
    assert by_day == {"2026-03-13": True, "2026-03-14": False}
    verdicts = (await told(client, "POST", f"{HERE}/validations", json=THE_DAY))["verdicts"]
    assert verdicts[0]["findings"] == []


async def test_a_refused_edit_leaves_nothing_behind(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    edit = {**QUARTER_TEN, "watt_hours": 270, "why": "a guess"}
    response = await client.post(f"{HERE}/edits", json=edit)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "METER_READING_NOT_THERE")
    twice = {**edit, "end": "2026-03-14T03:00:00Z", "is_new": True}
    response = await client.post(f"{HERE}/edits", json=twice)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "METER_DECISION_REFUSED")
    async with uow_factory() as uow:
        assert await list_acts(uow, limit=10) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "validations", THE_DAY),
        ("POST", "estimates", {**THE_DAY, "why": "a test"}),
        ("POST", "edits", {**QUARTER_TEN, "watt_hours": 1, "why": "a test"}),
    ],
)
async def test_who_sends_readings_or_reads_them_may_not_decide_on_them(
    client: httpx.AsyncClient,
    connect: Connect,
    uow_factory: UnitOfWorkFactory,
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    assert client.is_closed is False
    async with uow_factory() as uow:
        wish = ApiKeyWish(name="feed", scopes=frozenset({Scope.METERS_WRITE, Scope.METERS_READ}))
        key = (await issue_api_key(uow, wish, by=Actor(who="op"), now=NOW)).text
    async with connect(key) as feed:
        response = await feed.request(method, f"{HERE}/{path}", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "AUT_UNAUTHORIZED_ACTION")


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("days/2026-03-14", {"zone": "Mars/Base"}, 422),
        ("days/9999-12-31", {}, 422),
        ("findings", {"first": "2026-03-14", "last": "2026-03-13"}, 422),
        ("findings", {"first": "2026-03-14"}, 422),
    ],
)
async def test_questions_that_nobody_can_answer_are_refused(
    client: httpx.AsyncClient, path: str, params: dict[str, str], status: int
) -> None:
    response = await client.get(f"{HERE}/{path}", params=params)
    assert response.status_code == status


async def test_a_meter_that_never_reported_is_unknown(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/meters/0BAD/days/2026-03-14")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "METER_UNKNOWN")


async def passed_on(uow_factory: UnitOfWorkFactory, instant: datetime) -> None:
    """Let the id M1 pass at an instant from the meter to one that was exchanged for it."""
    async with uow_factory() as uow:
        other = write_mirror_usage_point(meter(register(but(0, 0, day=1)), mrid="0100200999"))
        await record_mirror_document(other, uow=uow, now=LATER + timedelta(days=1), sender="utility")
        for mrid, ids, start in (
            (METER, ("M1",), MIDNIGHT - timedelta(days=30)),
            (METER, (), instant),
            ("0100200999", ("M1",), instant),
        ):
            await MeterRegistry(uow.connection).add(
                MeterIdentity.of(mrid=mrid, device_lfdi=None),
                MeterTerms(external_ids=ids),
                valid_from=start,
                holder=None,
                made_by="op",
                why="a test",
                now=NOW,
            )


async def test_a_decision_on_a_past_day_is_about_the_meter_that_went_by_the_id_then(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory, database_url: str
) -> None:
    await passed_on(uow_factory, NOW)
    here = "/api/v1/meters/M1"
    (verdict,) = (await told(client, "POST", f"{here}/validations", json=THE_DAY))["verdicts"]
    assert [item["rule"] for item in verdict["findings"]] == ["GAP"]
    (gap,) = (await told(client, "POST", f"{here}/estimates", json={**THE_DAY, "why": "a test"}))["gaps"]
    assert gap["watt_hours"] == [260]
    edit = {**QUARTER_TEN, "watt_hours": 270, "why": "a test"}
    assert (await told(client, "POST", f"{here}/edits", json=edit))["watt_hours_before"] == 260
    days = ("--from", "2026-03-14", "--to", "2026-03-14", "--database-url", database_url)
    assert "GAP" in printed(await invoke("meter", "findings", "M1", *days))


async def test_an_id_that_passed_on_within_the_days_is_refused(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    await passed_on(uow_factory, MIDNIGHT + timedelta(hours=12))
    response = await client.post("/api/v1/meters/M1/validations", json=THE_DAY)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "METER_AMBIGUOUS")
    edit = {"start": "2026-03-14T11:45:00Z", "end": "2026-03-14T12:15:00Z", "watt_hours": 1, "why": "a test"}
    response = await client.post("/api/v1/meters/M1/edits", json=edit)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "METER_AMBIGUOUS")


async def test_an_id_that_nobody_went_by_then_is_unknown(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    await passed_on(uow_factory, NOW)
    response = await client.get("/api/v1/meters/M1/days/2026-01-14")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "METER_UNKNOWN")


async def test_which_of_several_devices_is_meant_can_be_said(
    client: httpx.AsyncClient, uow_factory: UnitOfWorkFactory
) -> None:
    async with uow_factory() as uow:
        other = write_mirror_usage_point(meter(register(but(0, 0)), lfdi="A" * 40))
        await record_mirror_document(other, uow=uow, now=NOW, sender="utility")
    response = await client.post(f"{HERE}/validations", json=THE_DAY)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "METER_AMBIGUOUS")
    device = {"device_lfdi": "a" * 40}
    (verdict,) = (await told(client, "POST", f"{HERE}/validations", json=THE_DAY, params=device))["verdicts"]
    assert verdict["findings"] == []
    edit = {**QUARTER_TEN, "watt_hours": 270, "why": "a test"}
    assert (await told(client, "POST", f"{HERE}/edits", json=edit, params=device))["watt_hours_before"] == 260
    rule = {"rule": "GAP", "meter": METER, "enabled": False, "valid_from": "2026-03-14", "why": "a test"}
    await told(client, "POST", "/api/v1/meter-rules", json=rule, params=device)


async def test_the_command_line_does_the_same(uow_factory: UnitOfWorkFactory, database_url: str) -> None:
    async def runs(*arguments: str) -> str:
        return printed(await invoke("meter", *arguments, "--database-url", database_url))

    async with uow_factory() as uow:
        await record_mirror_document(document(*but(10, 11)), uow=uow, now=NOW, sender="utility")
    days = ("--from", "2026-03-14", "--to", "2026-03-14")
    assert "GAP" in await runs("validate", METER, *days)
    (gap,) = json.loads(await runs("estimate", METER, *days, "--why", "the bill is due", "--json"))
    assert gap["watt_hours"] == [260]
    period = ("--from", QUARTER_TEN["start"], "--to", QUARTER_TEN["end"])
    said = await runs("edit", METER, "270", *period, "--why", "read off the display")
    assert "260 Wh (estimated-by-interpolation) before, 270 Wh (edited) now" in said
    await runs("rule", "SPIKE", "--from", "2026-03-14", "--set", "tolerance_percent=10", "--why", "a test")
    rules = json.loads(await runs("rules", METER, "--on", "2026-03-14", "--json"))
    assert {item["rule"]: item["settings"] for item in rules}["SPIKE"]["tolerance_percent"] == 10
    assert "0 of them" in await runs("validate", METER, *days)
    assert "FINAL" in await runs("day", METER, "2026-03-14")
    assert [item["current"] for item in json.loads(await runs("findings", METER, *days, "--json"))] == [False]


async def test_what_cannot_be_said_on_the_command_line_is_refused(
    uow_factory: UnitOfWorkFactory, database_url: str
) -> None:
    async with uow_factory() as uow:
        await record_mirror_document(document(reading(1)), uow=uow, now=NOW, sender="utility")
    at = ("--database-url", database_url, "--from", "2026-03-14", "--why", "a test")
    assert (await invoke("meter", "rule", "SPIKE", "--set", "tolerance_percent=x", *at)).exit_code == 2
    refused = await invoke("meter", "rule", "HOROSCOPE", "--off", *at)
    assert isinstance(refused.exception, NodeError)
