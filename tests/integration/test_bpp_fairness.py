"""What one platform may hold without buying: the others still find something."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from kernel.errors import NodeError
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import SellerWorld, order
from tests.support.windows import hourly, left_in, offering, window
from trading.availability.fairness import TooMuchHeld
from trading.availability.store import AvailabilityStore
from trading.offer import Catalogue

HOARDER = "bap.hoarder.example"


def bounded(catalogue: Catalogue, percent: str) -> Catalogue:
    (roof,) = catalogue.resources
    return replace(catalogue, resources=(replace(roof, most_held_percent=Decimal(percent)),))


async def open_bounded(uow_factory: UnitOfWorkFactory, catalogue: Catalogue, percent: str) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).selling(catalogue=bounded(catalogue, percent)).open()


async def hoard(world: SellerWorld, kilowatt_hours: int, **attributes: str) -> NodeError | None:
    """Have one platform hold something more; return why not, if it is refused."""
    to = {"transaction_id": str(uuid4()), "bap_id": HOARDER}
    try:
        await world.send(Action.INIT, {"order": order(kilowatt_hours, **attributes)}, **to)
    except TooMuchHeld as refused:
        return refused
    return None


async def test_one_platform_hoards_and_another_still_buys(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_bounded(uow_factory, offering(()), "50")
    refusals = [await hoard(world, 5) for _ in range(6)]
    assert [each is None for each in refusals] == [True, True, True, False, False, False]
    refused = refusals[-1]
    assert refused is not None
    assert refused.code == "BIZ_QUANTITY_UNAVAILABLE"
    assert refused.message == (
        "bap.hoarder.example would hold 20 kWh of rooftop-solar-07 without having bought it, "
        "and nobody may hold more than 15.25 kWh so"
    )
    assert refused.hint == (
        "Order at most 0.25 kWh now, or ask again at 2026-01-09T08:15:00Z, when the next hold lapses."
    )
    await world.buy(15)
    assert await left_in(world, 10, 18) == 500


async def test_what_was_bought_is_not_held_and_what_lapsed_neither(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_bounded(uow_factory, offering(()), "50")
    await world.buy(15)
    world.transaction_id = str(uuid4())
    await world.buy(15)
    world = await open_bounded(uow_factory, offering(hourly(70_000)), "50")
    assert await hoard(world, 20, **window(10, 11)) is None
    assert await hoard(world, 20, **window(10, 11)) is not None
    world.clock.advance(timedelta(minutes=15))
    assert await hoard(world, 20, **window(10, 11)) is None


async def test_another_init_of_the_same_conversation_counts_once(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_bounded(uow_factory, offering(()), "50")
    for amount in (15, 14, 15):
        await world.send(Action.INIT, {"order": order(amount)})
    with pytest.raises(TooMuchHeld) as refused:
        await world.send(Action.INIT, {"order": order(16)})
    assert refused.value.hint == "Order at most 15.25 kWh now, and more once that is confirmed."


async def test_of_intervals_each_is_bounded_by_itself(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_bounded(uow_factory, offering(hourly(4_000, 4_000)), "50")
    assert await hoard(world, 2, **window(10, 11)) is None
    assert await hoard(world, 2, **window(11, 12)) is None
    refused = await hoard(world, 1, **window(11, 12))
    assert refused is not None
    assert refused.hint is not None
    assert refused.hint.startswith("Confirm or cancel what is held, or ask again at 2026-01-09T08:15:00Z")


async def test_who_holds_more_than_a_later_bound_may_keep_it_or_have_less(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_bounded(uow_factory, offering(()), "50")
    await world.send(Action.INIT, {"order": order(15)})
    async with world.uow_factory() as uow:
        await AvailabilityStore(uow.connection).put(bounded(offering(()), "20").resources)
    for amount in (15, 12):
        await world.send(Action.INIT, {"order": order(amount)})
    with pytest.raises(TooMuchHeld):
        await world.send(Action.INIT, {"order": order(13)})
