"""init, confirm, update and cancel: holding, buying, changing and ending."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import (
    ITEM,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    order,
)
from trading.contracts import ContractStore
from trading.stock import Stock

Json = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


async def left(world: SellerWorld) -> int:
    """Return the Wh that can still be bought."""
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours


async def events(world: SellerWorld, contract_id: str) -> list[str]:
    async with world.uow_factory() as uow:
        return [entry.event for entry in await ContractStore(uow.connection).history(contract_id)]


# init


async def test_init_holds_the_quantity_as_a_pending_contract(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    contract = held["beckn:orderAttributes"]
    assert contract["contractStatus"] == "PENDING"
    assert (contract["sourceMeterId"], contract["targetMeterId"]) == (SOURCE_METER, TARGET_METER)
    assert contract["tradeStartTime"] == "2026-01-09T10:00:00Z"
    assert contract["wheelingCharges"]["utilityName"] == "Valley Grid Services"
    assert held["beckn:orderValue"]["value"] == Decimal("4.00")
    assert held["beckn:orderStatus"] == "PENDING"
    assert await left(world) == 20_500
    assert await events(world, held["beckn:id"]) == ["INIT"]


async def test_a_second_init_takes_the_place_of_the_first(world: SellerWorld) -> None:
    first = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    second = (await world.send(Action.INIT, {"order": order(4)}))["order"]
    assert second["beckn:id"] == first["beckn:id"]
    assert await left(world) == 26_500


async def test_init_needs_the_buyers_own_meter(world: SellerWorld) -> None:
    missing = await world.refusal(Action.INIT, {"order": order(target_meter=None)})
    assert (missing.code, missing.path) == (
        "SCH_REQUIRED_FIELD_MISSING",
        "$.message.order['beckn:orderAttributes'].targetMeterId",
    )
    unreadable = await world.refusal(Action.INIT, {"order": order(target_meter="kitchen")})
    assert unreadable.code == "SCH_INVALID_FORMAT"
    own = await world.refusal(Action.INIT, {"order": order(target_meter="0100200300")})
    assert own.code == "POL_ELIGIBILITY_NOT_MET"
    assert await left(world) == 30_500


async def test_init_refuses_more_than_is_left_and_says_how_much_that_is(world: SellerWorld) -> None:
    await world.send(Action.INIT, {"order": order(20)}, transaction_id=str(uuid4()))
    error = await world.refusal(Action.INIT, {"order": order(11)})
    assert error.code == "BIZ_QUANTITY_UNAVAILABLE"
    assert error.hint == "Order at most 10.5 kWh."
    assert await left(world) == 10_500


async def test_what_the_buyer_sent_and_nobody_knows_comes_back(world: SellerWorld) -> None:
    sent = order(10)
    sent["beckn:orderNumber"] = "B-7"
    sent["beckn:buyer"]["beckn:email"] = "baker@example.org"
    sent["beckn:orderItems"][0]["vendor:colour"] = {"shade": Decimal("0.10")}
    sent["beckn:orderAttributes"] = {
        "@context": "https://baker.example/context.jsonld",
        "@type": "EnergyTradeOrder",
        "targetMeterId": f"der://meter/{TARGET_METER}",
        "costCentre": 17,
    }
    held = (await world.send(Action.INIT, {"order": sent}))["order"]
    assert held["beckn:orderNumber"] == "B-7"
    assert held["beckn:buyer"]["beckn:email"] == "baker@example.org"
    assert held["beckn:orderItems"][0]["vendor:colour"] == {"shade": Decimal("0.10")}
    bag = held["beckn:orderAttributes"]
    assert (bag["costCentre"], bag["@context"]) == (17, "https://baker.example/context.jsonld")
    assert (bag["targetMeterId"], bag["@type"]) == (TARGET_METER, "EnergyTradeContract")


# confirm


async def test_confirm_makes_the_contract_active_with_a_first_cycle(world: SellerWorld) -> None:
    confirmed = await world.buy(10)
    contract = confirmed["beckn:orderAttributes"]
    assert contract["contractStatus"] == "ACTIVE"
    assert confirmed["beckn:orderStatus"] == "CONFIRMED"
    [cycle] = contract["settlementCycles"]
    assert cycle == {
        "cycleId": "settle-2026-01-09-001",
        "startTime": "2026-01-09T00:00:00Z",
        "endTime": "2026-01-09T23:59:59Z",
        "status": "PENDING",
        "amount": Decimal("0.00"),
        "currency": "USD",
    }
    assert confirmed["beckn:fulfillment"]["beckn:deliveryAttributes"]["deliveryStatus"] == "PENDING"
    world.clock.advance(timedelta(hours=1))
    assert await left(world) == 20_500  # a sold quantity does not lapse


async def test_confirming_twice_changes_nothing(world: SellerWorld) -> None:
    first = await world.buy(10)
    world.clock.advance(timedelta(minutes=20))
    again = (await world.send(Action.CONFIRM, {"order": order(10, order_id=first["beckn:id"])}))["order"]
    assert again == first
    assert await events(world, first["beckn:id"]) == ["INIT", "CONFIRM"]
    assert await left(world) == 20_500


async def test_confirm_without_an_order_id_means_the_order_of_the_transaction(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    confirmed = (await world.send(Action.CONFIRM, {"order": order(10)}))["order"]
    assert confirmed["beckn:id"] == held["beckn:id"]


async def test_confirm_before_init_or_of_somebody_elses_order_finds_nothing(world: SellerWorld) -> None:
    early = await world.refusal(Action.CONFIRM, {"order": order(10)})
    assert (early.code, "init" in str(early.hint)) == ("BIZ_ORDER_NOT_FOUND", True)
    bought = await world.buy(10)
    message = {"order": order(10, order_id=bought["beckn:id"])}
    assert (
        await world.refusal(Action.CONFIRM, message, bap_id="thief.example")
    ).code == "BIZ_ORDER_NOT_FOUND"


async def test_confirm_after_the_hold_is_refused(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    world.clock.advance(timedelta(minutes=15))
    error = await world.refusal(Action.CONFIRM, {"order": order(10, order_id=held["beckn:id"])})
    assert error.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kilowatt_hours": 11}, "beckn:quantity"),
        ({"target_meter": "AB"}, "targetMeterId"),
        ({"target_meter": "kitchen"}, "targetMeterId"),
        ({"tradeEndTime": "2026-01-09T12:00:00Z"}, "tradeEndTime"),
    ],
)
async def test_confirm_of_something_else_than_was_held_is_refused(
    world: SellerWorld, change: Json, path: str
) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    error = await world.refusal(Action.CONFIRM, {"order": order(order_id=held["beckn:id"], **change)})
    assert error.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    assert path in str(error.path)


@pytest.mark.parametrize("price", [{"value": Decimal("3.99")}, {"value": 4, "currency": "INR"}])
async def test_confirm_at_another_price_is_refused(world: SellerWorld, price: Json) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    message = {"order": order(10, order_id=held["beckn:id"]) | {"beckn:orderValue": price}}
    assert (await world.refusal(Action.CONFIRM, message)).code == "BIZ_PRICE_MISMATCH"


async def test_init_after_confirm_is_refused(world: SellerWorld) -> None:
    await world.buy(10)
    assert (await world.refusal(Action.INIT, {"order": order(5)})).code == "BIZ_ALREADY_CONFIRMED"


# update


async def test_update_changes_the_quantity_and_the_price_before_delivery(world: SellerWorld) -> None:
    bought = await world.buy(10)
    updated = (await world.send(Action.UPDATE, {"order": order(20, order_id=bought["beckn:id"])}))["order"]
    assert updated["beckn:orderValue"]["value"] == Decimal("5.50")
    assert updated["beckn:orderAttributes"]["contractedQuantity"] == 20
    assert await left(world) == 10_500
    world.clock.advance(timedelta(hours=1))
    assert await left(world) == 10_500
    again = (await world.send(Action.UPDATE, {"order": order(20, order_id=bought["beckn:id"])}))["order"]
    assert again == updated
    assert await events(world, bought["beckn:id"]) == ["INIT", "CONFIRM", "UPDATE"]


async def test_update_is_refused_where_it_is_not_about_the_quantity(world: SellerWorld) -> None:
    bought = await world.buy(10)
    order_id = bought["beckn:id"]
    other_meter = order(10, order_id=order_id, target_meter="AB")
    assert (await world.refusal(Action.UPDATE, {"order": other_meter})).code == "BIZ_INVALID_UPDATE_TARGET"
    other_item = order(10, order_id=order_id, item="another")
    assert (await world.refusal(Action.UPDATE, {"order": other_item})).code == "BIZ_UPDATE_INCONSISTENT"
    too_much = order(21, order_id=order_id)
    assert (await world.refusal(Action.UPDATE, {"order": too_much})).code == "BIZ_QUANTITY_UNAVAILABLE"
    assert await left(world) == 20_500


async def test_once_delivery_has_begun_more_is_refused_and_less_waits_for_the_seller(
    world: SellerWorld,
) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start)
    error = await world.refusal(Action.UPDATE, {"order": order(11, order_id=bought["beckn:id"])})
    assert error.code == "POL_UPDATE_NOT_ALLOWED"
    told = (await world.send(Action.UPDATE, {"order": order(5, order_id=bought["beckn:id"])}))["order"]
    assert told["beckn:orderAttributes"]["contractedQuantity"] == 10
    [line] = told["beckn:orderItems"]
    assert (line["beckn:proposal"]["status"], line["beckn:proposal"]["quantity"]) == ("OPEN", 5)


async def test_an_update_of_a_pending_order_keeps_its_hold(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    await world.send(Action.UPDATE, {"order": order(5, order_id=held["beckn:id"])})
    assert await left(world) == 25_500
    world.clock.advance(timedelta(minutes=15))
    assert await left(world) == 30_500
    late = await world.refusal(Action.UPDATE, {"order": order(6, order_id=held["beckn:id"])})
    assert late.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"


# cancel


@pytest.mark.parametrize("confirmed", [True, False])
async def test_cancel_before_delivery_gives_the_quantity_back(world: SellerWorld, confirmed: bool) -> None:
    if confirmed:
        bought = await world.buy(10)
    else:
        bought = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    cancelled = (await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}}))["order"]
    assert cancelled["beckn:orderAttributes"]["contractStatus"] == "TERMINATED"
    assert cancelled["beckn:orderStatus"] == "CANCELLED"
    assert cancelled["beckn:payment"]["beckn:paymentStatus"] == "VOIDED"
    assert cancelled["beckn:orderAttributes"]["settlementCycles"] == []
    assert await left(world) == 30_500
    again = await world.refusal(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    assert again.code == "BIZ_ALREADY_CANCELLED"
    confirm = await world.refusal(Action.CONFIRM, {"order": order(10, order_id=bought["beckn:id"])})
    assert confirm.code == "BIZ_ALREADY_CANCELLED"
    update = await world.refusal(Action.UPDATE, {"order": order(9, order_id=bought["beckn:id"])})
    assert update.code == "POL_UPDATE_NOT_ALLOWED"


async def test_after_a_cancelled_order_the_transaction_can_have_another(world: SellerWorld) -> None:
    first = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    await world.send(Action.CANCEL, {"order": {"beckn:id": first["beckn:id"]}})
    second = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    assert second["beckn:id"] != first["beckn:id"]
    assert await left(world) == 20_500


async def test_an_order_cancelled_after_it_was_binding_cannot_be_confirmed_again(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=1))
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    error = await world.refusal(Action.CONFIRM, {"order": order(10, order_id=bought["beckn:id"])})
    assert error.code == "BIZ_ALREADY_CANCELLED"


async def test_a_hold_that_somebody_else_was_given_cannot_be_confirmed(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    async with world.uow_factory() as uow:
        await Stock(uow.connection).release(held["beckn:id"], resource_id=ITEM)
    error = await world.refusal(Action.CONFIRM, {"order": order(10, order_id=held["beckn:id"])})
    assert error.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
