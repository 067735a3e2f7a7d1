"""How often a buyer is told unasked: the delivery desk on a real database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from kernel.interval import Interval
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import WINDOW, SellerWorld
from trading.contracts import ContractStore

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    world = await SellerWorld(uow_factory=uow_factory).open()
    await world.buy(10)
    world.clock.set(WINDOW.end - timedelta(minutes=10))
    return world


async def _hour(world: SellerWorld, number: int) -> None:
    """Have both meters report 1 kWh for an hour of the window, and the desk look at it."""
    start = WINDOW.start + timedelta(hours=number)
    await world.deliver([1_000], window=Interval(start, WINDOW.end))


async def _delivered(world: SellerWorld) -> list[Any]:
    told = await world.unsolicited()
    return [order["beckn:fulfillment"]["beckn:deliveryAttributes"]["deliveredQuantity"] for order in told]


async def _next_look(world: SellerWorld) -> datetime | None:
    async with world.uow_factory() as uow:
        [contract] = await ContractStore(uow.connection).find_page()
    return contract.refresh_at


async def test_what_changes_within_a_minute_is_told_by_one_message_at_its_end(world: SellerWorld) -> None:
    first = world.clock.now()
    for number in range(4):
        await _hour(world, number)
        world.clock.advance(timedelta(seconds=10))
    assert await _delivered(world) == [1]
    assert await _next_look(world) == first + MINUTE
    world.clock.set(first + MINUTE)
    assert await world.refresh_all() == 1
    assert await _delivered(world) == [1, 4]


async def test_nothing_is_told_twice_once_the_wait_is_over(world: SellerWorld) -> None:
    await _hour(world, 0)
    await _hour(world, 1)
    for _ in range(3):
        world.clock.advance(MINUTE)
        await world.refresh_all()
    assert await _delivered(world) == [1, 2]
    assert await _next_look(world) == WINDOW.end


async def test_what_waits_is_told_by_a_platform_that_was_started_anew(world: SellerWorld) -> None:
    await _hour(world, 0)
    await _hour(world, 1)
    anew = SellerWorld(uow_factory=world.uow_factory, clock=world.clock)
    anew.clock.advance(MINUTE)
    assert await anew.refresh_all() == 1
    assert await _delivered(anew) == [1, 2]


async def test_the_end_of_a_contract_does_not_wait(world: SellerWorld) -> None:
    for number in range(7):
        await _hour(world, number)
    world.clock.set(WINDOW.end)
    await _hour(world, 7)
    told = await world.unsolicited()
    assert [order["beckn:orderStatus"] for order in told] == ["INPROGRESS", "COMPLETED"]
    assert await _delivered(world) == [1, 8]
    assert await _next_look(world) is None


async def test_whoever_asks_is_told_what_waits(world: SellerWorld) -> None:
    await _hour(world, 0)
    await _hour(world, 1)
    [told] = await world.unsolicited()
    asked = await world.status(told["beckn:id"])
    assert asked["beckn:fulfillment"]["beckn:deliveryAttributes"]["deliveredQuantity"] == 2


async def test_a_platform_that_waits_for_nothing_tells_everything_at_once(world: SellerWorld) -> None:
    hasty = world.selling(status_interval=timedelta(0))
    for number in range(3):
        await _hour(hasty, number)
    assert await _delivered(hasty) == [1, 2, 3]
