"""What lines of one order hold of the same roof: one has what another gives back, nothing stays behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text

from bpp.seller_changes import Operator, cancel_as_seller
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
    written,
)
from tests.support.seller_world import ITEM, SellerWorld
from tests.support.waiting import eventually
from trading.cancellation import Reason
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
    by = Operator(actor=Actor(who="operator"), why=Reason(words="storm"), now=world.clock.now())

    async def is_waited() -> object:
        async with world.uow_factory() as other:
            return (await other.connection.execute(_WAITING)).scalar_one()

    async with world.uow_factory() as uow:
        await cancel_as_seller(world.bpp, lines[1].order_id, uow, by=by)
        update = asyncio.create_task(world.send(Action.UPDATE, message))
        await eventually(is_waited, expected=True)
    with pytest.raises(UpdateNotAllowed):
        await update
    assert await left(world) == 15_500
    async with world.uow_factory() as uow:
        ended = await ContractStore(uow.connection).get(lines[1].order_id)
        assert (ended.status, ended.quantity) == (ContractStatus.TERMINATED, Energy(10_000))
        assert await Stock(uow.connection).held_for(ended.id) == Energy(0)


async def test_after_a_held_line_was_cancelled_the_order_can_be_made_anew(world: SellerWorld) -> None:
    held = told(world, await world.send(Action.INIT, written(world, *LINES)))
    second = [{"beckn:orderedItem": ITEM, "beckn:lineId": "line-2"}]
    named = {"order": {"beckn:id": held[0].order_id, "beckn:orderItems": second}}
    await world.send(Action.CANCEL, named)
    again = told(world, await world.send(Action.INIT, written(world, MORNING_LINE)))
    assert [line.status for line in again] == [ContractStatus.PENDING]
    assert await left(world) == 15_500
    both = await world.send(Action.INIT, written(world, MORNING_LINE, ROOF_LINE))
    sold = told(world, await world.send(Action.CONFIRM, both))
    assert [line.status for line in sold] == [ContractStatus.ACTIVE] * 2
