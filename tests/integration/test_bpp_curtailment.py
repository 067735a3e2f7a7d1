"""An operator says that a contract was curtailed: through the real application, on every generation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bpp.api.curtailments import curtailment_router
from bpp.api.provider import provider_router
from kernel.clock import format_instant
from kernel.energy import Energy
from node.api_key_store import ApiKeyWish, issue_api_key
from node.audit import Actor, list_acts
from node.scopes import Scope
from protocol.actions import Action
from protocol.profile import PROFILES, Profile
from schemas import jsonld
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_bundle_accepts, official_message_errors, official_order_errors
from tests.support.seller_api import KEY, seller_api
from tests.support.seller_world import SOURCE_METER, WINDOW, SellerWorld, order
from trading.delivery import CurtailmentReason, Cut
from trading.mapping import wire_of
from trading.report import ContractReport

Json = dict[str, Any]

SINCE = format_instant(WINDOW.start + timedelta(hours=2))
OUTAGE: Json = {
    "watt_hours": 4_000,
    "reason": "GRID_OUTAGE",
    "since": SINCE,
    "why": "feeder 7 tripped",
}


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


def api_of(world: SellerWorld) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """Connect as the operator."""
    routers = [
        provider_router(uow_factory=world.uow_factory, clock=world.clock),
        curtailment_router(world.bpp, uow_factory=world.uow_factory, clock=world.clock),
    ]
    return seller_api(routers, uow_factory=world.uow_factory, clock=world.clock)(KEY)


@pytest.fixture
async def api(world: SellerWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(world) as connected:
        yield connected


async def curtail(api: httpx.AsyncClient, bought: Json, **changes: Any) -> httpx.Response:
    path = f"/api/v1/contracts/{bought['beckn:id']}/curtailments"
    return await api.post(path, json=OUTAGE | changes)


async def deliver(world: SellerWorld, watt_hours: int = 1_500) -> None:
    """Have both meters report so much in each of the eight hours, after them, and settle."""
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.deliver([watt_hours] * 8)


async def test_the_buyer_is_told_of_a_curtailment_at_once(world: SellerWorld, api: httpx.AsyncClient) -> None:
    bought = await world.buy(10)
    answer = await curtail(api, bought)
    assert answer.status_code == 201
    assert answer.json() == {
        "contract_id": bought["beckn:id"],
        "watt_hours": 4_000,
        "left_watt_hours": 6_000,
        "reason": "GRID_OUTAGE",
        "since": SINCE,
        "who": answer.json()["who"],
        "why": "feeder 7 tripped",
        "recorded_at": format_instant(world.clock.now()),
    }
    [told] = await world.unsolicited(Action.ON_UPDATE)
    bag = told["beckn:orderItems"][0]["beckn:orderItemAttributes"]
    delivery = bag["fulfillmentAttributes"]
    assert (delivery["curtailedQuantity"], delivery["curtailmentReason"]) == (4, "GRID_OUTAGE")
    assert (delivery["deliveryStatus"], delivery["deliveredQuantity"]) == ("PENDING", 0)
    assert bag["providerAttributes"]["meterId"] == SOURCE_METER
    await world.refresh_all()
    assert await world.unsolicited() == [], "it is told once"


async def test_what_is_told_of_a_curtailment_passes_the_official_schemas_and_expands(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    await curtail(api, await world.buy(10))
    [told] = await world.unsolicited(Action.ON_UPDATE)
    bag = told["beckn:orderItems"][0]["beckn:orderItemAttributes"]
    assert official_order_errors(told) == []
    assert official_bundle_accepts("EnergyOrderItem", bag, family="p2p")
    assert official_bundle_accepts("EnergyTradeDelivery", bag["fulfillmentAttributes"], family="p2p")
    assert official_bundle_accepts("EnergyCustomer", bag["providerAttributes"], family="p2p")
    assert "CurtailmentReasonGridOutage" in str(jsonld.expand(told))


async def buy_and_curtail(world: SellerWorld) -> ContractReport:
    """Return what the buyer was told of its contract before that was curtailed."""
    bought = await world.buy_wanted()
    async with api_of(world) as api:
        assert (await curtail(api, {"beckn:id": bought.order_id})).status_code == 201
    return bought


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
async def test_every_official_document_takes_what_is_told_of_a_curtailment(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await SellerWorld(uow_factory=uow_factory, profile=profile).open()
    await buy_and_curtail(world)
    await deliver(world)
    for action in (Action.ON_UPDATE, Action.ON_STATUS):
        [(_, document)] = await world.documents(action)
        assert official_message_errors(profile.wire_names[action], document, profile=profile.name) == []


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
async def test_every_generation_tells_of_a_curtailment(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await SellerWorld(uow_factory=uow_factory, profile=profile).open()
    wire = wire_of(profile.name)
    bought = await buy_and_curtail(world)
    assert bought.delivery.cut is None
    [told] = [wire.read_contract(sent) for sent in await world.unsolicited(Action.ON_UPDATE)]
    assert told.delivery.cut == Cut(quantity=Energy(4_000), reason=CurtailmentReason.GRID_OUTAGE)
    await deliver(world)
    last = wire.read_contract((await world.unsolicited())[-1])
    assert (last.status, last.delivery.delivered) == ("COMPLETED", Energy(6_000))
    assert last.delivery.cut == told.delivery.cut


async def test_what_was_cut_is_not_billed(world: SellerWorld, api: httpx.AsyncClient) -> None:
    bought = await world.buy(10)
    await curtail(api, bought)
    await deliver(world)
    told = (await world.unsolicited())[-1]
    delivery = told["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert delivery["deliveredQuantity"] == 6
    assert sum(row["energyFlow"] for row in delivery["meterReadings"]) == 6
    [bill] = told["beckn:orderAttributes"]["billingCycles"]
    assert [line["amount"] for line in bill["lineItems"]] == [Decimal("0.90"), Decimal("2.50")]
    contract = f"/api/v1/contracts/{bought['beckn:id']}"
    whole = (await api.get(f"{contract}/bills/{bill['cycleId']}")).json()
    (explained,) = whole["explanation"]["settlementCycles"]
    assert (explained["contracted_wh"], explained["curtailed_wh"]) == (10_000, 4_000)


async def test_what_was_delivered_within_what_is_left_is_billed_as_it_is(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = await world.buy(10)
    await curtail(api, bought)
    await deliver(world, 500)  # 4 kWh of 6
    told = (await world.unsolicited())[-1]
    assert told["beckn:fulfillment"]["beckn:deliveryAttributes"]["deliveredQuantity"] == 4


async def test_a_repeated_request_changes_nothing(world: SellerWorld, api: httpx.AsyncClient) -> None:
    bought = await world.buy(10)
    first = await curtail(api, bought)
    world.clock.advance(timedelta(minutes=5))
    again = await curtail(api, bought, why="said once more")
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await world.unsolicited(Action.ON_UPDATE)) == 1
    await deliver(world)
    assert (await curtail(api, bought)).status_code == 200, "also when the contract is over"


async def test_curtailments_are_kept_with_who_why_and_when(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = await world.buy(10)
    await curtail(api, bought)
    later = format_instant(WINDOW.start + timedelta(hours=3))
    assert (await curtail(api, bought, since=later, watt_hours=10_000, reason="OTHER")).status_code == 201
    contract = f"/api/v1/contracts/{bought['beckn:id']}"
    listed = (await api.get(f"{contract}/curtailments")).json()["curtailments"]
    assert [(entry["since"], entry["watt_hours"]) for entry in listed] == [(SINCE, 4_000), (later, 10_000)]
    history = (await api.get(contract)).json()["history"]
    assert [entry["event"] for entry in history[-2:]] == ["CURTAIL", "CURTAIL"]
    assert "feeder 7 tripped" in history[-1]["reason"]
    async with world.uow_factory() as uow:
        acts = await list_acts(uow, what="contract", limit=10)
    assert [(entry.act.what, entry.act.target) for entry in acts] == [
        ("contract.curtailed", bought["beckn:id"])
    ] * 2
    with pytest.raises(DBAPIError, match="append-only"):
        async with world.uow_factory() as uow:
            await uow.connection.execute(text("DELETE FROM contract_curtailments"))


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"watt_hours": -1}, 422, "CURTAILMENT_INVALID"),
        ({"watt_hours": 10_001}, 422, "CURTAILMENT_INVALID"),
        ({"since": format_instant(WINDOW.end)}, 422, "CURTAILMENT_INVALID"),
        ({"since": format_instant(WINDOW.start + timedelta(hours=1))}, 422, "CURTAILMENT_INVALID"),
        ({"watt_hours": 5_000}, 409, "CURTAILMENT_CONTRADICTED"),
    ],
)
async def test_what_cannot_be_is_refused_and_nobody_is_told(
    world: SellerWorld, api: httpx.AsyncClient, changes: Json, status: int, code: str
) -> None:
    bought = await world.buy(10)
    await curtail(api, bought)
    refused = await curtail(api, bought, **changes)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert len(await world.unsolicited(Action.ON_UPDATE)) == 1


@pytest.mark.parametrize("changes", [{"reason": "WEATHER"}, {"since": "soon"}, {"watt_hours": 0.5}, {"x": 1}])
async def test_a_form_that_says_something_else_is_refused(
    world: SellerWorld, api: httpx.AsyncClient, changes: Json
) -> None:
    assert (await curtail(api, await world.buy(10), **changes)).status_code == 422


async def test_only_a_contract_that_binds_and_goes_on_is_curtailed(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    pending = await curtail(api, held)
    assert (pending.status_code, pending.json()["error"]["code"]) == (409, "BIZ_INVALID_STATE_TRANSITION")
    assert (await curtail(api, {"beckn:id": "nothing"})).status_code == 404
    await world.buy(10)
    await deliver(world)
    assert (await curtail(api, held)).status_code == 409


async def test_a_curtailed_contract_is_not_changed_to_another_quantity(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = await world.buy(10)
    await curtail(api, bought)
    change = {"order": order(9, order_id=bought["beckn:id"])}
    assert (await world.refusal(Action.UPDATE, change)).code == "POL_UPDATE_NOT_ALLOWED"


async def test_a_buyers_own_words_about_a_line_stay_beside_what_was_cut(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    wanted = order(10)
    context = "https://raw.githubusercontent.com/beckn/protocol-specifications-new/refs/heads/p2p-trading"
    wanted["beckn:orderItems"][0]["beckn:orderItemAttributes"] = {
        "@context": f"{context}/schema/EnergyOrderItem/v0.1/context.jsonld",
        "@type": "EnergyOrderItem",
        "providerAttributes": {
            "@context": f"{context}/schema/EnergyCustomer/v0.1/context.jsonld",
            "@type": "EnergyCustomer",
            "meterId": "der://meter/100200300",
            "utilityId": "BESCOM-KA",
        },
    }
    held = (await world.send(Action.INIT, {"order": wanted}))["order"]
    await world.send(Action.CONFIRM, {"order": wanted | {"beckn:id": held["beckn:id"]}})
    await curtail(api, held)
    [told] = await world.unsolicited(Action.ON_UPDATE)
    bag = told["beckn:orderItems"][0]["beckn:orderItemAttributes"]
    assert bag["providerAttributes"]["utilityId"] == "BESCOM-KA"
    assert bag["fulfillmentAttributes"]["curtailedQuantity"] == 4


@pytest.mark.parametrize(
    ("scope", "post", "get"),
    [(Scope.CONTRACTS_CURTAIL, 201, 200), (Scope.SELL, 403, 200), (Scope.METERS_EDIT, 403, 403)],
)
async def test_a_key_needs_the_scope_for_it(
    world: SellerWorld, api: httpx.AsyncClient, scope: Scope, post: int, get: int
) -> None:
    bought = await world.buy(10)
    async with world.uow_factory() as uow:
        wish = ApiKeyWish(name="grid desk", scopes=frozenset({scope}))
        key = await issue_api_key(uow, wish, by=Actor(who="test"), now=world.clock.now())
    path = f"/api/v1/contracts/{bought['beckn:id']}/curtailments"
    mine = {"X-Api-Key": key.text}
    assert (await api.post(path, json=OUTAGE, headers=mine)).status_code == post
    assert (await api.get(path, headers=mine)).status_code == get
    assert (await api.get(path, headers={"X-Api-Key": "dgn_other"})).status_code == 401
