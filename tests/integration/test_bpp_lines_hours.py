"""Lines of one order that want each other's hours: what is held is decided for all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from protocol.actions import Action
from protocol.profile import V2_RC
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.order_lines import AFTERNOON, ROOF, ROOF_METER, ROOF_OFFER, line_of, told, written
from tests.support.seller_world import ITEM, OFFER, SellerWorld
from tests.support.windows import hourly, offering, span
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.mapping.lines import write_lines
from trading.offer import Catalogue
from trading.refusals import QuantityUnavailable
from trading.request import OrderRequest
from trading.stock import Stock

Json = dict[str, Any]
Hours = tuple[int, int]


def two_roofs(*watt_hours: int) -> Catalogue:
    """Return a roof with two offers and another with one, each with so many Wh in each hour from ten on."""
    shop = offering(hourly(*watt_hours))
    (roof,), (offer,) = shop.resources, shop.offers
    other = replace(roof, id=ROOF, source=replace(roof.source, meter_id=ROOF_METER))
    offers = (offer, replace(offer, id=AFTERNOON), replace(offer, id=ROOF_OFFER, resource_id=ROOF))
    return replace(shop, resources=(roof, other), offers=offers)


async def open_shop(uow_factory: UnitOfWorkFactory, shop: Catalogue) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory, profile=V2_RC).selling(catalogue=shop).open()


def lines(first: tuple[int, Hours], second: tuple[int, Hours]) -> list[OrderRequest]:
    """Return two lines of one roof: so many kWh between two hours, by the one offer and by the other."""
    return [
        line_of(offer, kwh, span(*hours))
        for offer, (kwh, hours) in zip((OFFER, AFTERNOON), (first, second), strict=True)
    ]


def changed(order_id: str, wanted: Sequence[OrderRequest]) -> Json:
    asked = [replace(line, order_id=order_id) for line in wanted]
    return write_lines(wire_of("v2_rc"), asked, sent={})


async def buy(world: SellerWorld, wanted: Sequence[OrderRequest], *, transaction_id: str = "") -> str:
    named = {"transaction_id": transaction_id or str(uuid4())}
    held = await world.send(Action.INIT, written(world, *wanted), **named)
    return told(world, await world.send(Action.CONFIRM, held, **named))[0].order_id


async def left_of(world: SellerWorld, hours: int, item: str = ITEM) -> list[int]:
    """Return how many Wh can be had of each hour from ten on."""
    async with world.uow_factory() as uow:
        stock, now = Stock(uow.connection), world.clock.now()
        return [
            (await stock.left(item, now=now, window=span(10 + hour, 11 + hour))).watt_hours
            for hour in range(hours)
        ]


@pytest.mark.parametrize("binding", [True, False], ids=["bought", "held"])
async def test_two_lines_swap_whole_hours_in_one_update(
    uow_factory: UnitOfWorkFactory, *, binding: bool
) -> None:
    world = await open_shop(uow_factory, two_roofs(2_000, 3_000))
    before, after = lines((2, (10, 11)), (3, (11, 12))), lines((3, (11, 12)), (2, (10, 11)))
    held = await world.send(Action.INIT, written(world, *before))
    order = told(world, await world.send(Action.CONFIRM, held) if binding else held)
    swapped = told(world, await world.send(Action.UPDATE, changed(order[0].order_id, after)))
    assert [(line.quantity.watt_hours, line.window) for line in swapped] == [
        (3_000, span(11, 12)),
        (2_000, span(10, 11)),
    ]
    assert await left_of(world, 2) == [0, 0]


async def test_two_lines_swap_whole_hours_in_a_later_init(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_shop(uow_factory, two_roofs(2_000, 3_000))
    await world.send(Action.INIT, written(world, *lines((2, (10, 11)), (3, (11, 12)))))
    swapped = await world.send(Action.INIT, written(world, *lines((3, (11, 12)), (2, (10, 11)))))
    assert [line.window for line in told(world, swapped)] == [span(11, 12), span(10, 11)]
    assert await left_of(world, 2) == [0, 0]


async def test_a_line_of_few_hours_has_them_before_one_that_can_have_others(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_shop(uow_factory, two_roofs(2_000, 2_000))
    order_id = await buy(world, lines((1, (10, 12)), (1, (10, 11))))
    wanted = lines((2, (10, 12)), (2, (11, 12)))
    both = told(world, await world.send(Action.UPDATE, changed(order_id, wanted)))
    assert [line.quantity.watt_hours for line in both] == [2_000, 2_000]
    assert await left_of(world, 2) == [0, 0]


async def test_what_does_not_fit_together_changes_nothing_and_names_the_line(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_shop(uow_factory, two_roofs(2_000, 3_000))
    order_id = await buy(world, lines((2, (10, 11)), (1, (11, 12))))
    greedy = lines((2, (11, 12)), (2, (11, 12)))
    error = await world.refusal(Action.UPDATE, changed(order_id, greedy))
    assert (error.code, error.message[:7]) == ("BIZ_QUANTITY_UNAVAILABLE", "line 2:")
    assert await left_of(world, 2) == [0, 2_000]


async def test_what_lines_hold_beyond_what_is_offered_by_now_is_never_held_twice(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_shop(uow_factory, two_roofs(4_000, 4_000))
    order_id = await buy(world, lines((4, (10, 11)), (4, (11, 12))))
    world = await world.selling(catalogue=two_roofs(2_000, 4_000)).open()
    less = lines((3, (10, 11)), (3, (11, 12)))
    kept = told(world, await world.send(Action.UPDATE, changed(order_id, less)))
    assert [line.quantity.watt_hours for line in kept] == [3_000, 3_000]
    for more in (lines((3, (10, 11)), (1, (10, 11))), lines((4, (10, 11)), (2, (11, 12)))):
        assert isinstance(await world.refusal(Action.UPDATE, changed(order_id, more)), QuantityUnavailable)
    assert await left_of(world, 2) == [0, 1_000]


async def test_lines_with_all_of_a_meter_swap_their_hours(uow_factory: UnitOfWorkFactory) -> None:
    shop = two_roofs(2_000, 3_000)
    whole = tuple(
        replace(offer, terms=replace(offer.terms, share_percent=Decimal(100))) for offer in shop.offers
    )
    world = await open_shop(uow_factory, replace(shop, offers=whole))
    order_id = await buy(world, lines((2, (10, 11)), (3, (11, 12))))
    wanted = lines((3, (11, 12)), (2, (10, 11)))
    swapped = told(world, await world.send(Action.UPDATE, changed(order_id, wanted)))
    assert [line.window for line in swapped] == [span(11, 12), span(10, 11)]
    both = lines((3, (10, 12)), (2, (10, 11)))
    error = await world.refusal(Action.UPDATE, changed(order_id, both))
    assert error.code == "BIZ_QUANTITY_UNAVAILABLE"


async def test_what_a_platform_may_hold_bounds_all_lines_together(uow_factory: UnitOfWorkFactory) -> None:
    shop = two_roofs(4_000, 4_000)
    bounded = tuple(replace(each, most_held_percent=Decimal(50)) for each in shop.resources)
    world = await open_shop(uow_factory, replace(shop, resources=bounded))
    await world.send(Action.INIT, written(world, *lines((2, (10, 11)), (2, (11, 12)))))
    swapped = lines((2, (11, 12)), (2, (10, 11)))
    assert len(told(world, await world.send(Action.INIT, written(world, *swapped)))) == 2
    same = lines((2, (10, 11)), (1, (10, 11)))
    error = await world.refusal(Action.INIT, written(world, *same))
    assert "nobody may hold more than 2 kWh so" in error.message
    assert await left_of(world, 2) == [2_000, 2_000]


async def test_orders_that_swap_hours_at_once_neither_wait_for_each_other_nor_let_others_in(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_shop(uow_factory, two_roofs(4_000, 4_000))
    roof = line_of(ROOF_OFFER, 1, span(10, 12), item=ROOF)
    transactions, orders = [str(uuid4()) for _ in range(4)], []

    def of(number: int, first: Hours, second: Hours) -> list[OrderRequest]:
        """Return an hour and another of the one roof, with the other roof before or after them."""
        of_roof = lines((1, first), (1, second))
        return [roof, *of_roof] if number % 2 else [*of_roof, roof]

    for number, transaction_id in enumerate(transactions):
        wanted = of(number, (10, 11), (11, 12))
        orders.append(await buy(world, wanted, transaction_id=transaction_id))
    assert await left_of(world, 2) == [0, 0]

    async def swap(number: int) -> None:
        message = changed(orders[number], of(number, (11, 12), (10, 11)))
        await world.send(Action.UPDATE, message, transaction_id=transactions[number])

    async def rush(number: int) -> None:
        with pytest.raises(QuantityUnavailable):
            await buy(world, of(number, (11, 12), (10, 11)))

    await asyncio.gather(*(act(number) for number in range(4) for act in (swap, rush)))
    assert (await left_of(world, 2), await left_of(world, 2, ROOF)) == ([0, 0], [2_000, 2_000])
    async with world.uow_factory() as uow:
        for order_id, number in zip(orders, range(4), strict=True):
            first = await ContractStore(uow.connection).get(order_id)
            [one, other] = (await ContractStore(uow.connection).find_lines(first))[number % 2 :][:2]
            assert (one.window, other.window) == (span(11, 12), span(10, 11))
