"""Energy that is offered by intervals: what is left is so in a window, from select to cancel."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from bpp.deliveries.curtailment import curtail_contract
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import ITEM, SellerWorld, order
from tests.support.windows import hourly, left_in, offering, open_hourly, span, window
from trading.availability.store import AvailabilityStore, Oversold
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut
from trading.stock import Stock

BY = Actor(who="operator")


async def buy(world: SellerWorld, kilowatt_hours: int, start: float, end: float) -> str:
    """Buy energy between two hours in a conversation of its own; return the order's id."""
    world.transaction_id = str(uuid4())
    bought = await world.buy(kilowatt_hours, **window(start, end))
    return str(bought["beckn:id"])


async def reoffer(world: SellerWorld, *watt_hours: int, start: int = 10) -> list[Oversold]:
    """Offer so many Wh in each hour instead; return what is oversold by that."""
    offered = offering(hourly(*watt_hours, start=start))
    world.bpp.sell_from(offered)
    async with world.uow_factory() as uow:
        store = AvailabilityStore(uow.connection)
        await store.put(offered.resources)
        return await store.oversold(now=world.clock.now())


async def test_one_hour_sold_out_leaves_the_others_for_sale(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_hourly(uow_factory, 4_000, 4_000, 2_000)
    await buy(world, 4, 10, 11)
    assert [await left_in(world, at, at + 1) for at in (10, 11, 12)] == [0, 4_000, 2_000]
    world.transaction_id = str(uuid4())
    refused = await world.refusal(Action.SELECT, {"order": order(1, **window(10, 11))})
    assert refused.message == (
        "1 kWh were asked for, 0 kWh are left from 2026-01-09T10:00:00Z until 2026-01-09T11:00:00Z"
    )
    more = await world.refusal(Action.INIT, {"order": order(7, **window(10, 13))})
    assert more.hint == "Order at most 6 kWh, or in another window."
    await world.send(Action.SELECT, {"order": order(6, **window(10, 13))})
    await buy(world, 3, 11, 13)  # in proportion to what is left
    assert [await left_in(world, at, at + 1) for at in (10, 11, 12)] == [0, 2_000, 1_000]


async def test_of_half_an_hour_half_of_what_is_left_can_be_had(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_hourly(uow_factory, 4_000)
    assert await left_in(world, 10, 10.5) == 2_000
    await buy(world, 2, 10, 10.5)
    assert await left_in(world, 10, 10.5) == 1_000
    assert await left_in(world, 10, 11) == 2_000


async def test_discover_tells_what_is_left_from_now_on(uow_factory: UnitOfWorkFactory) -> None:
    async def told() -> object:
        (found,) = (await world.send(Action.DISCOVER, {"text_search": "solar"}))["catalogs"]
        return found["beckn:items"][0]["beckn:itemAttributes"]["availableQuantity"]

    world = await open_hourly(uow_factory, 4_000, 4_000, 2_000)
    assert await told() == 10
    await buy(world, 3, 11, 12)
    assert await told() == 7
    world.clock.set(span(11, 12).start)
    assert await told() == 3


async def test_searches_for_a_time_are_told_what_is_left_then(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_hourly(uow_factory, 4_000, 4_000, 2_001)
    await buy(world, 3, 11, 12)
    now = world.clock.now()
    async with uow_factory() as uow:
        stock = Stock(uow.connection)
        for start, end in ((10, 13), (11, 12), (10.5, 11.5), (12.5, 15), (13, 14)):
            (told,) = (await stock.left_of_wanted(now=now, window=span(start, end))).values()
            assert told == await stock.left(ITEM, now=now, window=span(start, end))
        assert await stock.left_of_wanted(now=now) == {ITEM: await stock.left(ITEM, now=now)}


async def test_another_quantity_or_window_moves_what_is_held(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_hourly(uow_factory, 4_000, 4_000, 2_000)
    bought = await buy(world, 4, 10, 11)
    await world.send(Action.UPDATE, {"order": order(4, order_id=bought, **window(11, 12))})
    assert [await left_in(world, at, at + 1) for at in (10, 11)] == [4_000, 0]
    await world.send(Action.UPDATE, {"order": order(1, order_id=bought, **window(11, 12))})
    assert await left_in(world, 11, 12) == 3_000
    refused = await world.refusal(Action.UPDATE, {"order": order(3, order_id=bought, **window(12, 13))})
    assert refused.code == "BIZ_QUANTITY_UNAVAILABLE"
    assert await left_in(world, 11, 12) == 3_000
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought}})
    assert await left_in(world, 10, 13) == 10_000


async def test_who_cancels_during_delivery_gives_the_rest_of_the_time_back(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_hourly(uow_factory, 4_000, 4_000, 2_000)
    bought = await buy(world, 10, 10, 13)
    world.clock.set(span(11.5, 12).start)
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought}})
    assert [await left_in(world, at, at + 1) for at in (10, 11, 12)] == [0, 2_000, 2_000]


async def test_other_intervals_take_over_what_is_sold_in_their_time(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_hourly(uow_factory, 4_000, 4_000)
    sold_to = (await buy(world, 3, 10, 11),)
    assert await reoffer(world, 1_000, 5_000, 5_000) == [
        Oversold(resource_id=ITEM, interval=span(10, 11), offered=_kwh(1), taken=_kwh(3), sold_to=sold_to)
    ]
    assert [await left_in(world, at, at + 1) for at in (10, 11)] == [0, 5_000]
    world.bpp.sell_from(offering(()))
    async with uow_factory() as uow:
        await AvailabilityStore(uow.connection).put(world.bpp.catalogue.resources)
    assert await left_in(world, 14, 15) == 27_500  # of one quantity in all, whenever it was sold
    assert await reoffer(world, 5_000, start=16) == [
        Oversold(resource_id=ITEM, interval=None, offered=_kwh(0), taken=_kwh(3), sold_to=sold_to)
    ]
    assert await left_in(world, 16, 17) == 5_000
    assert await reoffer(world, 4_000) == []
    assert await left_in(world, 10, 11) == 1_000


async def test_what_is_cut_returns_only_as_far_as_it_was_oversold(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_hourly(uow_factory, 4_000, 4_000)
    bought = await buy(world, 8, 10, 12)
    assert len(await reoffer(world, 4_000, 1_000)) == 1
    async with uow_factory() as uow:
        wanted = Curtailment(
            cut=Cut(quantity=_kwh(5), reason=CurtailmentReason.OTHER), since=span(10, 11).start
        )
        await curtail_contract(world.bpp, bought, wanted, uow, by=BY, why="clouds", now=world.clock.now())
    (over,) = await reoffer(world, 4_000, 1_000)
    assert (over.interval, over.offered, over.taken) == (span(11, 12), _kwh(1), Energy(1_500))
    assert [await left_in(world, at, at + 1) for at in (10, 11)] == [0, 0]


async def test_a_hold_that_has_lapsed_can_be_had_by_others_at_once(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_hourly(uow_factory, 4_000, 4_000)
    await world.send(Action.INIT, {"order": order(8, **window(10, 12))})
    assert await left_in(world, 10, 12) == 0
    world.clock.advance(timedelta(minutes=15))
    assert await left_in(world, 10, 12) == 8_000
    await buy(world, 8, 10, 12)
    assert await left_in(world, 10, 12) == 0


def _kwh(amount: int) -> Energy:
    return Energy.from_kwh(amount)
