"""Proposed changes: on every generation, once, one at a time, and only by who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bpp.api.contracts import contract_router
from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.money import Money
from node.api_key_store import ApiKeyWish, issue_api_key
from node.audit import Actor
from node.scopes import Scope
from protocol.actions import Action
from protocol.profile import PROFILES, V2_LTS, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_message_errors
from tests.support.seller_api import KEY, seller_api
from tests.support.seller_world import WANTED, WINDOW, SellerWorld, order
from tests.support.stall_world import RESERVED, stalls
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.proposal import Answer
from trading.proposals import ProposalStore
from trading.terms import PricingModel

Json = dict[str, Any]
LESS: Json = {"watt_hours": 5_000, "why": "clouds"}


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


@pytest.fixture
async def api(world: SellerWorld) -> AsyncIterator[httpx.AsyncClient]:
    routers = [contract_router(world.bpp, uow_factory=world.uow_factory, clock=world.clock)]
    async with seller_api(routers, uow_factory=world.uow_factory, clock=world.clock)(KEY) as connected:
        yield connected


async def propose(api: httpx.AsyncClient, order_id: str, **form: Any) -> httpx.Response:
    return await api.post(f"/api/v1/contracts/{order_id}/update", json=LESS | form)


def answering(order_id: str, proposal_id: str, status: str, kilowatt_hours: int = 10) -> Json:
    message = order(kilowatt_hours, order_id=order_id)
    message["beckn:orderItems"][0]["beckn:proposal"] = {"id": proposal_id, "status": status}
    return {"order": message}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
async def test_every_generation_tells_of_a_proposal_and_takes_its_answer(
    world: SellerWorld, api: httpx.AsyncClient, profile: Profile
) -> None:
    world = world.speaking(profile)
    wire = wire_of(profile.name)
    bought = await world.buy_wanted()
    made = (await propose(api, bought.order_id)).json()
    [(_, document)] = await world.documents(Action.ON_UPDATE)
    assert official_message_errors(profile.wire_names[Action.ON_UPDATE], document, profile=profile.name) == []
    told = wire.find_parts(document["message"][wire.ORDER_KEY]).proposal
    assert told is not None
    assert (told["id"], told["status"], told["proposedBy"]) == (made["id"], "OPEN", "SELLER")
    assert (str(told["quantity"]), told["reason"]) == ("5", "clouds")
    assert told["validUntil"] == made["lapses_at"]
    said = replace(WANTED, order_id=bought.order_id)
    update = wire.write_answer(said, Answer(proposal_id=made["id"], accepts=True))
    answer = (await world.send(Action.UPDATE, update))[wire.ORDER_KEY]
    assert wire.read_contract(answer).quantity == Energy(5_000)
    parts = wire.find_parts(answer).proposal
    assert parts is not None
    assert parts["status"] == "ACCEPTED"


async def test_the_very_same_proposal_is_made_once_and_another_waits_for_its_answer(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    first = await propose(api, bought)
    again = await propose(api, bought, why="said again")
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    other = await propose(api, bought, watt_hours=4_000)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "POL_UPDATE_NOT_ALLOWED")
    mine = await world.refusal(Action.UPDATE, {"order": order(7, order_id=bought)})
    assert "waits for the buyer's answer" in mine.message
    assert len(await world.unsolicited(Action.ON_UPDATE)) == 1


async def test_another_price_is_for_what_has_one_price_and_is_not_the_one_that_holds(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    path = f"/api/v1/contracts/{bought}/update"
    for price in ("-1", "0.1234567", "a lot"):
        wrong = await api.post(path, json={"price_per_kwh": price, "why": "dear"})
        assert wrong.json()["error"]["code"] == "SCH_SCHEMA_VALIDATION_FAILED"
    same = await api.post(path, json={"price_per_kwh": "0.150", "why": "dear"})
    assert "is so already" in same.json()["error"]["message"]
    first = (await api.post(path, json={"price_per_kwh": "0.2", "why": "dear"})).json()
    assert (first["price_per_kwh"], first["watt_hours"]) == ("0.2", None)


async def test_what_has_more_than_a_price_per_kwh_gets_no_other(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    [offer] = world.bpp.catalogue.offers
    free = replace(offer.terms.price, per_kwh=Decimal(0))
    fixed = Money(400, offer.terms.currency)
    terms = replace(offer.terms, price=free, pricing_model=PricingModel.FIXED, fixed=fixed)
    world.bpp.catalogue = replace(world.bpp.catalogue, offers=(replace(offer, terms=terms),))
    bought = (await world.buy(10))["beckn:id"]
    refused = await api.post(
        f"/api/v1/contracts/{bought}/update", json={"price_per_kwh": "0.1", "why": "dear"}
    )
    assert "is more than a price per kWh" in refused.json()["error"]["message"]


async def test_nobody_proposes_another_price_for_a_stall_that_is_reserved(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await stalls(uow_factory).open()
    held = await world.send(Action.INIT, wire_of(world.profile.name).write_order_request(RESERVED))
    await world.send(Action.CONFIRM, held)
    routers = [contract_router(world.bpp, uow_factory=uow_factory, clock=world.clock)]
    async with seller_api(routers, uow_factory=uow_factory, clock=world.clock)(KEY) as api:
        path = f"/api/v1/contracts/{held['contract']['id']}/update"
        refused = await api.post(path, json={"price_per_kwh": "1", "why": "dear"})
    assert "is more than a price per kWh" in refused.json()["error"]["message"]


async def test_a_buyer_that_asks_for_what_is_proposed_agrees_to_it(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    await propose(api, bought)
    told = (await world.send(Action.UPDATE, {"order": order(5, order_id=bought)}))["order"]
    assert told["beckn:orderItems"][0]["beckn:proposal"]["status"] == "ACCEPTED"
    assert told["beckn:orderAttributes"]["contractedQuantity"] == 5


async def test_an_order_that_is_sent_back_with_an_old_answer_says_nothing_new(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    made = (await propose(api, bought)).json()
    await world.send(Action.UPDATE, answering(bought, made["id"], "REFUSED"))
    changed = (await world.send(Action.UPDATE, answering(bought, made["id"], "REFUSED", 8)))["order"]
    assert changed["beckn:orderAttributes"]["contractedQuantity"] == 8
    otherwise = await world.refusal(Action.UPDATE, answering(bought, made["id"], "ACCEPTED", 8))
    assert (otherwise.code, "is REFUSED" in otherwise.message) == ("POL_UPDATE_NOT_ALLOWED", True)


async def test_nobody_answers_what_it_proposed_itself_nor_what_is_not_there(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    made = (await propose(api, bought)).json()
    path = f"/api/v1/contracts/{bought}/proposals"
    own = await api.post(f"{path}/{made['id']}/accept", json={"why": "I agree with myself"})
    missing = await api.post(f"{path}/nothing/refuse", json={"why": "no"})
    assert (own.status_code, missing.status_code) == (404, 404)
    for wrong in ("nothing", "\x00"):
        error = await world.refusal(Action.UPDATE, answering(bought, wrong, "ACCEPTED"))
        assert error.code == "BIZ_ORDER_NOT_FOUND"
    assert (await api.get(f"{path}")).json()["proposals"] == [made]


async def test_an_answer_that_cannot_be_carried_out_changes_nothing(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    made = (await propose(api, bought, watt_hours=20_000)).json()
    other = SellerWorld(uow_factory=world.uow_factory, bpp=world.bpp, clock=world.clock)
    await other.buy(20, target_meter="1234")
    error = await world.refusal(Action.UPDATE, answering(bought, made["id"], "ACCEPTED"))
    assert error.code == "BIZ_QUANTITY_UNAVAILABLE"
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought)
        proposal = await ProposalStore(uow.connection).find_open(contract)
    assert (contract.quantity, proposal is not None) == (Energy(10_000), True)


async def test_an_answer_after_the_time_is_refused_though_nobody_looked_yet(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    made = (await propose(api, bought)).json()
    world.clock.advance(timedelta(minutes=30))
    error = await world.refusal(Action.UPDATE, answering(bought, made["id"], "ACCEPTED"))
    assert "is LAPSED" in error.message


async def test_what_is_proposed_of_a_cancelled_contract_lapses_with_it(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    await propose(api, bought)
    told = (await world.send(Action.CANCEL, {"order": {"beckn:id": bought}}))["order"]
    assert told["beckn:orderItems"][0]["beckn:proposal"]["status"] == "LAPSED"


async def test_a_proposal_lapses_before_what_it_is_about_begins(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    world.clock.set(WINDOW.start - timedelta(minutes=5))
    made = (await propose(api, bought)).json()
    assert made["lapses_at"] == format_instant(WINDOW.start)


async def test_what_says_nothing_new_or_cannot_be_is_not_proposed(
    world: SellerWorld, api: httpx.AsyncClient
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    assert (await propose(api, bought, watt_hours=10_000)).status_code == 409
    assert (await propose(api, bought, watt_hours=21_000)).json()["error"][
        "code"
    ] == "BIZ_QUANTITY_UNAVAILABLE"
    late = format_instant(WINDOW.end + timedelta(hours=1))
    assert (await propose(api, bought, end=late)).json()["error"]["code"] == "BIZ_FULFILLMENT_UNAVAILABLE"
    assert (await propose(api, "nothing")).status_code == 404
    assert await world.unsolicited(Action.ON_UPDATE) == []


async def test_contracts_are_changed_with_the_scope_for_it_only(
    world: SellerWorld, uow_factory: UnitOfWorkFactory
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    routers = [contract_router(world.bpp, uow_factory=uow_factory, clock=world.clock)]
    connect = seller_api(routers, uow_factory=uow_factory, clock=world.clock)
    for scope, status in ((Scope.CONTRACTS_READ, 403), (Scope.CONTRACTS_CHANGE, 201)):
        wish = ApiKeyWish(name=scope.value, scopes=frozenset({scope}))
        async with uow_factory() as uow:
            issued = await issue_api_key(uow, wish, by=Actor(who="test"), now=world.clock.now())
        async with connect(issued.text) as client:
            assert (await propose(client, bought)).status_code == status
            assert (await client.get("/api/v1/proposals")).status_code == 200
    async with connect(None) as client:
        assert (await propose(client, bought)).status_code == 401


async def test_lts_carries_a_proposal_in_the_commitment(world: SellerWorld, api: httpx.AsyncClient) -> None:
    bought = await world.speaking(V2_LTS).buy_wanted()
    await propose(api, bought.order_id)
    [told] = await world.unsolicited(Action.ON_UPDATE)
    assert told["commitments"][0]["proposal"]["status"] == "OPEN"
