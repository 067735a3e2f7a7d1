"""What utilities are told and nobody waits for, and how it goes with what they are asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from bpp.cascade.patience import PATIENCE
from protocol.actions import Action
from storage.database import Database
from tests.support.grid_world import HILL, NEIGHBOUR_METER, GridWorld, grid_world, order


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


@pytest.mark.parametrize(
    ("code", "told", "reported"),
    [
        ("NET_CALLBACK_FAILED", 2, False),
        ("BIZ_ALREADY_CANCELLED", 1, False),
        ("BIZ_ORDER_NOT_FOUND", 1, False),
        ("POL_CANCELLATION_NOT_ALLOWED", 1, True),
    ],
)
async def test_a_notice_that_a_utility_says_no_to_is_told_again_or_ends_and_is_reported(
    world: GridWorld, code: str, told: int, reported: bool
) -> None:
    def refused(document: dict[str, Any]) -> None:
        if document["context"]["bpp_id"] == HILL.subscriber_id:
            document["error"] = {"code": code, "message": "no"}
            del document["message"]
            world.edit = None

    bought = await world.buy(10)
    world.edit = refused
    with capture_logs() as logs:
        await world.order(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
        await world.pass_time(timedelta(minutes=11))
    assert world.sent_to(world.hill).count("cancel") == told
    assert ("cascade.notice_refused" in {entry["event"] for entry in logs}) is reported


async def test_a_utility_that_left_the_registry_is_not_told_for_ever(world: GridWorld) -> None:
    bought = await world.buy(10)
    world.unknown.add(HILL.subscriber_id)
    await world.order(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    with capture_logs() as logs:
        await world.pass_time(PATIENCE)
    assert "cascade.utility_not_told" in {entry["event"] for entry in logs}
    world.unknown.clear()
    await world.pass_time(timedelta(hours=1))
    assert "cancel" not in world.sent_to(world.hill)


async def test_a_question_that_could_not_be_sent_at_once_is_not_waited_for_longer(world: GridWorld) -> None:
    world.registry_is_away = True
    world.hill.away = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    await world.pass_time(timedelta(seconds=20))
    world.registry_is_away = False
    await world.pass_time(timedelta(seconds=6))
    assert world.sent_to(world.hill) == ["init"]
    await world.pass_time(timedelta(seconds=4))
    assert world.answers(init)[0]["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
