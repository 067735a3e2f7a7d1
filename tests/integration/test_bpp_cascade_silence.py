"""Utilities that are silent, late, away or not known: what the buyer is told, and what is undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bpp.deliveries.upkeep import DeliveryDesk
from node.correspondence import Peer
from protocol.actions import Action
from protocol.errors import WireError
from storage.database import Database
from tests.support.grid_world import (
    HILL,
    GridWorld,
    events,
    grid_world,
    order,
)


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def test_a_silent_utility_is_told_as_an_error_to_try_again_and_nothing_stays_held(
    world: GridWorld,
) -> None:
    world.hill.away = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    assert world.answers(init) == []
    assert await world.left() == 490_000
    await world.pass_time(timedelta(seconds=31))
    [answer] = world.answers(init)
    assert answer["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    assert answer["error"]["message"] == (
        "the utility hill-grid.example did not answer in time, so nothing is agreed"
    )
    assert await world.left() == 500_000
    assert await world.trades(world.valley) == [("CANCELLED", 0)]
    world.hill.away = False
    assert (await world.order(Action.INIT, {"order": order(10)}))["beckn:orderStatus"] == "PENDING"


async def test_an_answer_that_comes_too_late_is_undone_at_the_utility(world: GridWorld) -> None:
    world.hill.is_slow = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    await world.pass_time(timedelta(seconds=31))
    assert "error" in world.answers(init)[0]
    await world.release(world.hill)
    assert await world.trades(world.hill) == [("CANCELLED", 0)]
    assert len(world.answers(init)) == 1
    await world.pass_time(timedelta(hours=25))
    assert await world.left() == 500_000


async def test_a_confirm_that_a_utility_never_answers_ends_the_contract_everywhere(world: GridWorld) -> None:
    held = await world.order(Action.INIT, {"order": order(10)})
    world.hill.is_slow = True
    confirm = await world.ask(Action.CONFIRM, {"order": order(10, order_id=held["beckn:id"])})
    await world.pass_time(timedelta(seconds=31))
    [answer] = world.answers(confirm)
    assert answer["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    await world.release(world.hill)
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CANCELLED", 0)]
    assert await world.left() == 500_000
    assert (await events(world, held["beckn:id"]))[-2:] == ["ASK_UTILITIES", "FAIL"]


async def test_a_confirm_in_the_last_second_of_the_hold_is_still_answered(world: GridWorld) -> None:
    held = await world.order(Action.INIT, {"order": order(10)})
    world.clock.advance(timedelta(minutes=14, seconds=59))
    world.valley.is_slow = True
    confirm = await world.ask(Action.CONFIRM, {"order": order(10, order_id=held["beckn:id"])})
    await world.pass_time(timedelta(seconds=10))
    await world.release(world.valley)
    assert world.answers(confirm)[0]["message"]["order"]["beckn:orderStatus"] == "CONFIRMED"


async def test_an_update_that_a_utility_never_answers_leaves_all_as_it_was(world: GridWorld) -> None:
    bought = await world.buy(10)
    world.hill.is_slow = True
    update = await world.ask(Action.UPDATE, {"order": order(15, order_id=bought["beckn:id"])})
    assert await world.left() == 485_000
    await world.pass_time(timedelta(seconds=31))
    assert world.answers(update)[0]["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    await world.release(world.hill)
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CONFIRMED", 10_000)]
    assert await world.left() == 490_000


async def test_a_cancelled_contract_gives_the_limits_back_however_long_a_utility_is_away(
    world: GridWorld,
) -> None:
    bought = await world.buy(10)
    world.hill.away = True
    ended = await world.order(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    assert ended["beckn:orderStatus"] == "CANCELLED"
    assert await world.trades(world.valley) == [("CANCELLED", 0)]
    await world.pass_time(timedelta(minutes=5))
    world.hill.away = False
    await world.pass_time(timedelta(minutes=11))
    assert await world.trades(world.hill) == [("CANCELLED", 0)]


async def test_a_utility_that_is_away_for_more_than_a_day_is_given_up(world: GridWorld) -> None:
    bought = await world.buy(10)
    world.hill.away = True
    await world.order(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    for _ in range(5):
        await world.pass_time(timedelta(hours=6))
    told = len(world.sent_to(world.hill))
    await world.pass_time(timedelta(hours=6))
    assert len(world.sent_to(world.hill)) == told


async def test_a_utility_that_refuses_at_the_door_or_is_never_reached_is_told_to_the_buyer(
    world: GridWorld,
) -> None:
    world.hill.away = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    await world.fail_to_deliver(
        Action.INIT, world.hill, WireError(code="AUT_UNAUTHORIZED_ACTION", message="not you")
    )
    error = world.answers(init)[0]["error"]
    assert (error["code"], "not you" in error["message"]) == ("POL_GENERIC_ERROR", True)
    again = await world.ask(Action.INIT, {"order": order(10)})
    await world.fail_to_deliver(
        Action.INIT, world.hill, WireError(code="NET_CALLBACK_FAILED", message="given up")
    )
    assert world.answers(again)[0]["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    assert await world.left() == 500_000


async def test_while_the_registry_is_away_the_question_waits(world: GridWorld) -> None:
    world.registry_is_away = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    assert world.carried == []
    world.registry_is_away = False
    await world.pass_time(timedelta(seconds=5))
    assert world.answers(init)[0]["message"]["order"]["beckn:orderStatus"] == "PENDING"


async def test_a_utility_that_the_registry_does_not_know_is_told_to_the_buyer(world: GridWorld) -> None:
    world.unknown.add(HILL.subscriber_id)
    refusal = await world.refusal(Action.INIT, {"order": order(10)})
    assert (refusal.code, "the registry knows no hill-grid.example" in refusal.message) == (
        "POL_GENERIC_ERROR",
        True,
    )
    assert await world.left() == 500_000


async def test_a_registry_that_stays_away_is_as_good_as_a_silent_utility(world: GridWorld) -> None:
    world.registry_is_away = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    await world.pass_time(timedelta(seconds=31))
    assert world.answers(init)[0]["error"]["code"] == "NET_DOWNSTREAM_UNAVAILABLE"
    assert await world.left() == 500_000


async def test_an_update_that_waits_while_delivery_begins_is_given_up(world: GridWorld) -> None:
    bought = await world.buy(10)
    world.hill.is_slow = True
    update = await world.ask(Action.UPDATE, {"order": order(15, order_id=bought["beckn:id"])})
    await world.pass_time(timedelta(hours=10, seconds=1))
    await world.release(world.hill)
    assert "error" in world.answers(update)[0]
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CONFIRMED", 10_000)]


async def test_a_question_that_cannot_be_seen_to_is_left_alone_for_a_while(
    world: GridWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(world.desk, find_peer=_broken)
    world.hill.is_slow = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    await world.pass_time(timedelta(seconds=1))
    world.transaction_id = "another"
    monkeypatch.setattr(GridWorld, "desk", property(lambda _self: broken))
    second = await world.ask(Action.INIT, {"order": order(1)})
    assert world.answers(init) == world.answers(second) == []
    monkeypatch.undo()
    await world.release(world.hill)
    await world.pass_time(timedelta(seconds=6))
    assert "message" in world.answers(init)[0]
    assert "message" in world.answers(second)[0]


async def test_a_quantity_is_held_for_as_long_as_utilities_may_take(world: GridWorld) -> None:
    world.bpp = replace(world.bpp, hold_for=timedelta(seconds=5))
    world.sells()
    world.hill.is_slow = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    await world.pass_time(timedelta(seconds=20))
    await world.release(world.hill)
    assert world.answers(init)[0]["message"]["order"]["beckn:orderStatus"] == "PENDING"


async def test_an_answer_to_an_order_that_has_lapsed_is_undone(world: GridWorld) -> None:
    world.hill.is_slow = True
    init = await world.ask(Action.INIT, {"order": order(10)})
    world.clock.advance(timedelta(hours=1))
    desk = DeliveryDesk(bpp=world.bpp, uow_factory=world.seller.uow_factory, clock=world.clock)
    while await desk.step():
        pass
    await world.release(world.hill)
    [answer] = world.answers(init)
    assert answer["error"]["code"] == "BIZ_QUOTE_EXPIRED_OR_CHANGED"
    assert await world.trades(world.hill) == await world.trades(world.valley) == [("CANCELLED", 0)]


async def _broken(_subscriber_id: str) -> Peer:
    raise RuntimeError("the cable is cut")
