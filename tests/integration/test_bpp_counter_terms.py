"""An offer with counter-terms answers an order that it cannot take with the nearest that it would."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bpp.catalog_file.reader import read_catalogue
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import CATALOGUE_FILE, SellerWorld, order
from trading.contracts import ContractStore

Json = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    text = CATALOGUE_FILE.read_text() + "    counter_terms: true\n"
    usual = SellerWorld(uow_factory=uow_factory)
    bpp = replace(usual.bpp, catalogue=read_catalogue(text, name="catalogue"))
    return await replace(usual, bpp=bpp).open()


async def held(world: SellerWorld, written: Json, **to: Any) -> Json:
    answered: Json = (await world.send(Action.INIT, {"order": written}, **to))["order"]
    return answered


def agreed(order: Json) -> tuple[Decimal, str, str]:
    bag = order["beckn:orderAttributes"]
    return bag["contractedQuantity"], bag["tradeStartTime"], bag["tradeEndTime"]


DAY = ("2026-01-09T10:00:00Z", "2026-01-09T18:00:00Z")


async def test_more_than_can_be_had_is_answered_with_the_most_that_can(world: SellerWorld) -> None:
    first = await held(world, order(25, contractedQuantity=25))
    assert agreed(first) == (Decimal(20), *DAY)  # the most that the offer is for
    assert first["beckn:orderValue"]["value"] == Decimal("5.50")
    again = await held(world, order(19))
    assert agreed(again)[0] == Decimal(19)
    other = await held(world, order(15), transaction_id=str(uuid4()))
    assert agreed(other)[0] == Decimal("11.5")  # what is left
    async with world.uow_factory() as uow:
        [entry, _] = await ContractStore(uow.connection).history(first["beckn:id"])
    assert entry.reason == "25 kWh became 20 kWh"


async def test_less_than_the_offer_is_for_is_answered_with_the_least_that_it_is_for(
    world: SellerWorld,
) -> None:
    assert agreed(await held(world, order(Decimal("0.5"))))[0] == Decimal(1)


async def test_a_window_is_answered_with_the_part_of_it_in_which_something_is_produced(
    world: SellerWorld,
) -> None:
    early = order(5, tradeStartTime="2026-01-09T08:30:00Z", tradeEndTime="2026-01-09T12:00:00Z")
    assert agreed(await held(world, early)) == (Decimal(5), DAY[0], "2026-01-09T12:00:00Z")


async def test_only_what_was_answered_can_be_confirmed(world: SellerWorld) -> None:
    answered = await held(world, order(25))
    refusal = await world.refusal(Action.CONFIRM, {"order": order(25, order_id=answered["beckn:id"])})
    assert (refusal.code, refusal.hint) == (
        "BIZ_QUOTE_EXPIRED_OR_CHANGED",
        "Agreed was 20 kWh; send init again for anything else.",
    )
    confirmed = (await world.send(Action.CONFIRM, {"order": answered}))["order"]
    assert confirmed["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-01-09T19:00:00Z", "2026-01-09T20:00:00Z"), ("2026-01-09T12:00:00Z", "2026-01-09T11:00:00Z")],
)
async def test_a_window_in_which_nothing_is_produced_is_refused(
    world: SellerWorld, start: str, end: str
) -> None:
    outside = order(5, tradeStartTime=start, tradeEndTime=end)
    assert (await world.refusal(Action.INIT, {"order": outside})).code == "BIZ_FULFILLMENT_UNAVAILABLE"


async def test_where_less_is_left_than_the_offer_is_for_the_order_is_refused(world: SellerWorld) -> None:
    await held(world, order(20))
    await held(world, order(10), transaction_id=str(uuid4()))
    to = {"transaction_id": str(uuid4())}
    assert (await world.refusal(Action.INIT, {"order": order(5)}, **to)).code == "BIZ_QUANTITY_UNAVAILABLE"
    world.clock.advance(timedelta(hours=1))
    assert agreed(await held(world, order(5), **to))[0] == Decimal(5)


async def test_an_order_without_a_quantity_is_refused(world: SellerWorld) -> None:
    assert (await world.refusal(Action.INIT, {"order": order(None)})).code == "SCH_REQUIRED_FIELD_MISSING"
