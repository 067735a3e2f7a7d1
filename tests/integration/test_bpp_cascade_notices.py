"""What utilities are told and nobody waits for, and how it goes with what they are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from protocol.actions import Action
from storage.database import Database
from tests.support.grid_world import NEIGHBOUR_METER, GridWorld, grid_world, order


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def test_what_a_utility_was_to_be_told_before_does_not_undo_what_it_is_asked_anew(
    world: GridWorld,
) -> None:
    await world.order(Action.INIT, {"order": order(10)})
    world.hill.away = True
    near = order(10, utility=None, meter=NEIGHBOUR_METER)
    await world.order(Action.INIT, {"order": near})
    world.hill.away = False
    await world.order(Action.INIT, {"order": order(10)})
    await world.pass_time(timedelta(seconds=40))
    assert world.sent_to(world.hill) == ["init", "cancel", "init"]
    assert await world.trades(world.hill) == [("HELD", 10_000)]


async def test_an_init_that_no_utility_is_asked_about_takes_the_place_of_one_that_still_waits(
    world: GridWorld,
) -> None:
    world.hill.is_slow = True
    first = await world.ask(Action.INIT, {"order": order(10)})
    [resource] = world.bpp.catalogue.resources
    catalogue = replace(world.bpp.catalogue, resources=(replace(resource, grid=None),))
    world.bpp = replace(world.bpp, catalogue=catalogue)
    world.sells()
    second = await world.order(Action.INIT, {"order": order(4)})
    assert second["beckn:orderValue"]["value"] == Decimal("0.60")
    assert world.answers(first)[0]["error"]["code"] == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    await world.release(world.hill)
    assert len(world.answers(first)) == 1
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CANCELLED", 0)]
    assert await world.left() == 496_000
