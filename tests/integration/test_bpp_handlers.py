"""The seller's handlers on a real database: every request, done and refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import orjson
import pytest

from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official_rc import official_message_errors
from tests.support.seller_world import (
    BPP_URL,
    ITEM,
    OFFER,
    SELLER,
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
        return (await Stock(uow.connection).left(now=world.clock.now()))[ITEM].watt_hours


async def events(world: SellerWorld, contract_id: str) -> list[str]:
    async with world.uow_factory() as uow:
        return [entry.event for entry in await ContractStore(uow.connection).history(contract_id)]


# discover


async def test_discover_shows_what_is_left_with_its_offer(world: SellerWorld) -> None:
    await world.buy(10)
    [catalog] = (await world.send(Action.DISCOVER, {"text_search": "ROOFTOP solar"}))["catalogs"]
    [item], [offer] = catalog["beckn:items"], catalog["beckn:offers"]
    assert item["beckn:itemAttributes"]["availableQuantity"] == Decimal("20.5")
    assert item["beckn:itemAttributes"]["meterId"] == SOURCE_METER
    assert offer["beckn:price"]["value"] == Decimal("0.15")
    assert offer["beckn:offerAttributes"]["wheelingCharges"]["amount"] == Decimal("2.5")
    assert catalog["beckn:bppUri"] == BPP_URL


@pytest.mark.parametrize(
    "expression",
    [
        "$[?(@.beckn:itemAttributes.sourceType == 'SOLAR' && @.beckn:itemAttributes.availableQuantity > 9)]",
        "$[?@['beckn:itemAttributes'].sourceType == 'SOLAR']",
        "$[?@.beckn:id == 'rooftop-solar-07']",
        "$[*]['beckn:networkId'][?@ == 'valley-p2p-network']",
    ],
)
async def test_discover_takes_filters_as_networks_write_them(world: SellerWorld, expression: str) -> None:
    filters = {"type": "jsonpath", "expression": expression}
    assert len((await world.send(Action.DISCOVER, {"filters": filters}))["catalogs"]) == 1


@pytest.mark.parametrize(
    "message",
    [
        {"text_search": "wind"},
        {"filters": {"type": "jsonpath", "expression": "$[?@['beckn:itemAttributes'].sourceType == 'GRID']"}},
    ],
)
async def test_discover_answers_with_nothing_where_nothing_matches(world: SellerWorld, message: Json) -> None:
    assert (await world.send(Action.DISCOVER, message))["catalogs"] == []


@pytest.mark.parametrize(
    "expression",
    ["$[?", "not a path", "$[?match(@.a, '(a+)+b')]", "$..[?@..x]", "$[" + "1" * 1_001 + "]", "$[?@.a > 'x]"],
)
async def test_a_filter_that_cannot_be_read_is_refused(world: SellerWorld, expression: str) -> None:
    filters = {"type": "jsonpath", "expression": expression}
    error = await world.refusal(Action.DISCOVER, {"filters": filters})
    assert error.code == "SCH_INVALID_JSONPATH"
    assert error.path == "$.message.filters.expression"


async def test_a_search_by_place_is_refused_with_what_to_use_instead(world: SellerWorld) -> None:
    place = {"op": "s_within", "targets": "$.x", "geometry": {"type": "Point", "coordinates": [1, 2]}}
    error = await world.refusal(Action.DISCOVER, {"spatial": [place]})
    assert error.code == "NET_NOT_IMPLEMENTED"
    assert "text_search" in str(error.hint)


async def test_what_is_sold_out_or_over_is_not_shown(world: SellerWorld) -> None:
    await world.buy(20)
    other = str(uuid4())
    await world.send(Action.INIT, {"order": order(Decimal("10.5"))}, transaction_id=other)
    assert (await world.send(Action.DISCOVER, {"text_search": "solar"}))["catalogs"] == []
    world.clock.advance(timedelta(minutes=16))  # the hold lapses
    assert len((await world.send(Action.DISCOVER, {"text_search": "solar"}))["catalogs"]) == 1
    world.clock.set(WINDOW.end)
    assert (await world.send(Action.DISCOVER, {"text_search": "solar"}))["catalogs"] == []
    past = world.selling(sells_past=True)
    assert len((await past.send(Action.DISCOVER, {"text_search": "solar"}))["catalogs"]) == 1


# select


async def test_select_quotes_energy_and_wheeling(world: SellerWorld) -> None:
    quoted = (await world.send(Action.SELECT, {"order": order(10)}))["order"]
    value = quoted["beckn:orderValue"]
    assert (value["value"], value["currency"]) == (Decimal("4.00"), "USD")
    assert [(part["type"], part["value"]) for part in value["components"]] == [
        ("UNIT", Decimal("1.50")),
        ("FEE", Decimal("2.50")),
    ]
    assert quoted["beckn:orderItems"][0]["beckn:acceptedOffer"]["beckn:id"] == OFFER
    assert await left(world) == 30_500


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"item": "another"}, "BIZ_ITEM_NOT_FOUND"),
        ({"kilowatt_hours": 21}, "BIZ_QUANTITY_UNAVAILABLE"),
        ({"kilowatt_hours": Decimal("0.5")}, "BIZ_QUANTITY_UNAVAILABLE"),
        ({"kilowatt_hours": Decimal("1.0005")}, "SCH_INVALID_FORMAT"),
        ({"kilowatt_hours": None}, "SCH_REQUIRED_FIELD_MISSING"),
        ({"tradeStartTime": "2026-01-09T09:59:59Z"}, "BIZ_FULFILLMENT_UNAVAILABLE"),
        ({"tradeEndTime": "2026-01-09T10:00:00Z"}, "BIZ_FULFILLMENT_UNAVAILABLE"),
        ({"contractedQuantity": 9}, "BIZ_QUOTE_EXPIRED_OR_CHANGED"),
    ],
)
async def test_select_refuses_what_is_not_to_be_had(world: SellerWorld, change: Json, code: str) -> None:
    error = await world.refusal(Action.SELECT, {"order": order(**change)})
    assert error.code == code
    assert error.message


async def test_select_refuses_another_seller_and_an_offer_that_is_not_there(world: SellerWorld) -> None:
    other_seller = order() | {"beckn:seller": "somebody-else"}
    assert (await world.refusal(Action.SELECT, {"order": other_seller})).code == "BIZ_PROVIDER_NOT_FOUND"
    quoted = (await world.send(Action.SELECT, {"order": order()}))["order"]
    quoted["beckn:orderItems"][0]["beckn:acceptedOffer"]["beckn:id"] = "dearer"
    assert (await world.refusal(Action.SELECT, {"order": quoted})).code == "BIZ_OFFER_NOT_FOUND"


async def test_select_refuses_two_items_and_a_window_that_is_over(world: SellerWorld) -> None:
    two = order()
    two["beckn:orderItems"] *= 2
    assert "one item" in str((await world.refusal(Action.SELECT, {"order": two})).hint)
    await world.send(Action.INIT, {"order": order(20)}, transaction_id=str(uuid4()))
    too_much = await world.refusal(Action.SELECT, {"order": order(11)})
    assert "10.5 kWh are left" in too_much.message
    world.clock.set(WINDOW.end)
    over = await world.refusal(Action.SELECT, {"order": order()})
    assert over.code == "BIZ_FULFILLMENT_UNAVAILABLE"


@pytest.mark.parametrize(
    ("quantity", "watt_hours"),
    [
        ({"unitQuantity": 3000, "unitText": "Wh"}, 3_000),
        ({"unitQuantity": Decimal("0.003"), "unitCode": "MWH"}, 3_000),
        ({"unitQuantity": 3}, 3_000),
    ],
)
async def test_quantities_are_taken_in_the_unit_they_name(
    world: SellerWorld, quantity: Json, watt_hours: int
) -> None:
    sent = order()
    sent["beckn:orderItems"][0]["beckn:quantity"] = quantity
    held = (await world.send(Action.INIT, {"order": sent}))["order"]
    assert held["beckn:orderItems"][0]["beckn:quantity"] == quantity
    assert held["beckn:orderAttributes"]["contractedQuantity"] * 1000 == watt_hours


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


# status, track, support


async def test_status_and_track_are_for_the_buyer_alone(world: SellerWorld) -> None:
    bought = await world.buy(10)
    assert await world.status(bought["beckn:id"]) == bought
    tracking = await world.send(Action.TRACK, {"tracking": {"id": bought["beckn:id"]}})
    assert tracking["tracking"]["url"] == f"{BPP_URL}/track/{bought['beckn:id']}"
    for action, message in (
        (Action.STATUS, {"order": {"beckn:id": bought["beckn:id"]}}),
        (Action.TRACK, {"tracking": {"id": bought["beckn:id"]}}),
    ):
        assert (await world.refusal(action, message, bap_id="x.example")).code == "BIZ_ORDER_NOT_FOUND"


async def test_support_names_the_sellers_help_desk(world: SellerWorld) -> None:
    bought = await world.buy(10)
    for kind, name in (("ORDER", bought["beckn:id"]), ("ITEM", ITEM), ("PROVIDER", SELLER), ("OTHER", "x")):
        support = (await world.send(Action.SUPPORT, {"refId": name, "refType": kind}))["support"]
        assert support["email"] == "help@valley-solar.example"
    unknown = await world.refusal(Action.SUPPORT, {"refId": "nobody", "refType": "PROVIDER"})
    assert unknown.code == "BIZ_PROVIDER_NOT_FOUND"


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


async def test_update_is_refused_once_delivery_has_begun(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start)
    error = await world.refusal(Action.UPDATE, {"order": order(5, order_id=bought["beckn:id"])})
    assert error.code == "POL_UPDATE_NOT_ALLOWED"


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


# rating


def _rating(target: str, value: Decimal | int, **more: Any) -> Json:
    return {
        "@context": "https://x.example",
        "@type": "beckn:RatingInput",
        "id": target,
        "ratingValue": value,
        **more,
    }


async def test_ratings_are_kept_once_a_buyer_and_add_up(world: SellerWorld) -> None:
    bought = await world.buy(10)
    order_id = bought["beckn:id"]
    first = await world.send(Action.RATING, {"ratings": [_rating(order_id, 2, category="ORDER")]})
    assert first["aggregate"] == {"count": 1, "value": Decimal("2.00"), "best": 5, "worst": 0}
    changed = _rating(order_id, 8, category="ORDER", bestRating=10, worstRating=0)
    second = await world.send(Action.RATING, {"ratings": [changed]})
    assert second["aggregate"]["value"] == Decimal("4.00")
    of_item = [_rating(ITEM, 5, category="ITEM"), _rating(SELLER, 4, category="PROVIDER")]
    both = await world.send(Action.RATING, {"ratings": of_item})
    assert (both["aggregate"]["count"], both["aggregate"]["value"]) == (2, Decimal("4.50"))


async def test_only_buyers_rate_and_only_on_the_scale(world: SellerWorld) -> None:
    stranger = await world.refusal(Action.RATING, {"ratings": [_rating(ITEM, 5, category="ITEM")]})
    assert stranger.code == "BIZ_RATING_TARGET_NOT_FOUND"
    bought = await world.buy(10)
    for rating in (_rating(bought["beckn:id"], 6), _rating(bought["beckn:id"], 1, worstRating=5)):
        assert (await world.refusal(Action.RATING, {"ratings": [rating]})).code == "BIZ_INVALID_RATING_VALUE"
    assert (await world.send(Action.RATING, {"ratings": []}))["aggregate"] == {"count": 0}


# and the official documents


async def test_every_answer_passes_the_official_schema(world: SellerWorld) -> None:
    bought = await world.buy(10)
    order_id = bought["beckn:id"]
    answers = {
        "on_discover": await world.send(Action.DISCOVER, {"text_search": "solar"}),
        "on_select": await world.send(Action.SELECT, {"order": order(3)}),
        "on_init": await world.send(Action.INIT, {"order": order(3)}, transaction_id=str(uuid4())),
        "on_confirm": {"order": bought},
        "on_status": {"order": await world.status(order_id)},
        "on_track": await world.send(Action.TRACK, {"tracking": {"id": order_id}}),
        "on_rating": await world.send(Action.RATING, {"ratings": [_rating(order_id, 5)]}),
        "on_support": await world.send(Action.SUPPORT, {"refId": order_id, "refType": "ORDER"}),
        "on_update": await world.send(Action.UPDATE, {"order": order(3, order_id=order_id)}),
        "on_cancel": await world.send(Action.CANCEL, {"order": {"beckn:id": order_id}}),
    }
    for action, message in answers.items():
        context = world.inbound(Action.SELECT, {"order": order()}).raw
        document = {"context": _context_of(context, action), "message": message}
        assert official_message_errors(action, document) == []


def _context_of(raw: bytes, action: str) -> Json:
    context: Json = orjson.loads(raw)["context"]
    return context | {"action": action}
