"""Offers for a time of their own: the morning at one price, the afternoon at another."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from protocol.profile import PROFILES
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import OFFER, WANTED, SellerWorld, order
from tests.support.windows import hourly, left_in, offering, span, window
from trading.mapping import wire_of
from trading.offer import Catalogue
from trading.refusals import WindowUnavailable
from trading.request import Criteria, OrderRequest

MORNING, AFTERNOON = span(10, 12), span(12, 14)


def two_offers(*, counters: bool = False) -> Catalogue:
    """Return the catalogue with four hours of the rooftop, and an offer for each half of them."""
    shop = offering(hourly(3_000, 3_000, 3_000, 3_000))
    (offer,) = shop.offers
    halves = {OFFER: MORNING, "afternoon": AFTERNOON}
    return replace(
        shop,
        offers=tuple(
            replace(offer, id=name, delivery=delivery, validity=span(0, 24), counters=counters)
            for name, delivery in halves.items()
        ),
    )


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).selling(catalogue=two_offers()).open()


def wanted(offer: str, kwh: int = 6, within: Interval | None = None) -> OrderRequest:
    start, end = (within.start, within.end) if within else (None, None)
    return replace(WANTED, offer_id=offer, quantity=Energy.from_kwh(kwh), trade_start=start, trade_end=end)


@pytest.mark.parametrize("wire_name", ["v1_1", "v2_rc", "v2_lts"])
async def test_who_names_no_window_gets_the_offers_on_each_wire(world: SellerWorld, wire_name: str) -> None:
    world, wire = world.speaking(PROFILES[wire_name]), wire_of(wire_name)
    found = await world.send(Action.DISCOVER, wire.write_criteria(Criteria(words=("solar",))))
    (listing,) = wire.read_catalog(found)
    assert {offer.id: offer.delivery for offer in listing.offers} == {OFFER: MORNING, "afternoon": AFTERNOON}
    assert {offer.validity for offer in listing.offers} == {span(0, 24)}
    assert "Delivered from 2026-01-09T12:00:00Z until 2026-01-09T14:00:00Z." in {
        offer.description.split(" Paid")[0] for offer in listing.offers
    }
    await world.send(Action.SELECT, wire.write_order_request(wanted("afternoon")))
    held = await world.send(Action.INIT, wire.write_order_request(wanted("afternoon")))
    assert wire.read_contract(held[wire.ORDER_KEY]).window == AFTERNOON
    assert [await left_in(world, at, at + 2) for at in (10, 12)] == [6_000, 0]
    outside = wire.write_order_request(wanted("afternoon", within=span(11, 13)))
    refused = await world.refusal(Action.INIT, outside, transaction_id=str(uuid4()))
    assert refused.code == WindowUnavailable.code
    assert refused.message == (
        "the offer afternoon is for what is delivered from 2026-01-09T12:00:00Z until 2026-01-09T14:00:00Z"
    )


async def test_an_offer_is_told_in_the_form_of_the_branch_that_has_windows(world: SellerWorld) -> None:
    (catalog,) = (await world.send(Action.DISCOVER, {"text_search": "solar"}))["catalogs"]
    bag = catalog["beckn:offers"][0]["beckn:offerAttributes"]
    assert bag["beckn:timeWindow"] == {
        "@type": "beckn:TimePeriod",
        "schema:startTime": "2026-01-09T10:00:00Z",
        "schema:endTime": "2026-01-09T12:00:00Z",
    }
    assert bag["beckn:maxQuantity"]["unitQuantity"] == 20
    assert bag["@context"].endswith("p2p-trading/schema/EnergyTradeOffer/v0.2/context.jsonld")


async def test_another_window_must_be_in_the_offers_too(world: SellerWorld) -> None:
    wire = wire_of("v2_rc")
    held = await world.send(Action.INIT, wire.write_order_request(wanted(OFFER, kwh=2)))
    bought = (await world.send(Action.CONFIRM, held))["order"]["beckn:id"]
    late = await world.refusal(Action.UPDATE, {"order": order(2, order_id=bought, **window(13, 14))})
    assert isinstance(late, WindowUnavailable)
    await world.send(Action.UPDATE, {"order": order(2, order_id=bought, **window(11, 12))})
    assert await left_in(world, 11, 12) == 1_000


async def test_with_counter_terms_the_part_within_the_offer_is_answered(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = SellerWorld(uow_factory=uow_factory).selling(catalogue=two_offers(counters=True))
    await world.open()
    wire = wire_of("v2_rc")
    asked = wanted(OFFER, kwh=5, within=span(11, 14))
    held = await world.send(Action.INIT, wire.write_order_request(asked))
    contract = wire.read_contract(held["order"])
    assert (contract.window, contract.quantity) == (span(11, 12), Energy(3_000))


async def test_who_names_a_time_is_told_the_offers_for_it_alone(world: SellerWorld) -> None:
    world, wire = world.speaking(PROFILES["v1_1"]), wire_of("v1_1")

    async def told(start: float, end: float) -> set[str]:
        found = await world.send(Action.DISCOVER, wire.write_criteria(Criteria(window=span(start, end))))
        return {offer.id for listing in wire.read_catalog(found) for offer in listing.offers}

    assert await told(10, 12) == {OFFER}
    assert await told(12.5, 13) == {"afternoon"}
    assert await told(11, 13) == set()  # produced in all of it, and sold by no offer in all of it
