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
from tests.integration.test_bpp_prepaid import fill
from tests.integration.test_bpp_provider_asked import Broken
from tests.support.back_office import TTL, AskedWorld, BackOffice, webhook
from tests.support.seller_world import NOW, WINDOW, order
from trading.contract_news import News, NewsStore, note_news
from trading.lifecycle import ContractStatus
from trading.terms import PaymentTiming

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


async def test_what_is_said_to_an_event_that_is_taken_counts_for_nothing(
    world: AskedWorld, office: BackOffice
) -> None:
    await world.send(Action.INIT, {"order": order(3)})
    office.answers = [Response("x" * 1_000_000, status_code=201)]
    assert await world.tell_all() == 1
    assert await world.untold() == 0


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


async def test_a_bill_is_told_when_it_is_paid(world: AskedWorld, office: BackOffice) -> None:
    [offer] = world.bpp.catalogue.offers
    prepaid = replace(offer, terms=replace(offer.terms, payment=PaymentTiming.PREPAID))
    world.bpp.sell_from(replace(world.bpp.catalogue, offers=(prepaid,)))
    await fill(world, 400)
    await world.buy(10)
    world.clock.set(WINDOW.end)
    await world.deliver([1_250] * 8)
    await world.tell_all()
    assert sorted(office.told()[2:]) == ["billed", "completed", "paid"]
    [paid] = [each for each in office.events() if each["event"] == "paid"]
    assert paid["bill"]["total"] == {"amount": "4.00", "currency": "USD"}
    assert (paid["correction"], paid["order"]["id"]) == (None, office.events()[1]["order"]["id"])


async def test_a_correction_of_a_bill_is_told_with_what_it_comes_to(
    world: AskedWorld, office: BackOffice
) -> None:
    await world.buy(10)
    world.clock.set(WINDOW.end)
    await world.deliver([1_250] * 8)
    world.clock.advance(timedelta(minutes=5))
    await world.deliver([1_125] * 8)
    await world.tell_all()
    assert office.told() == ["held", "confirmed", "billed", "completed", "corrected"]
    billed, corrected = office.events()[2], office.events()[4]
    assert corrected["bill"] == billed["bill"]
    assert billed["correction"] is None
    assert corrected["correction"] == {
        "number": 2,
        "kind": "CREDIT_NOTE",
        "amount": {"amount": "0.15", "currency": "USD"},
    }
