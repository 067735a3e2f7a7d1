"""A seller's back office takes an order at another price, or less of it: quoted, held, sold and billed so."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi.responses import JSONResponse, Response
from structlog.testing import capture_logs

from bpp.accounts.statements import make_statement
from bpp.provider.asking import ProviderRefused
from bpp.provider.office import ProviderSilent
from degnode.bill_verifier.verify import verify_statement
from kernel.clock import ManualClock, format_instant
from kernel.energy import Energy
from protocol.actions import Action
from protocol.profile import PROFILES, V2_LTS
from settlement.store import find_bills
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.integration.test_bpp_provider_asked import refusal
from tests.support.back_office import AskedWorld, BackOffice, asked_first, webhook
from tests.support.charging_world import NOON, buy_session, station
from tests.support.grid_world import grid_world
from tests.support.grid_world import order as grid_order
from tests.support.seller_world import ITEM, NOW, WANTED, WINDOW, order
from trading.charges import Discount
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.promotion import Promotion
from trading.refusals import PriceMismatch, QuoteChanged
from trading.stock import Stock
from trading.terms import PricingModel

Json = dict[str, Any]
HOUR = timedelta(hours=1)
CHEAPER = {"answer": "counter", "price_per_kwh": "0.128", "reason": "For neighbours."}
LESS = {
    "answer": "counter",
    "max_kwh": "6",
    "from": "2026-01-09T11:00:00Z",
    "until": "2026-01-09T17:00:00Z",
}


def countered(*answers: Json) -> list[Response]:
    return [JSONResponse(each) for each in answers]


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, office: BackOffice) -> AskedWorld:
    port = webhook(office.url, ManualClock(NOW))
    return await AskedWorld(uow_factory=uow_factory, port=port).open()


def confirming(held: Json, kilowatt_hours: int | None = None, **attributes: Any) -> Json:
    return {"order": order(kilowatt_hours, order_id=held["beckn:id"], **attributes)}


async def test_a_counter_to_a_select_is_quoted_and_holds_nothing(
    world: AskedWorld, office: BackOffice
) -> None:
    office.answers = countered(CHEAPER | LESS)
    wanted = order(10, contractedQuantity=10, tradeStartTime="2026-01-09T10:00:00Z")
    quoted = (await world.send(Action.SELECT, {"order": wanted}))["order"]
    [line] = quoted["beckn:orderItems"]
    assert line["beckn:quantity"]["unitQuantity"] == 6
    assert quoted["beckn:orderValue"]["value"] == Decimal("3.27")  # 0.768 for energy, 2.50 for carrying it
    assert line["beckn:acceptedOffer"]["beckn:price"]["value"] == Decimal("0.128")
    bag = quoted["beckn:orderAttributes"]
    assert (bag["contractedQuantity"], bag["tradeStartTime"], bag["tradeEndTime"]) == (
        6,
        "2026-01-09T11:00:00Z",
        "2026-01-09T17:00:00Z",
    )
    async with world.uow_factory() as uow:
        assert await Stock(uow.connection).left(ITEM, now=NOW) == Energy(30_500)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
async def test_what_was_countered_is_held_confirmed_billed_and_verified_on_every_wire(
    world: AskedWorld, office: BackOffice, profile: Any
) -> None:
    world = replace(world, profile=profile)
    wire = wire_of(profile.name)
    office.answers = countered(CHEAPER | LESS)
    held = await world.send(Action.INIT, wire.write_order_request(WANTED))
    bought = wire.read_contract((await world.send(Action.CONFIRM, held))[wire.ORDER_KEY])
    _, confirming = office.asked()
    assert (confirming["order"]["kwh"], confirming["order"]["price"]["amount"]) == ("6", "3.27")
    assert (confirming["order"]["from"], confirming["order"]["until"]) == (LESS["from"], LESS["until"])
    assert bought.quantity == Energy(6_000)
    world.clock.set(WINDOW.end)
    await world.deliver([1_000] * 8)
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought.order_id)
        history = await ContractStore(uow.connection).history(contract.id)
        [bill] = await find_bills(contract.id, uow=uow)
        statement = await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())
    assert str(bill.total) == "3.27 USD"
    assert verify_statement(json.dumps(statement)) == []
    assert contract.terms.price.per_kwh == Decimal("0.128")
    assert history[0].reason is not None
    assert history[0].reason.startswith("10 kWh became 6 kWh")
    assert history[0].reason.endswith("0.15 USD per kWh became 0.128 USD per kWh")


async def test_what_is_for_much_is_not_had_by_an_order_that_is_taken_in_part(
    world: AskedWorld, office: BackOffice
) -> None:
    bulk = Promotion(off=Discount(title="Bulk", percent=Decimal(20)), minimum=Energy(10_000))
    [offer] = world.bpp.catalogue.offers
    world.bpp.catalogue = replace(world.bpp.catalogue, offers=(replace(offer, promotions=(bulk,)),))
    office.answers = countered({"answer": "counter", "max_kwh": "6"})
    held = await world.send(Action.INIT, {"order": order(10)})
    assert held["order"]["beckn:orderValue"]["value"] == Decimal("3.40")
    confirmed = (await world.send(Action.CONFIRM, held))["order"]
    more = await world.send(Action.UPDATE, {"order": order(7, order_id=confirmed["beckn:id"])})
    assert more["order"]["beckn:orderValue"]["value"] == Decimal("3.55")


async def test_a_discount_is_a_line_of_the_bill_that_anyone_can_verify(
    world: AskedWorld, office: BackOffice
) -> None:
    off = {"answer": "counter", "discount": {"title": "For neighbours", "amount": "0.25"}}
    office.answers = countered(off)
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    assert held["beckn:orderValue"]["value"] == Decimal("3.75")
    await world.send(Action.CONFIRM, confirming(held))
    world.clock.set(WINDOW.end)
    await world.deliver([1_250] * 8)
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(held["beckn:id"])
        [bill] = await find_bills(contract.id, uow=uow)
        statement = await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())
    assert str(bill.total) == "3.75 USD"
    assert verify_statement(json.dumps(statement)) == []


async def test_only_what_was_countered_can_be_confirmed(world: AskedWorld, office: BackOffice) -> None:
    office.answers = countered(CHEAPER | LESS)
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    assert isinstance(await refusal(world, Action.CONFIRM, confirming(held, 10)), QuoteChanged)
    dear = confirming(held)
    dear["order"]["beckn:orderValue"] = {"currency": "USD", "value": Decimal("4.00")}
    assert isinstance(await refusal(world, Action.CONFIRM, dear), PriceMismatch)
    await world.send(Action.CONFIRM, confirming(held, 6))


async def test_a_counter_to_a_confirm_refuses_it_in_its_words(world: AskedWorld, office: BackOffice) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    office.answers = countered(CHEAPER)
    error = await refusal(world, Action.CONFIRM, confirming(held))
    assert isinstance(error, ProviderRefused)
    assert error.message == "the seller does not take this order: For neighbours."


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"answer": "counter", "max_kwh": "0.5"}, "500 Wh is too little for the offer|0.5 kWh is too little"),
        ({"answer": "counter", "until": "2026-01-09T19:00:00Z"}, "no part of the one asked for"),
        ({"answer": "counter", "price_per_kwh": 0.128}, "price_per_kwh"),
        ({"answer": "counter", "payment": "never", "max_kwh": "6"}, "payment"),
        ({"answer": "accept", "price_per_kwh": "0.128"}, "said only by the answer counter"),
    ],
)
async def test_a_bad_counter_takes_no_order_and_the_log_says_why(
    world: AskedWorld, office: BackOffice, answer: Json, why: str
) -> None:
    office.answers = countered(answer)
    with capture_logs() as logs:
        error = await refusal(world, Action.INIT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)
    [told] = [each for each in logs if each["log_level"] == "warning"]
    assert re.search(why, told["reason"])
    async with world.uow_factory() as uow:
        assert await Stock(uow.connection).left(ITEM, now=NOW) == Energy(30_500)


async def test_a_counter_for_what_is_over_takes_no_order(world: AskedWorld, office: BackOffice) -> None:
    world.clock.set(WINDOW.start + 2 * HOUR)
    office.answers = countered({"answer": "counter", "until": format_instant(WINDOW.start + HOUR)})
    with capture_logs() as logs:
        error = await refusal(world, Action.SELECT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)
    assert "the window of the counter is over" in [each.get("reason") for each in logs]


async def test_a_counter_that_the_catalogue_has_overtaken_is_not_held(
    world: AskedWorld, office: BackOffice
) -> None:
    async def price_it_otherwise() -> None:
        sold = world.bpp.catalogue
        [offer] = sold.offers
        fixed = offer.terms.told_wheeling
        assert fixed is not None
        terms = replace(
            offer.terms,
            pricing_model=PricingModel.FIXED,
            fixed=fixed.amount,
            price=replace(offer.terms.price, per_kwh=Decimal(0)),
        )
        world.bpp.sell_from(replace(sold, offers=(replace(offer, terms=terms),)))

    world.between.append(price_it_otherwise)
    office.answers = countered(CHEAPER)
    assert isinstance(await refusal(world, Action.INIT, {"order": order(10)}), QuoteChanged)


async def test_a_charging_session_is_sold_at_its_operator_s_price(
    uow_factory: UnitOfWorkFactory, office: BackOffice
) -> None:
    usual = station(uow_factory)
    world = await AskedWorld(
        uow_factory=uow_factory,
        bpp=usual.bpp,
        clock=ManualClock(NOON),
        port=webhook(office.url, ManualClock(NOW)),
    ).open()
    office.answers = countered({"answer": "counter", "price_per_kwh": "12"})
    bought = await buy_session(replace(world, profile=V2_LTS))
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought.order_id)
    assert contract.terms.price.per_kwh == 12


async def test_a_counter_outlasts_the_questions_to_utilities(
    database: Database, postgres_url: str, template_url: str, office: BackOffice
) -> None:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as world:
        asked_first(world, office)
        office.answers = countered(
            {"answer": "counter", "max_kwh": "6", "discount": {"title": "Neighbours", "percent": "50"}}
        )
        held = await world.order(Action.INIT, {"order": grid_order(10)})
        assert held["beckn:orderAttributes"]["contractedQuantity"] == 6
        parts = [part["description"] for part in held["beckn:orderValue"]["components"]]
        assert "Neighbours (50 %)" in parts
        assert any("Wheeling" in part for part in parts)
        assert [each["stage"] for each in office.asked()] == ["init"]
        assert await world.left() == 494_000
