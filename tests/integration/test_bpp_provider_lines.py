"""A back office is asked about each line of an order by itself; the order is sold together, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask

from bpp.provider.asking import ProviderRefused
from bpp.provider.breaker import MOST_SILENCES
from bpp.provider.office import ProviderSilent
from bpp.provider.port import Answer, Event, Question
from kernel.clock import ManualClock
from kernel.energy import Energy
from protocol.actions import Action
from protocol.profile import PROFILES, V1_1, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.integration.test_bpp_provider_asked import SHORT, refusal
from tests.integration.test_bpp_provider_consent import TERM
from tests.support.back_office import PATIENT, REST, AskedWorld, BackOffice, webhook
from tests.support.order_lines import (
    AFTERNOON,
    AFTERNOON_HOURS,
    AFTERNOON_LINE,
    LINES,
    MORNING_LINE,
    told,
    two_offers,
    written,
)
from tests.support.seller_world import ITEM, NOW, OFFER
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.mapping.lines import write_lines
from trading.stock import Stock

Json = dict[str, Any]


class Choosy(BackOffice):
    """Answers by the offer that it is asked about."""

    def __init__(self, **answers: Json) -> None:
        super().__init__()
        self.by_offer = answers

    async def _take(self, request: Request) -> Response:
        taken = await super()._take(request)
        _, said = self.posts[-1]
        if said["type"] != "question":
            return taken
        return JSONResponse(self.by_offer.get(said["order"]["offer"], {"answer": "accept"}))


@pytest.fixture
async def office() -> AsyncIterator[Choosy]:
    async with Choosy() as office:
        yield office


@pytest.fixture(params=list(PROFILES.values()), ids=list(PROFILES))
async def world(request: pytest.FixtureRequest, uow_factory: UnitOfWorkFactory, office: Choosy) -> AskedWorld:
    profile: Profile = request.param
    port = webhook(office.url, ManualClock(NOW))
    world = AskedWorld(uow_factory=uow_factory, profile=profile, port=port)
    sold = two_offers()
    offers = tuple(replace(each, terms=replace(each.terms, cancellation=(TERM,))) for each in sold.offers)
    world.bpp.sell_from(replace(sold, offers=offers))
    return await world.open()


async def left(world: AskedWorld) -> int:
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours


async def test_each_line_is_asked_about_and_only_the_countered_one_is_otherwise(
    world: AskedWorld, office: Choosy
) -> None:
    office.by_offer = {AFTERNOON: {"answer": "counter", "max_kwh": "4", "price_per_kwh": "0.20"}}
    held = await world.send(Action.INIT, written(world, *LINES))
    morning, afternoon = told(world, held)
    assert (morning.quantity, afternoon.quantity) == (Energy(15_000), Energy(4_000))
    assert (morning.quote.total.minor, afternoon.quote.total.minor) == (475, 80)
    office.by_offer = {}
    await world.send(Action.CONFIRM, held)
    assert sorted((each["stage"], each["order"]["kwh"]) for each in office.asked()) == [
        ("confirm", "15"),
        ("confirm", "4"),
        ("init", "10"),
        ("init", "15"),
    ]
    assert len({each["id"] for each in office.asked()}) == 4
    assert await left(world) == 11_500


async def test_an_order_of_which_one_line_is_refused_is_not_held(world: AskedWorld, office: Choosy) -> None:
    office.by_offer = {OFFER: {"answer": "refuse", "reason": "Not in the morning."}}
    error = await refusal(world, Action.INIT, written(world, *LINES))
    assert isinstance(error, ProviderRefused)
    assert error.message.endswith("Not in the morning.")
    assert await left(world) == 30_500


class LateOfTheMorning(Choosy):
    """Answers about the morning only once it is asked about the afternoon and has answered that."""

    def __init__(self, **answers: Json) -> None:
        super().__init__(**answers)
        self.was_asked = asyncio.Event()

    async def _take(self, request: Request) -> Response:
        answer = await super()._take(request)
        if (await request.json())["order"]["offer"] == AFTERNOON:
            answer.background = BackgroundTask(self.was_asked.set)
        else:
            await self.was_asked.wait()
        return answer


async def test_of_several_refused_lines_the_first_is_told_of_whichever_answer_came_first(
    world: AskedWorld,
) -> None:
    refused = {offer: {"answer": "refuse", "reason": f"Not {offer}."} for offer in (OFFER, AFTERNOON)}
    async with LateOfTheMorning(**refused) as office:
        world.port = webhook(office.url, ManualClock(NOW))
        error = await refusal(world, Action.INIT, written(world, *LINES))
        assert error.message.endswith(f"Not {OFFER}.")
        assert len(office.asked()) == 2


async def test_a_change_of_one_line_by_consent_is_asked_about_and_made(
    world: AskedWorld, office: Choosy
) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    bought = told(world, await world.send(Action.CONFIRM, held))
    world.clock.set(AFTERNOON_HOURS.start - timedelta(minutes=10))
    less = replace(AFTERNOON_LINE, quantity=Energy(6_000), order_id=bought[0].order_id)
    message = write_lines(wire_of(world.profile.name), [less], sent={})
    update = message | ({"update_target": "order.items"} if world.profile is V1_1 else {})
    both = told(world, await world.send(Action.UPDATE, update))
    [question] = [each for each in office.asked() if each["stage"] == "update"]
    assert (question["order"]["offer"], question["order"]["kwh"], question["change"]["kwh"]) == (
        AFTERNOON,
        "10",
        "6",
    )
    assert [each.quantity for each in both] == [Energy(15_000), Energy(6_000)]
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(question["order"]["id"])
    assert contract.quantity == Energy(6_000)


async def test_several_changes_at_once_need_nobody_s_word(world: AskedWorld, office: Choosy) -> None:
    held = await world.send(Action.INIT, written(world, *LINES))
    order_id = told(world, await world.send(Action.CONFIRM, held))[0].order_id
    lines = [
        replace(MORNING_LINE, quantity=Energy(14_000), order_id=order_id),
        replace(AFTERNOON_LINE, quantity=Energy(6_000), order_id=order_id),
    ]
    message = write_lines(wire_of(world.profile.name), lines, sent={})
    update = message | ({"update_target": "order.items"} if world.profile is V1_1 else {})
    both = told(world, await world.send(Action.UPDATE, update))
    assert [each.quantity for each in both] == [Energy(14_000), Energy(6_000)]
    assert "update" not in [each["stage"] for each in office.asked()]


class Mute:
    """A back office that hears every question and answers none, until it has its voice again."""

    def __init__(self) -> None:
        self.heard = 0
        self.voice = asyncio.Event()

    async def ask(self, _question: Question) -> Answer:
        self.heard += 1
        await self.voice.wait()
        return Answer(accepted=True)

    async def tell(self, _event: Event) -> None:
        raise AssertionError("nobody tells it anything")


async def test_an_order_of_several_lines_is_one_silence_and_one_trial(world: AskedWorld) -> None:
    world.port, world.patience, lines = (mute := Mute()), SHORT, written(world, *LINES)
    for asked in range(1, MOST_SILENCES + 1):
        assert isinstance(await refusal(world, Action.SELECT, lines), ProviderSilent)
        assert mute.heard == asked * len(LINES)
    assert isinstance(await refusal(world, Action.SELECT, lines), ProviderSilent)
    assert mute.heard == MOST_SILENCES * len(LINES)
    mute.voice.set()
    world.patience = PATIENT
    world.clock.advance(REST)
    await world.send(Action.SELECT, lines)
    assert mute.heard == (MOST_SILENCES + 1) * len(LINES)
