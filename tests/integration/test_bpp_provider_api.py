"""The operator's API and the open tracking page, through the real application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bpp.api.meters import meter_router
from bpp.api.provider import provider_router, tracking_router
from metering.ingest import record_mirror_document
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support import metering_documents as metering
from tests.support.seller_api import KEY as OPERATORS_KEY
from tests.support.seller_api import seller_api
from tests.support.seller_world import BPP_URL, TARGET_METER, WINDOW, SellerWorld

KEY = {"X-Api-Key": OPERATORS_KEY}


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


@pytest.fixture
async def client(world: SellerWorld) -> AsyncIterator[httpx.AsyncClient]:
    routers = [
        provider_router(uow_factory=world.uow_factory, clock=world.clock),
        tracking_router(uow_factory=world.uow_factory, clock=world.clock, lasts=timedelta(hours=24)),
        meter_router(uow_factory=world.uow_factory, clock=world.clock),
    ]
    connect = seller_api(routers, uow_factory=world.uow_factory, clock=world.clock)
    async with connect(None) as connected:
        yield connected


async def _settled(world: SellerWorld) -> str:
    bought = await world.buy(10)
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.deliver([1250] * 8)
    order_id: str = bought["beckn:id"]
    return order_id


async def test_an_operator_sees_contracts_their_history_and_their_bills(
    world: SellerWorld, client: httpx.AsyncClient
) -> None:
    contract_id = await _settled(world)
    listed: dict[str, Any] = (await client.get("/api/v1/contracts", headers=KEY)).json()
    assert [entry["id"] for entry in listed["contracts"]] == [contract_id]
    whole = (await client.get(f"/api/v1/contracts/{contract_id}", headers=KEY)).json()
    assert [entry["event"] for entry in whole["history"]] == ["INIT", "CONFIRM", "COMPLETE"]
    assert whole["order"]["beckn:orderAttributes"]["contractStatus"] == "COMPLETED"
    answer = await client.get(f"/api/v1/contracts/{contract_id}/bills/bill-2026-01-001", headers=KEY)
    assert '"totalAmount": 4.00' in answer.text
    bill = answer.json()
    assert [line["title"] for line in bill["lineItems"]] == ["Energy Cost", "Wheeling Charges"]
    (cycle,) = bill["explanation"]["settlementCycles"]
    assert (cycle["exported"]["wh"], cycle["cycle"]) == (10_000, bill["settlementCycleIds"][0])
    assert bill["explanation"]["bill"]["bill"] == "bill-2026-01-001"
    missing = await client.get(f"/api/v1/contracts/{contract_id}/bills/none", headers=KEY)
    assert missing.status_code == 404


@pytest.mark.parametrize("path", ["contracts", "contracts/x", "contracts/x/bills/y", "meters/01/quarantine"])
async def test_nothing_is_shown_without_a_key(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/api/v1/{path}")).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/contracts/%00", "/api/v1/contracts/%00/bills/y", "/track/%00"])
async def test_what_no_order_can_be_called_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, headers=KEY)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "BIZ_ORDER_NOT_FOUND")


async def test_a_page_beyond_every_count_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/contracts", params={"skip": 10**30}, headers=KEY)
    assert response.status_code == 422


async def test_whoever_knows_the_order_follows_its_delivery_and_learns_nothing_personal(
    world: SellerWorld, client: httpx.AsyncClient
) -> None:
    contract_id = await _settled(world)
    sent = await world.send(Action.TRACK, {"tracking": {"id": contract_id}})
    link = sent["tracking"]["url"].removeprefix(f"{BPP_URL}/track/")
    assert link != contract_id
    page = await client.get(f"/track/{link}")
    assert page.json()["deliveryStatus"] == "COMPLETED"
    assert page.json()["deliveredQuantity"] == 10
    assert TARGET_METER not in page.text
    assert "baker" not in page.text
    assert (await client.get("/track/unknown")).status_code == 404
    assert (await client.get(f"/track/{contract_id}")).status_code == 404, "an order id is no link"
    world.clock.advance(timedelta(hours=24))
    gone = await client.get(f"/track/{link}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "TRACKING_LINK_EXPIRED")


async def test_an_operator_sees_readings_that_were_set_aside_and_why(
    uow_factory: UnitOfWorkFactory, client: httpx.AsyncClient
) -> None:
    async with uow_factory() as uow:
        raw = metering.document(metering.reading(250), metering.reading(-5, quarter=1))
        await record_mirror_document(raw, uow=uow, now=metering.NOW, sender="roof")
    found = await client.get("/api/v1/meters/100200300/quarantine", headers=KEY)
    (reading,) = found.json()["readings"]
    assert (reading["value"], reading["reason"]) == (-5, "NEGATIVE")
    assert reading["sentence"]
    refused = await client.get("/api/v1/meters/garage/quarantine", headers=KEY)
    assert refused.json()["error"]["code"] == "METER_UNKNOWN"
