"""What lines of one order hold of the same roof: one has what another gives back, nothing stays behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from bpp.changes.seller_changes import Operator, cancel_as_seller
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import V2_RC
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.order_lines import (
    AFTERNOON_LINE,
    LINES,
    MORNING_LINE,
    ROOF_LINE,
    buy_lines,
    open_world,
    told,
    two_offers,
    written,
)
from tests.support.seller_world import ITEM, SellerWorld
from tests.support.waiting import eventually
from tests.support.windows import hourly, offering
from trading.cancellation import Reason
from trading.contract import expire
from trading.contracts import ContractStore
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.lines import write_lines
from trading.refusals import UpdateNotAllowed
from trading.request import OrderRequest
from trading.stock import Stock

_WAITING = text("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await open_world(uow_factory, V2_RC)


def of(line: OrderRequest, kilowatt_hours: int) -> OrderRequest:
    return replace(line, quantity=Energy(kilowatt_hours * 1_000))


def by(world: SellerWorld) -> Operator:
    return Operator(actor=Actor(who="operator"), why=Reason(words="storm"), now=world.clock.now())


async def left(world: SellerWorld) -> int:
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours


async def test_a_later_init_gives_to_one_line_what_another_has_less(world: SellerWorld) -> None:
    await world.send(Action.INIT, written(world, *LINES))
    other = of(MORNING_LINE, 5)
    await world.send(Action.INIT, written(world, other), transaction_id=str(uuid4()))
    more_first = (of(MORNING_LINE, 20), of(AFTERNOON_LINE, 5))
    held = told(world, await world.send(Action.INIT, written(world, *more_first)))
    assert [line.quantity.watt_hours for line in held] == [20_000, 5_000]
    assert await left(world) == 500


async def test_an_update_gives_to_one_line_what_another_has_less(world: SellerWorld) -> None:
    order_id = (await buy_lines(world))[0].order_id
    await world.send(Action.INIT, written(world, of(MORNING_LINE, 5)), transaction_id=str(uuid4()))
    more_first = (of(MORNING_LINE, 19), of(AFTERNOON_LINE, 6))
    asked = [replace(line, order_id=order_id) for line in more_first]
    message = write_lines(wire_of("v2_rc"), asked, sent={})
    both = told(world, await world.send(Action.UPDATE, message))
    assert [line.quantity.watt_hours for line in both] == [19_000, 6_000]
    assert await left(world) == 500


async def test_a_line_that_ends_while_an_update_waits_for_it_holds_nothing_afterwards(
    world: SellerWorld,
) -> None:
    lines = await buy_lines(world)
    asked = [replace(of(line, 5), order_id=lines[0].order_id) for line in LINES]
    message = write_lines(wire_of("v2_rc"), asked, sent={})

    async def is_waited() -> object:
        async with world.uow_factory() as other:
            return (await other.connection.execute(_WAITING)).scalar_one()

    async with world.uow_factory() as uow:
        await cancel_as_seller(world.bpp, lines[1].order_id, uow, by=by(world))
        update = asyncio.create_task(world.send(Action.UPDATE, message))
        await eventually(is_waited, expected=True)
    with pytest.raises(UpdateNotAllowed):
        await update
    assert await left(world) == 15_500
    async with world.uow_factory() as uow:
        ended = await ContractStore(uow.connection).get(lines[1].order_id)
        assert (ended.status, ended.quantity) == (ContractStatus.TERMINATED, Energy(10_000))
        assert await Stock(uow.connection).held_for(ended.id) == Energy(0)


async def test_while_held_lines_lapse_one_after_the_other_the_order_can_be_made_anew(
    world: SellerWorld,
) -> None:
    held = told(world, await world.send(Action.INIT, written(world, *LINES)))
    world.clock.advance(timedelta(hours=1))
    async with world.uow_factory() as uow:
        store = ContractStore(uow.connection)
        second = await store.get(held[1].order_id, lock=True)
        await Stock(uow.connection).release(second.id, resource_id=second.resource_id)
        await store.save(expire(second, now=world.clock.now()))
    again = told(world, await world.send(Action.INIT, written(world, MORNING_LINE)))
    assert [line.status for line in again] == [ContractStatus.PENDING]
    assert await left(world) == 15_500
    both = await world.send(Action.INIT, written(world, MORNING_LINE, ROOF_LINE))
    sold = told(world, await world.send(Action.CONFIRM, both))
    assert [line.status for line in sold] == [ContractStatus.ACTIVE] * 2


async def test_with_counter_terms_a_line_has_what_those_before_it_leave(
    uow_factory: UnitOfWorkFactory,
) -> None:
    shop = two_offers()
    offers = tuple(replace(offer, counters=True) for offer in shop.offers)
    world = SellerWorld(uow_factory=uow_factory, profile=V2_RC)
    world = await world.selling(catalogue=replace(shop, offers=offers)).open()
    greedy = written(world, of(MORNING_LINE, 20), of(AFTERNOON_LINE, 20))
    for _ in range(2):  # the second time of what was held the first time
        held = told(world, await world.send(Action.INIT, greedy))
        assert [line.quantity.watt_hours for line in held] == [20_000, 10_500]
    assert await left(world) == 0


async def test_with_counter_terms_lines_of_other_hours_leave_each_other_all(
    uow_factory: UnitOfWorkFactory,
) -> None:
    shop = offering(hourly(*(8 * [2_000])))
    (offer,) = shop.offers
    twice = tuple(replace(offer, id=each.offer_id or "", counters=True) for each in LINES)
    world = SellerWorld(uow_factory=uow_factory, profile=V2_RC)
    world = await world.selling(catalogue=replace(shop, offers=twice)).open()
    held = told(world, await world.send(Action.INIT, written(world, *LINES)))
    assert [line.quantity.watt_hours for line in held] == [8_000, 8_000]
