"""The published p2p example: one roof, ordered by a morning and an afternoon offer in two lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import simplejson

from kernel.clock import ManualClock
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import SellerWorld, catalogue
from trading.mapping import v2_rc as wire
from trading.mapping.lines import read_contracts
from trading.offer import Catalogue
from trading.rates import Price

Json = dict[str, Any]

DAY = datetime(2026, 1, 9, tzinfo=UTC)
MORNING = Interval(DAY + timedelta(hours=6), DAY + timedelta(hours=12))
AFTERNOON = Interval(DAY + timedelta(hours=12), DAY + timedelta(hours=18))
OFFERS = {"offer-morning-001": "0.15", "offer-afternoon-001": "0.18"}
BUYER_METER = "11223344"


def published(shared: Path, action: Action) -> Json:
    """Return the published message, with the meter of the buyer, which it leaves out."""
    file = shared / "corpus/rc/p2p-trading" / f"{action}-request.json"
    message: Json = simplejson.loads(file.read_text(), use_decimal=True)["message"]
    message["order"]["beckn:orderAttributes"]["targetMeterId"] = BUYER_METER
    return message


def roof() -> Catalogue:
    """Return what the example buys, as a catalogue of ours."""
    before = catalogue()
    [provider], [resource], [offer] = before.providers, before.resources, before.offers
    window = Interval(MORNING.start, AFTERNOON.end)
    sold = replace(resource, id="energy-resource-solar-001", provider_id="provider-solar-farm-001")
    return replace(
        before,
        providers=(replace(provider, id="provider-solar-farm-001"),),
        resources=(replace(sold, production=window),),
        offers=tuple(
            replace(
                offer,
                id=name,
                resource_id=sold.id,
                terms=replace(
                    offer.terms,
                    price=Price(per_kwh=Decimal(price), currency=offer.terms.currency),
                    wheeling=None,
                ),
            )
            for name, price in OFFERS.items()
        ),
    )


async def test_the_published_order_of_two_lines_is_quoted_held_and_sold(
    uow_factory: UnitOfWorkFactory, shared: Path
) -> None:
    world = SellerWorld(uow_factory=uow_factory, clock=ManualClock(DAY + timedelta(hours=1)))
    world = await world.selling(catalogue=roof()).open()
    quoted = await world.send(Action.SELECT, published(shared, Action.SELECT))
    assert quoted["order"]["beckn:orderValue"]["value"] == Decimal("4.05")
    assert quoted["order"]["beckn:orderAttributes"]["total_quantity"] == 25
    await world.send(Action.INIT, published(shared, Action.INIT))
    sold = (await world.send(Action.CONFIRM, published(shared, Action.CONFIRM)))["order"]
    morning, afternoon = read_contracts(wire, sold)
    assert (morning.quantity, afternoon.quantity) == (Energy(15_000), Energy(10_000))
    assert (morning.window, afternoon.window) == (MORNING, AFTERNOON)
    assert [line.quote.total.minor for line in (morning, afternoon)] == [225, 180]
    bag = sold["beckn:orderAttributes"]
    assert (bag["total_quantity"], bag["contractedQuantity"]) == (25, 25)
    found = (await world.send(Action.STATUS, {"order": {"beckn:id": sold["beckn:id"]}}))["order"]
    for line in found["beckn:orderItems"]:
        attributes = line["beckn:orderItemAttributes"]
        assert attributes["providerAttributes"]["utilityCustomerId"] == "UTIL-CUST-123456"
        assert attributes["fulfillmentAttributes"]["deliveryStatus"] == "PENDING"
        assert "total_quantity" not in line["beckn:contractAttributes"]
