"""discover and select: what is on offer, and what it would cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from kernel.interval import Interval
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import (
    BPP_URL,
    ITEM,
    NOW,
    OFFER,
    SELLER,
    SOURCE_METER,
    WINDOW,
    SellerWorld,
    order,
)
from trading.offer import Provider
from trading.stock import Stock
from trading.terms import Discount, Price, Terms

Json = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


async def left(world: SellerWorld) -> int:
    """Return the Wh that can still be bought."""
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours


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
    [
        "",
        "$[?",
        "not a path",
        "$[?match(@.a, '(a+)+b')]",
        "$..[?@..x]",
        "$[" + "1" * 1_001 + "]",
        "$[?@.a > 'x]",
        "$[?@.a == 1e999]",
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused(world: SellerWorld, expression: str) -> None:
    filters = {"type": "jsonpath", "expression": expression}
    error = await world.refusal(Action.DISCOVER, {"filters": filters})
    assert error.code == "SCH_INVALID_JSONPATH"
    assert error.path == "$.message.filters.expression"


async def test_a_filter_that_cannot_be_applied_is_refused(world: SellerWorld) -> None:
    filters = {"type": "jsonpath", "expression": "$[?@[?count(@) > 1]]"}  # count takes no text
    error = await world.refusal(Action.DISCOVER, {"filters": filters})
    assert (error.code, error.path) == ("SCH_INVALID_JSONPATH", "$.message.filters.expression")
    assert "cannot be applied" in error.message


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


async def test_select_refuses_an_item_that_is_ordered_twice_and_a_window_that_is_over(
    world: SellerWorld,
) -> None:
    two = order()
    two["beckn:orderItems"] *= 2
    assert "Order it once" in str((await world.refusal(Action.SELECT, {"order": two})).hint)
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


# a richer catalogue


def _richer(world: SellerWorld) -> SellerWorld:
    """Return the world with a second provider, who has a grid item on two offers and no help desk."""
    shop = world.bpp.catalogue
    resource, offer = shop.resources[0], shop.offers[0]
    plain = replace(resource.source, inverter_id=None, certification=None, meter_id="AB12")
    bare_terms = Terms(
        price=Price(per_kwh=Decimal("0.1"), currency=offer.terms.currency),
        discount=Discount(title="Early bird", percent=Decimal(10)),
    )
    cheap = replace(
        offer,
        id="cheap",
        provider_id="battery-farm",
        resource_id="battery",
        terms=bare_terms,
        minimum=None,
        maximum=None,
        validity=Interval(NOW, NOW + timedelta(hours=1)),
    )
    return world.selling(
        catalogue=replace(
            shop,
            networks=(),
            providers=(*shop.providers, Provider(id="battery-farm", name="Battery Farm")),
            resources=(
                *shop.resources,
                replace(resource, id="battery", provider_id="battery-farm", source=plain),
            ),
            offers=(*shop.offers, cheap, replace(cheap, id="cheap-too", validity=None)),
        )
    )


def _accepting(offer_id: str, **changes: Any) -> Json:
    sent = order(item="battery", **changes) | {"beckn:seller": "battery-farm"}
    accepted = {"@context": sent["@context"], "@type": "beckn:Offer", "beckn:id": offer_id}
    names = {"beckn:descriptor": {"@type": "beckn:Descriptor"}, "beckn:provider": "battery-farm"}
    sent["beckn:orderItems"][0]["beckn:acceptedOffer"] = accepted | names | {"beckn:items": ["battery"]}
    return sent


async def test_an_offer_without_wheeling_or_bounds_is_told_and_sold(world: SellerWorld) -> None:
    richer = await _richer(world).open()
    [catalog] = (await richer.send(Action.DISCOVER, {"text_search": "battery"}))["catalogs"]
    assert [offer["beckn:id"] for offer in catalog["beckn:offers"]] == ["cheap", "cheap-too"]
    assert "validityWindow" in catalog["beckn:offers"][0]["beckn:offerAttributes"]
    held = (await richer.send(Action.INIT, {"order": _accepting("cheap")}))["order"]
    assert held["beckn:orderValue"]["value"] == Decimal("0.90")
    assert "certification" not in held["beckn:orderAttributes"]
    assert "wheelingCharges" not in held["beckn:orderAttributes"]


async def test_another_item_in_the_same_transaction_frees_the_first(world: SellerWorld) -> None:
    richer = await _richer(world).open()
    await richer.send(Action.INIT, {"order": order(10)})
    assert await left(richer) == 20_500
    await richer.send(Action.INIT, {"order": _accepting("cheap")})
    assert await left(richer) == 30_500


async def test_an_offer_has_to_be_named_and_open_and_the_sellers_own(world: SellerWorld) -> None:
    richer = await _richer(world).open()
    unnamed = order(item="battery") | {"beckn:seller": "battery-farm"}
    assert "cheap, cheap-too" in str((await richer.refusal(Action.SELECT, {"order": unnamed})).hint)
    stolen = _accepting("cheap") | {"beckn:seller": SELLER}
    assert (await richer.refusal(Action.SELECT, {"order": stolen})).code == "SCH_INVALID_FORMAT"
    richer.clock.advance(timedelta(hours=1))
    closed = await richer.refusal(Action.SELECT, {"order": _accepting("cheap")})
    assert closed.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"


async def test_where_nobody_helps_support_says_so(world: SellerWorld) -> None:
    richer = await _richer(world).open()
    error = await richer.refusal(Action.SUPPORT, {"refId": "battery-farm", "refType": "PROVIDER"})
    assert error.code == "BIZ_SUPPORT_NOT_AVAILABLE"


async def test_a_resource_that_was_never_put_on_stock_is_our_own_fault(world: SellerWorld) -> None:
    closed = _richer(world)
    error = await closed.refusal(Action.INIT, {"order": _accepting("cheap")})
    assert (error.http_status, error.retryable) == (500, True)


async def test_a_contract_for_longer_than_can_be_settled_is_refused(world: SellerWorld) -> None:
    shop = world.bpp.catalogue
    ages = Interval(NOW, NOW + timedelta(days=4_000))
    endless = world.selling(catalogue=replace(shop, resources=(replace(shop.resources[0], production=ages),)))
    error = await endless.refusal(Action.SELECT, {"order": order(10)})
    assert error.code == "BIZ_FULFILLMENT_UNAVAILABLE"
