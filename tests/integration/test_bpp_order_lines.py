"""Orders of several lines: quoted, held, sold and delivered together, on each generation of the wire."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from bpp.catalog_file.reader import load_catalogue
from bpp.customer_care.tracking_links import TrackingLinks
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import CALLBACK_OF, Action
from protocol.profile import V1_1, V2_RC, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_message_errors
from tests.support.order_lines import (
    AFTERNOON_HOURS,
    AFTERNOON_LINE,
    LINES,
    MORNING_HOURS,
    MORNING_LINE,
    ROOF,
    ROOF_LINE,
    buy_lines,
    line_of,
    open_world,
    told,
    written,
)
from tests.support.seller_world import ITEM, SellerWorld
from trading.cancellation import NO_REASON
from trading.contracts import ContractStore
from trading.lifecycle import ContractStatus
from trading.mapping.lines import write_lines
from trading.mapping.wire import Wire
from trading.refusals import QuantityUnavailable
from trading.request import OrderRequest
from trading.stock import Stock

Json = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, profile: Profile) -> SellerWorld:
    return await open_world(uow_factory, profile)


async def left(world: SellerWorld, item: str = ITEM) -> int:
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(item, now=world.clock.now())).watt_hours


async def test_select_quotes_each_line_and_their_sum(world: SellerWorld, wire: Wire) -> None:
    quoted = await world.send(Action.SELECT, written(world, *LINES))
    whole = wire.find_parts(quoted[wire.ORDER_KEY])
    assert whole.value is not None
    assert Decimal(whole.value["value"]) == Decimal("6.55")
    each = [wire.find_parts(line).value for line in wire.split_order(quoted[wire.ORDER_KEY])]
    assert [Decimal(value["value"]) for value in each if value] == [Decimal("4.75"), Decimal("1.80")]
    assert len(whole.value["components"]) == sum(len(value["components"]) for value in each if value)
    assert await left(world) == 30_500


async def test_all_lines_are_held_then_sold(world: SellerWorld, wire: Wire) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    assert await left(world) == 5_500
    assert [line.status for line in told(world, held)] == [ContractStatus.PENDING] * 2
    sold = await world.send(Action.CONFIRM, held)
    morning, afternoon = told(world, sold)
    assert [line.status for line in (morning, afternoon)] == [ContractStatus.ACTIVE] * 2
    assert (morning.quantity, afternoon.quantity) == (Energy(15_000), Energy(10_000))
    assert (morning.window, afternoon.window) == (MORNING_HOURS, AFTERNOON_HOURS)
    assert (morning.quote.total.minor, afternoon.quote.total.minor) == (475, 180)
    assert afternoon.order_id == f"{morning.order_id}.2"
    whole = wire.find_parts(sold[wire.ORDER_KEY])
    assert whole.contract is not None
    assert whole.order_id == morning.order_id
    assert whole.contract["contractedQuantity"] == 25
    assert (whole.contract["tradeStartTime"], whole.contract["tradeEndTime"]) == (
        "2026-01-09T10:00:00Z",
        "2026-01-09T18:00:00Z",
    )
    again = await world.send(Action.CONFIRM, held)
    assert again == sold
    world.clock.advance(timedelta(hours=1))
    assert await left(world) == 5_500


async def test_what_init_answered_is_what_status_tells(world: SellerWorld, wire: Wire) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    order_id = told(world, held)[0].order_id
    found = await world.send(Action.STATUS, wire.write_order_id(OrderRequest(order_id=order_id)))
    assert told(world, found) == told(world, held)


async def test_each_line_has_its_own_delivery_and_bill(world: SellerWorld, wire: Wire) -> None:
    bought = await buy_lines(world)
    world.clock.advance(timedelta(hours=11))
    await world.deliver([4_000] * 4, window=MORNING_HOURS)
    await world.deliver([2_000] * 4, window=AFTERNOON_HOURS)
    world.clock.advance(timedelta(hours=24))
    await world.refresh_all()
    found = await world.send(Action.STATUS, wire.write_order_id(OrderRequest(order_id=bought[0].order_id)))
    morning, afternoon = told(world, found)
    assert [line.status for line in (morning, afternoon)] == [ContractStatus.COMPLETED] * 2
    assert (morning.delivery.delivered, afternoon.delivery.delivered) == (Energy(15_000), Energy(8_000))
    [first], [second] = morning.bills, afternoon.bills
    assert (first.total.minor, second.total.minor) == (475, 144)
    assert (first.cycle_id, second.cycle_id) == ("bill-2026-01-001", "2:bill-2026-01-001")
    whole = wire.find_parts(found[wire.ORDER_KEY]).contract or {}
    assert [bill["cycleId"] for bill in whole["billingCycles"]] == [first.cycle_id, second.cycle_id]
    last = (await world.unsolicited())[-1]
    assert [len(line.bills) for line in told(world, {wire.ORDER_KEY: last})] == [1, 1]


async def test_messages_of_several_lines_fit_the_official_schema(
    world: SellerWorld, wire: Wire, profile: Profile
) -> None:
    asked: list[tuple[Action, Json]] = [(Action.SELECT, written(world, *LINES))]
    asked.append((Action.INIT, asked[0][1]))
    answers = [(CALLBACK_OF[action], await world.send(action, message)) for action, message in asked]
    asked.append((Action.CONFIRM, answers[-1][1]))
    answers.append((Action.ON_CONFIRM, await world.send(*asked[-1])))
    world.clock.advance(timedelta(hours=11))
    await world.deliver([4_000] * 4, window=MORNING_HOURS)
    news = [document for _, document in await world.documents(Action.ON_STATUS)]
    documents = [(action, orjson.loads(world.inbound(action, message).raw)) for action, message in asked]
    documents += [(Action.ON_STATUS, each) for each in news]
    for action, message in answers:
        context = news[0]["context"] | {"action": profile.wire_names[action]}
        documents.append((action, {"context": context, "message": message}))
    for action, document in documents:
        assert official_message_errors(profile.schema_of(action), document, profile=profile.name) == []


async def test_nothing_is_held_if_one_line_cannot_be_had(world: SellerWorld) -> None:
    greedy = replace(AFTERNOON_LINE, quantity=Energy(16_000))
    error = await world.refusal(Action.INIT, written(world, MORNING_LINE, greedy))
    assert error.code == "BIZ_QUANTITY_UNAVAILABLE"
    assert error.message.startswith("line 2: ")
    assert await left(world) == 30_500


async def test_a_refusal_names_the_line_by_its_place(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    unknown = replace(AFTERNOON_LINE, offer_id="nobody-offers-this")
    error = await world.refusal(Action.SELECT, written(world, MORNING_LINE, unknown))
    assert error.path == "$.message.order['beckn:orderItems'][1]['beckn:acceptedOffer']"


# changing and ending


def changed(world: SellerWorld, wire: Wire, held: Json, *lines: OrderRequest) -> Json:
    """Return an update of the order in `held` to these lines."""
    order_id = told(world, held)[0].order_id
    requests = [replace(line, order_id=order_id) for line in lines]
    message = write_lines(wire, requests, sent={})
    return message | ({"update_target": "order.items"} if world.profile is V1_1 else {})


async def test_an_update_changes_the_line_that_it_names(world: SellerWorld, wire: Wire) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    await world.send(Action.CONFIRM, held)
    less = replace(AFTERNOON_LINE, quantity=Energy(6_000))
    morning, afternoon = told(world, await world.send(Action.UPDATE, changed(world, wire, held, less)))
    assert (morning.quantity, afternoon.quantity) == (Energy(15_000), Energy(6_000))
    assert (morning.quote.total.minor, afternoon.quote.total.minor) == (475, 108)
    assert await left(world) == 9_500


async def test_an_order_that_is_sent_back_with_other_quantities_changes_all_of_them(
    world: SellerWorld, wire: Wire
) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    await world.send(Action.CONFIRM, held)
    more, less = (
        replace(MORNING_LINE, quantity=Energy(18_000)),
        replace(AFTERNOON_LINE, quantity=Energy(2_000)),
    )
    both = await world.send(Action.UPDATE, changed(world, wire, held, more, less))
    assert [line.quantity for line in told(world, both)] == [Energy(18_000), Energy(2_000)]
    assert await left(world) == 10_500


async def test_of_changes_that_cannot_all_be_made_none_is(world: SellerWorld, wire: Wire) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    sold = await world.send(Action.CONFIRM, held)
    less, greedy = (
        replace(MORNING_LINE, quantity=Energy(14_000)),
        replace(AFTERNOON_LINE, quantity=Energy(18_000)),
    )
    error = await world.refusal(Action.UPDATE, changed(world, wire, held, less, greedy))
    assert (error.code, error.message[:7]) == ("BIZ_QUANTITY_UNAVAILABLE", "line 2:")
    order_id = told(world, held)[0].order_id
    found = await world.send(Action.STATUS, wire.write_order_id(OrderRequest(order_id=order_id)))
    assert told(world, found) == told(world, sold)
    assert await left(world) == 5_500


async def test_cancel_ends_every_line(world: SellerWorld, wire: Wire) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    await world.send(Action.CONFIRM, held)
    request = OrderRequest(order_id=told(world, held)[0].order_id)
    ended = await world.send(Action.CANCEL, wire.write_cancel(request, NO_REASON))
    assert [line.status for line in told(world, ended)] == [ContractStatus.TERMINATED] * 2
    assert await left(world) == 30_500
    again = await world.refusal(Action.CANCEL, wire.write_cancel(request, NO_REASON))
    assert again.code == "BIZ_ALREADY_CANCELLED"


async def test_a_cancel_of_2_0_rc_may_name_a_line(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    order_id = (await buy_lines(world))[0].order_id
    lines = [{"beckn:orderedItem": ITEM, "beckn:lineId": "line-2"}]
    named = {"order": {"beckn:id": order_id, "beckn:orderItems": lines}}
    ended = await world.send(Action.CANCEL, named)
    assert [line.status for line in told(world, ended)] == [ContractStatus.ACTIVE, ContractStatus.TERMINATED]
    assert ended["order"]["beckn:orderStatus"] == "CONFIRMED"
    assert await left(world) == 15_500
    assert (await world.refusal(Action.CANCEL, named)).code == "BIZ_ALREADY_CANCELLED"
    unclear = {"order": {"beckn:id": order_id, "beckn:orderItems": [{"beckn:orderedItem": ITEM}]}}
    assert (await world.refusal(Action.CANCEL, unclear)).code == "BIZ_UPDATE_INCONSISTENT"
    rest = await world.send(Action.CANCEL, {"order": {"beckn:id": order_id}})
    assert [line.status for line in told(world, rest)] == [ContractStatus.TERMINATED] * 2


async def test_a_later_init_of_fewer_lines_gives_back_what_it_leaves_out(world: SellerWorld) -> None:
    first = told(world, await world.send(Action.INIT, written(world, *LINES, ROOF_LINE)))
    assert (await left(world), await left(world, ROOF)) == (5_500, 20_500)
    second = told(world, await world.send(Action.INIT, written(world, *LINES)))
    assert [line.order_id for line in second] == [line.order_id for line in first[:2]]
    assert (await left(world), await left(world, ROOF)) == (5_500, 30_500)
    async with world.uow_factory() as uow:
        history = await ContractStore(uow.connection).history(first[2].order_id)
    assert [entry.event for entry in history] == ["INIT", "CANCEL"]
    one = told(world, await world.send(Action.INIT, written(world, ROOF_LINE)))
    assert [line.order_id for line in one] == [first[0].order_id]
    assert (await left(world), await left(world, ROOF)) == (30_500, 20_500)


async def test_a_hold_that_nobody_confirms_lapses_with_all_its_lines(world: SellerWorld) -> None:
    await world.send(Action.INIT, written(world, *LINES, ROOF_LINE))
    world.clock.advance(timedelta(hours=1))
    assert await world.refresh_all() == 1
    assert (await left(world), await left(world, ROOF)) == (30_500, 30_500)


async def test_one_link_follows_all_lines(world: SellerWorld, wire: Wire) -> None:
    order_id = (await buy_lines(world))[0].order_id
    request = OrderRequest(order_id=order_id)
    message = wire.write_track(request, callback_url="https://baker.example/followed")
    link = wire.read_tracking(await world.send(Action.TRACK, message)).rpartition("/")[2]
    async with world.uow_factory() as uow:
        lines = await TrackingLinks(uow.connection).follow(
            link, lasts=timedelta(hours=1), now=world.clock.now()
        )
    assert [each.line for each in lines] == [1, 2]


# against each other


async def test_orders_for_the_same_two_things_in_opposite_order_neither_wait_for_each_other_nor_oversell(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)

    async def buy(*lines: OrderRequest) -> bool:
        transaction_id = str(uuid4())
        try:
            held = await world.send(Action.INIT, written(world, *lines), transaction_id=transaction_id)
            await world.send(Action.CONFIRM, held, transaction_id=transaction_id)
        except QuantityUnavailable:
            return False
        return True

    one_way, other_way = (MORNING_LINE, ROOF_LINE), (ROOF_LINE, MORNING_LINE)
    bought = await asyncio.gather(*(buy(*(one_way if turn % 2 else other_way)) for turn in range(8)))
    assert bought.count(True) == 2
    assert (await left(world), await left(world, ROOF)) == (500, 10_500)


async def test_the_example_is_sold_in_one_order(uow_factory: UnitOfWorkFactory) -> None:
    file = Path(__file__).parents[2] / "examples" / "catalog" / "two-roofs.yaml"
    world = await SellerWorld(uow_factory=uow_factory).selling(catalogue=load_catalogue(file)).open()
    day = Interval(datetime(2036, 5, 1, 14, tzinfo=UTC), datetime(2036, 5, 1, 18, tzinfo=UTC))
    wanted = [
        line_of("mill-morning", 10, day, item="rooftop-solar-21"),
        line_of("mill-afternoon", 20, day, item="rooftop-solar-21"),
        line_of("school", 25, day, item="rooftop-solar-22"),
    ]
    lines = await buy_lines(world, *wanted)
    assert [line.quote.total.minor for line in lines] == [150, 360, 400]
    assert (await left(world, "rooftop-solar-21"), await left(world, "rooftop-solar-22")) == (10_000, 0)
