"""Orders of several lines that are written otherwise than we write them, or amiss."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bpp.changes.seller_changes import Operator, SellerWish, propose_as_seller
from bpp.customer_care.ratings import RatingStore
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.order_lines import (
    AFTERNOON,
    AFTERNOON_HOURS,
    LINES,
    MORNING_HOURS,
    MORNING_LINE,
    ROOF,
    ROOF_LINE,
    buy_lines,
    open_world,
    told,
    written,
)
from tests.support.seller_world import ITEM, SELLER, SellerWorld
from trading.cancellation import Reason
from trading.grid import GridAccess
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.lines import read_lines
from trading.proposal import Answer
from trading.refusals import FieldInvalid
from trading.request import OrderRequest, Rating

Json = dict[str, Any]
OPEN_WIRES = pytest.mark.parametrize("profile", [V1_1, V2_LTS], ids=["v1_1", "v2_lts"])
"""Those on which an update may name no item."""


@pytest.mark.parametrize(
    ("profile", "order"),
    [
        (V1_1, {"items": [{"id": "a"}] * 9_000, "fulfillments": [{"id": "b"}] * 9_000}),
        (V2_LTS, {"commitments": [{"id": "a"}] * 9_000, "performance": [{"commitmentIds": ["b"]}] * 9_000}),
        (V2_RC, {"beckn:orderItems": [{"beckn:orderedItem": "a"}] * 9_000}),
    ],
    ids=["v1_1", "v2_lts", "v2_rc"],
)
def test_far_too_many_lines_are_refused_before_they_are_compared_with_each_other(
    profile: Profile, order: Json
) -> None:
    wire = wire_of(profile.name)
    with pytest.raises(FieldInvalid, match="9000 lines"):
        read_lines(wire, {wire.ORDER_KEY: order})


async def delivered(world: SellerWorld, message: Json) -> list[Energy]:
    """Have an order bought by this init and delivered; return what is told of each line."""
    wire = wire_of(world.profile.name)
    sold = await world.send(Action.CONFIRM, await world.send(Action.INIT, message))
    world.clock.advance(timedelta(hours=11))
    await world.deliver([4_000] * 4, window=MORNING_HOURS)
    await world.deliver([2_000] * 4, window=AFTERNOON_HOURS)
    request = OrderRequest(order_id=told(world, sold)[0].order_id)
    lines = told(world, await world.send(Action.STATUS, wire.write_order_id(request)))
    assert [line.quote.total.minor for line in lines] == [475, 180]
    return [line.delivery.delivered for line in lines]


async def test_what_only_the_lines_say_is_not_taken_for_what_all_come_to(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)
    message = written(world, *LINES)
    bag = message["order"].pop("beckn:orderAttributes")
    for line, kwh in zip(message["order"]["beckn:orderItems"], (15, 10), strict=True):
        own = line.get("beckn:contractAttributes", {}) | {"contractedQuantity": kwh}
        line["beckn:contractAttributes"] = bag | own
    quoted = await world.send(Action.SELECT, message)
    assert Decimal(quoted["order"]["beckn:orderValue"]["value"]) == Decimal("6.55")


async def test_items_that_share_a_fulfilment_are_told_apart(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V1_1)
    message = written(world, *LINES)
    order = message["order"]
    order["fulfillments"] = [order["fulfillments"][0] | {"id": "f1"}]
    for item in order["items"]:
        item["fulfillment_ids"] = ["f1"]
    assert await delivered(world, message) == [Energy(15_000), Energy(8_000)]


async def test_commitments_under_one_id_are_told_apart(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_LTS)
    message = written(world, *LINES)
    for each in message["contract"]["commitments"]:
        each["id"] = "energy"
    assert await delivered(world, message) == [Energy(15_000), Energy(8_000)]


async def test_the_price_of_an_order_holds_also_if_its_one_line_has_a_bag(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)
    held = await world.send(Action.INIT, written(world, MORNING_LINE))
    [line] = held["order"]["beckn:orderItems"]
    line["beckn:contractAttributes"] = held["order"]["beckn:orderAttributes"]
    del line["beckn:price"]
    held["order"]["beckn:orderValue"] = {"currency": "USD", "value": 1}
    assert (await world.refusal(Action.CONFIRM, held)).code == "BIZ_PRICE_MISMATCH"


# cancels that name lines


def naming(order_id: str, *lines: Json) -> Json:
    return {"order": {"beckn:id": order_id, "beckn:orderItems": list(lines)}}


async def test_who_names_all_lines_in_a_cancel_means_the_order(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    order_id = (await buy_lines(world))[0].order_id
    world.clock.set(MORNING_HOURS.end + timedelta(minutes=5))
    lines = [{"beckn:orderedItem": ITEM, "beckn:lineId": f"line-{number}"} for number in (1, 2)]
    ended = told(world, await world.send(Action.CANCEL, naming(order_id, *lines)))
    assert [line.status for line in ended] == [ContractStatus.ACTIVE, ContractStatus.TERMINATED]


async def test_a_cancel_of_a_line_that_there_is_not_ends_no_other(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    order_id = (await buy_lines(world, MORNING_LINE, ROOF_LINE))[0].order_id
    line = {"beckn:orderedItem": ITEM, "beckn:lineId": "line-9"}
    refusal = await world.refusal(Action.CANCEL, naming(order_id, line))
    assert (refusal.code, refusal.message) == ("BIZ_UPDATE_INCONSISTENT", "the order has no line line-9")
    ended = told(world, await world.send(Action.CANCEL, naming(order_id, {"beckn:orderedItem": ITEM})))
    assert [line.status for line in ended] == [ContractStatus.TERMINATED, ContractStatus.ACTIVE]


async def test_lines_that_a_buyer_calls_alike_are_ended_by_what_they_are_of(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)
    message = written(world, *LINES)
    for line in message["order"]["beckn:orderItems"]:
        line["beckn:lineId"] = "energy"
    held = await world.send(Action.INIT, message)
    await world.send(Action.CONFIRM, held)
    line = {"beckn:orderedItem": ITEM, "beckn:lineId": "energy"}
    order_id = held["order"]["beckn:id"]
    unclear = await world.refusal(Action.CANCEL, naming(order_id, line))
    assert unclear.code == "BIZ_UPDATE_INCONSISTENT"
    line["beckn:acceptedOffer"] = next(
        each["beckn:acceptedOffer"] for each in held["order"]["beckn:orderItems"]
    )
    ended = told(world, await world.send(Action.CANCEL, naming(order_id, line)))
    assert [each.status for each in ended] == [ContractStatus.TERMINATED, ContractStatus.ACTIVE]


async def test_no_line_of_a_held_order_is_ended_by_itself(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    held = await world.send(Action.INIT, written(world, *LINES))
    line = {"beckn:orderedItem": ITEM, "beckn:lineId": "line-2"}
    refusal = await world.refusal(Action.CANCEL, naming(held["order"]["beckn:id"], line))
    assert refusal.code == "POL_CANCELLATION_NOT_ALLOWED"
    sold = told(world, await world.send(Action.CONFIRM, held))
    assert [each.status for each in sold] == [ContractStatus.ACTIVE] * 2


# updates that name few lines, or none


def updating(world: SellerWorld, message: Json) -> Json:
    return message | ({"update_target": "order.items"} if world.profile is V1_1 else {})


@OPEN_WIRES
async def test_an_answer_is_to_the_line_that_has_the_proposal(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await open_world(uow_factory, profile)
    wire = wire_of(profile.name)
    first, second = await buy_lines(world)
    by = Operator(actor=Actor(who="operator"), why=Reason(words="clouds"), now=world.clock.now())
    wish = SellerWish(request=OrderRequest(quantity=Energy(7_000)))
    async with uow_factory() as uow:
        proposal, _ = await propose_as_seller(world.bpp, second.order_id, wish, uow, by=by)
    request = OrderRequest(order_id=first.order_id, seller=SELLER, buyer_id="baker-1")
    unknown = updating(world, wire.write_answer(request, Answer(proposal_id="none", accepts=True)))
    assert (await world.refusal(Action.UPDATE, unknown)).code == "BIZ_UPDATE_INCONSISTENT"
    accepts = updating(world, wire.write_answer(request, Answer(proposal_id=proposal.id, accepts=True)))
    lines = told(world, await world.send(Action.UPDATE, accepts))
    assert [line.quantity for line in lines] == [Energy(15_000), Energy(7_000)]


@OPEN_WIRES
async def test_a_change_says_of_which_line_it_is(uow_factory: UnitOfWorkFactory, profile: Profile) -> None:
    world = await open_world(uow_factory, profile)
    wire = wire_of(profile.name)
    order_id = (await buy_lines(world))[0].order_id
    request = OrderRequest(order_id=order_id, seller=SELLER, buyer_id="baker-1", contracted=Energy(9_000))
    refusal = await world.refusal(Action.UPDATE, updating(world, wire.write_update(request)))
    assert (refusal.code, refusal.hint) == (
        "BIZ_UPDATE_INCONSISTENT",
        "Say which line is to be otherwise.",
    )
    same = updating(world, wire.write_update(replace(request, contracted=Energy(25_000))))
    assert [line.quantity for line in told(world, await world.send(Action.UPDATE, same))] == [
        Energy(15_000),
        Energy(10_000),
    ]


@pytest.mark.parametrize("total", ["6.55", "5.83", "1.08"])
async def test_an_update_of_one_line_may_name_the_price_of_the_order(
    uow_factory: UnitOfWorkFactory, total: str
) -> None:
    world = await open_world(uow_factory, V2_RC)
    order_id = (await buy_lines(world))[0].order_id
    less = replace(LINES[1], order_id=order_id, offer_id=AFTERNOON, quantity=Energy(6_000), currency="USD")
    wrong = written(world, replace(less, total=Decimal("7.00")))
    assert (await world.refusal(Action.UPDATE, wrong)).code == "BIZ_PRICE_MISMATCH"
    lines = told(world, await world.send(Action.UPDATE, written(world, replace(less, total=Decimal(total)))))
    assert [line.quantity for line in lines] == [Energy(15_000), Energy(6_000)]


# ratings


async def test_an_order_is_rated_once_however_many_lines_it_has(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    wire = wire_of(V2_RC.name)
    order_id = (await buy_lines(world, *LINES, ROOF_LINE))[0].order_id
    rating = Rating(target_id=order_id, category="ORDER", value=Decimal(4), worst=Decimal(0), best=Decimal(5))
    await world.send(Action.RATING, wire.write_ratings([rating]))
    of_line = wire.write_ratings([replace(rating, target_id=f"{order_id}.2")])
    assert (await world.refusal(Action.RATING, of_line)).code == "BIZ_RATING_TARGET_NOT_FOUND"
    async with uow_factory() as uow:
        given = await RatingStore(uow.connection).of_sold(resources=[ITEM, ROOF], providers=[SELLER])
    assert {name: summary.count for name, summary in given.items()} == {ITEM: 1, ROOF: 1, SELLER: 1}


# another init


async def test_lines_may_change_places_with_a_later_init(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    sold = world.bpp.catalogue
    shared = tuple(
        replace(each, terms=replace(each.terms, share_percent=Decimal(60))) for each in sold.offers
    )
    world = world.selling(catalogue=replace(sold, offers=shared))
    await world.send(Action.INIT, written(world, *LINES))
    held = told(world, await world.send(Action.INIT, written(world, *reversed(LINES))))
    assert [line.window for line in held] == [AFTERNOON_HOURS, MORNING_HOURS]
    twice = replace(LINES[1], trade_start=MORNING_HOURS.start, trade_end=MORNING_HOURS.end)
    refusal = await world.refusal(Action.INIT, written(world, LINES[0], twice))
    assert (refusal.code, refusal.message[:7]) == ("BIZ_QUANTITY_UNAVAILABLE", "line 2:")


@OPEN_WIRES
async def test_a_confirm_that_names_no_line_means_all_of_them(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await open_world(uow_factory, profile)
    wire = wire_of(profile.name)
    order_id = told(world, await world.send(Action.INIT, written(world, *LINES)))[0].order_id
    request = OrderRequest(
        order_id=order_id,
        seller=SELLER,
        buyer_id="baker-1",
        contracted=Energy(25_000),
        trade_start=MORNING_HOURS.start,
        trade_end=AFTERNOON_HOURS.end,
        total=Decimal("6.55"),
        currency="USD",
    )
    for wrong in (replace(request, contracted=Energy(15_000)), replace(request, total=Decimal("4.75"))):
        refusal = await world.refusal(Action.CONFIRM, wire.write_order_request(wrong))
        assert refusal.code in ("BIZ_QUOTE_EXPIRED_OR_CHANGED", "BIZ_PRICE_MISMATCH")
    lines = told(world, await world.send(Action.CONFIRM, wire.write_order_request(request)))
    assert [line.status for line in lines] == [ContractStatus.ACTIVE] * 2


@pytest.mark.parametrize("action", [Action.SELECT, Action.INIT])
async def test_what_utilities_are_asked_about_is_neither_quoted_nor_held_beside_other_lines(
    uow_factory: UnitOfWorkFactory, action: Action
) -> None:
    world = await open_world(uow_factory, V2_RC)
    sold = world.bpp.catalogue
    access = GridAccess(utility="utility.example")
    asked = tuple(replace(each, grid=access) if each.id == ROOF else each for each in sold.resources)
    world = world.selling(catalogue=replace(sold, resources=asked))
    refusal = await world.refusal(action, written(world, MORNING_LINE, ROOF_LINE))
    assert refusal.message.startswith("line 2: utilities are asked")
