"""Each provider has a back office of its own, and one that is silent keeps nobody waiting for long."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.responses import JSONResponse
from structlog.testing import capture_logs

from bpp.provider.breaker import MOST_SILENCES
from bpp.provider.office import Office, Offices, ProviderSilent
from bpp.provider.telling import BACKOFF, Telling
from kernel.clock import ManualClock
from protocol.actions import Action
from storage.unit_of_work import UnitOfWorkFactory
from tests.integration.test_bpp_provider_asked import NO, SHORT, Broken, refusal
from tests.support.back_office import PATIENT, REST, TTL, AskedWorld, BackOffice, served_by, webhook
from tests.support.order_lines import AFTERNOON, ROOF, two_offers
from tests.support.seller_world import NOW, SELLER, order
from trading.offer import Catalogue, Provider


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def other() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, office: BackOffice) -> AskedWorld:
    port = webhook(office.url, ManualClock(NOW))
    return await AskedWorld(uow_factory=uow_factory, port=port).open()


def own(world: AskedWorld, office: BackOffice, *, patience: timedelta = PATIENT) -> Office:
    port = webhook(office.url, ManualClock(NOW))
    return served_by(port, world.clock, world.uow_factory, name=SELLER, patience=patience)


async def test_a_provider_s_own_back_office_is_asked_and_told_and_no_other(
    world: AskedWorld, office: BackOffice, other: BackOffice
) -> None:
    world.own = {SELLER: own(world, other)}
    await world.buy(10)
    await world.tell_all()
    assert [each["stage"] for each in other.asked()] == ["init", "confirm"]
    assert other.told() == ["held", "confirmed"]
    assert office.posts == []


async def test_who_has_none_of_its_own_has_the_usual_one(
    world: AskedWorld, office: BackOffice, other: BackOffice
) -> None:
    world.own = {"hill-wind": own(world, other)}
    await world.buy(10)
    await world.tell_all()
    assert office.told() == ["held", "confirmed"]
    assert other.posts == []


async def test_nobody_is_asked_or_told_about_a_provider_without_one(
    world: AskedWorld, office: BackOffice
) -> None:
    world.own = {SELLER: None}
    await world.send(Action.SELECT, {"order": order(10)})
    bought = await world.buy(10)
    assert bought["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"
    assert await world.tell_all() == 2
    assert await world.untold() == 0
    assert office.posts == []


def test_a_node_has_back_offices_if_anybody_has_one(world: AskedWorld, office: BackOffice) -> None:
    assert not Offices()
    assert not Offices(by_provider={SELLER: None})
    assert Offices(by_provider={SELLER: own(world, office)})


async def silence(world: AskedWorld, office: BackOffice, times: int = MOST_SILENCES) -> None:
    office.is_silent = True
    for _ in range(times):
        assert isinstance(await refusal(world, Action.INIT, {"order": order(10)}), ProviderSilent)


async def test_a_back_office_that_is_silent_again_and_again_is_left_alone_until_its_rest_is_over(
    world: AskedWorld, office: BackOffice
) -> None:
    outcomes: Counter[str] = Counter()
    world.own = {
        SELLER: replace(own(world, office, patience=SHORT), count=lambda each: outcomes.update([each]))
    }
    with capture_logs() as logs:
        await silence(world, office)
        asked = len(office.posts)
        await silence(world, office, 2)
    assert len(office.posts) == asked
    assert [each["event"] for each in logs].count("provider.left_alone") == 1
    resting = await refusal(world, Action.INIT, {"order": order(10)})
    assert "has given no answers lately" in str(resting)
    world.clock.advance(REST)
    await silence(world, office, 2)
    assert len(office.posts) == asked + 1
    office.is_silent = False
    office.never.set()
    world.clock.advance(REST)
    await world.buy(10)
    office.answers.append(JSONResponse(NO))
    await refusal(world, Action.SELECT, {"order": order(10)})
    assert outcomes == {"silent": 4, "resting": 4, "accepted": 2, "refused": 1}


async def test_one_that_answers_nonsense_is_not_left_alone(world: AskedWorld, office: BackOffice) -> None:
    world.own = {SELLER: replace(own(world, office), port=Broken())}
    for _ in range(MOST_SILENCES + 1):
        assert isinstance(await refusal(world, Action.INIT, {"order": order(10)}), ProviderSilent)
    world.own = {SELLER: own(world, office)}
    await world.buy(10)


async def hold(world: AskedWorld, times: int = MOST_SILENCES) -> None:
    """Have as many events of orders that do not wait for one another."""
    for number in range(times):
        await world.send(Action.INIT, {"order": order(3)}, transaction_id=f"t-{number}")


async def test_events_of_one_that_takes_none_wait_without_being_posted_until_its_rest_is_over(
    world: AskedWorld, office: BackOffice
) -> None:
    world.own = {SELLER: own(world, office, patience=SHORT)}
    await hold(world, MOST_SILENCES + 2)
    asked = len(office.posts)
    office.is_silent = True
    with capture_logs() as logs:
        assert await world.tell_all() == MOST_SILENCES
    assert len(office.posts) == asked + MOST_SILENCES
    assert [each["event"] for each in logs].count("provider.left_alone") == 1
    office.is_silent = False
    office.never.set()
    world.clock.advance(max(REST, BACKOFF.first))
    await world.tell_all()
    assert await world.untold() == 0


async def test_one_that_is_not_there_for_events_is_left_alone_with_them(
    world: AskedWorld, office: BackOffice
) -> None:
    world.own = {SELLER: own(world, office, patience=SHORT)}
    await hold(world)
    await office.server.stop()
    with capture_logs() as logs:
        assert await world.tell_all() == MOST_SILENCES
    assert [each["event"] for each in logs].count("provider.left_alone") == 1


async def test_one_that_takes_no_events_still_sells(world: AskedWorld, office: BackOffice) -> None:
    world.own = {SELLER: own(world, office, patience=SHORT)}
    await hold(world)
    office.is_silent = True
    await world.tell_all()
    office.is_silent = False
    bought = await world.buy(10)
    assert bought["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"


async def test_one_that_answers_no_questions_is_still_told(world: AskedWorld, office: BackOffice) -> None:
    world.own = {SELLER: own(world, office, patience=SHORT)}
    await hold(world, 1)
    await silence(world, office)
    office.is_silent = False
    office.never.set()
    assert await world.tell_all() == 1
    assert office.told() == ["held"]
    assert isinstance(await refusal(world, Action.INIT, {"order": order(10)}), ProviderSilent)


HILL = "hill-wind"


def with_hill() -> Catalogue:
    """Return the catalogue with a roof of another provider in it."""
    sold = two_offers()
    roof = next(each for each in sold.resources if each.id == ROOF)
    resources = (*(each for each in sold.resources if each is not roof), replace(roof, provider_id=HILL))
    offers = tuple(each for each in sold.offers if each.id != AFTERNOON)
    providers = (*sold.providers, Provider(id=HILL, name="Hill Wind"))
    return replace(sold, providers=providers, resources=resources, offers=offers)


def telling_of(world: AskedWorld, name: str) -> Telling:
    """Return what tells the back office of that name."""
    [lane] = [each for each in world.offices.lanes() if each.office is not None and each.office.name == name]
    return Telling(lane=lane, uow_factory=world.uow_factory, clock=world.clock, ttl=TTL)


async def test_an_office_that_takes_its_time_for_events_keeps_no_other_waiting(
    world: AskedWorld, office: BackOffice, other: BackOffice
) -> None:
    world.bpp.sell_from(with_hill())
    await world.open()
    await world.send(Action.INIT, {"order": order(3)})
    of_hill = {"order": order(3, item=ROOF) | {"beckn:seller": HILL}}
    for transaction in ("t-2", "t-3"):
        await world.send(Action.INIT, of_hill, transaction_id=transaction)
    world.own = {SELLER: own(world, other)}
    office.is_silent = True
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(telling_of(world, "usual").step())
        await office.asked_of("event")
        assert await telling_of(world, SELLER).step()
        assert not await telling_of(world, SELLER).step()
        assert other.told() == ["held"]
        assert not slow.done()
        office.never.set()
    await world.tell_all()
    assert [each["order"]["provider"] for each in office.events()] == [HILL, HILL]
    assert [each["order"]["provider"] for each in other.events()] == [SELLER]
    assert await world.untold() == 0
