"""A seller's own back office is told what becomes of orders: each event until it is taken, in order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi.responses import Response
from structlog.testing import capture_logs

from bpp.provider.telling import BACKOFF, FOLLOWER
from kernel.clock import ManualClock
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.integration.test_bpp_provider_asked import Broken
from tests.support.back_office import TTL, AskedWorld, BackOffice, webhook
from tests.support.seller_world import NOW, WINDOW, order
from trading.contract_news import News, NewsStore, note_news
from trading.lifecycle import ContractStatus

Json = dict[str, Any]


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, office: BackOffice) -> AskedWorld:
    port = webhook(office.url, ManualClock(NOW))
    return await AskedWorld(uow_factory=uow_factory, port=port).open()


async def test_a_back_office_follows_an_order_to_its_bill(world: AskedWorld, office: BackOffice) -> None:
    bought = await world.buy(10)
    await world.tell_all()
    world.clock.set(WINDOW.end)
    await world.deliver([1_250] * 8)
    await world.tell_all()
    assert office.told() == ["held", "confirmed", "billed", "completed"]
    confirmed, billed = office.events()[1:3]
    assert confirmed["order"]["id"] == bought["beckn:id"]
    assert confirmed["order"]["status"] == "ACTIVE"
    assert confirmed["bill"] is None
    assert billed["bill"]["total"] == {"amount": "4.00", "currency": "USD"}
    assert (billed["order"]["kwh"], billed["order"]["buyer"]) == ("10", "baker-1")


async def test_events_come_once_and_in_order_after_a_back_office_was_down(
    world: AskedWorld, office: BackOffice
) -> None:
    bought = await world.buy(10)
    await office.leave()
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    assert await world.tell_all() == 1  # the first; the others wait for it
    assert await world.tell_all() == 0
    assert await world.untold() == 3
    office.never.clear()
    await office.server.start()
    world.clock.advance(BACKOFF.first)
    assert await world.tell_all() == 3
    assert office.told() == ["held", "confirmed", "cancelled"]
    assert await world.untold() == 0
    assert await world.tell_all() == 0


async def test_an_event_that_is_not_taken_holds_up_only_its_own_order(
    world: AskedWorld, office: BackOffice
) -> None:
    await world.buy(2)
    world.transaction_id = str(uuid4())
    await world.send(Action.INIT, {"order": order(3)})
    office.answers = [Response(status_code=400)]
    await world.tell_all()
    assert [(each["event"], each["order"]["kwh"]) for each in office.events()] == [
        ("held", "2"),
        ("held", "3"),
    ]
    first, _ = (key for key, said in office.posts if said["type"] == "event")
    world.clock.advance(BACKOFF.first)
    await world.tell_all()
    assert [(each["event"], each["order"]["kwh"]) for each in office.events()[2:]] == [
        ("held", "2"),
        ("confirmed", "2"),
    ]
    assert [key for key, _ in office.posts].count(first) == 2


async def test_a_silent_back_office_is_told_later(world: AskedWorld, office: BackOffice) -> None:
    await world.send(Action.INIT, {"order": order(3)})
    office.is_silent = True
    await replace(world, patience=timedelta(milliseconds=300)).tell_all()
    assert await world.untold() == 1


async def test_a_plug_in_that_fails_is_told_later(world: AskedWorld) -> None:
    await world.send(Action.INIT, {"order": order(3)})
    await replace(world, port=Broken()).tell_all()
    assert await world.untold() == 1


async def test_what_is_too_old_is_told_to_the_log_instead(world: AskedWorld, office: BackOffice) -> None:
    await world.send(Action.INIT, {"order": order(3)})
    world.clock.advance(TTL)
    with capture_logs() as logs:
        await world.tell_all()
    assert office.told() == []
    assert [each["event"] for each in logs if each["log_level"] == "error"] == ["provider.not_told"]
    assert await world.untold() == 0


async def test_what_is_the_network_s_affair_is_not_told(world: AskedWorld, office: BackOffice) -> None:
    held = (await world.send(Action.INIT, {"order": order(3)}))["order"]
    asked = News(contract_id=held["beckn:id"], event="ASK_UTILITIES", status=ContractStatus.PENDING, at=NOW)
    async with world.uow_factory() as uow:
        await note_news(uow.connection, asked)
    await world.tell_all()
    assert office.told() == ["held"]
    assert await world.untold() == 0


async def test_nothing_is_kept_where_nobody_follows(world: AskedWorld, office: BackOffice) -> None:
    async with world.uow_factory() as uow:
        await NewsStore(uow.connection).unfollow(FOLLOWER)
    await world.buy(10)
    assert await world.untold() == 0
    assert await world.tell_all() == 0
    assert office.told() == []
