"""A seller's back office and the utilities of its trades: it is asked first, and they only if it accepts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.responses import JSONResponse, Response

from protocol.actions import Action
from storage.database import Database
from tests.integration.test_bpp_grid_proposals import BUYERS_NOTICE, standing, told_last, trades
from tests.support.back_office import BackOffice, asked_first
from tests.support.grid_world import START, GridWorld, grid_world, order
from trading.proposal import ProposalStatus

Json = dict[str, Any]


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def world(
    database: Database, postgres_url: str, template_url: str, office: BackOffice
) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        asked_first(running, office)
        yield running


async def test_the_back_office_is_asked_once_and_the_utilities_after_it(
    world: GridWorld, office: BackOffice
) -> None:
    bought = await world.buy(10)
    assert bought["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"
    held, confirmed = office.asked()
    assert (held["stage"], confirmed["stage"]) == ("init", "confirm")
    total = f"{bought['beckn:orderValue']['value']:.2f}"
    assert confirmed["order"]["price"]["amount"] == total  # with what the utilities charge
    assert held["order"]["price"]["amount"] != total
    assert {"init", "confirm"} <= set(world.sent_to(world.valley))


async def test_utilities_are_not_asked_about_what_the_back_office_refuses(
    world: GridWorld, office: BackOffice
) -> None:
    office.answers = [JSONResponse({"answer": "refuse", "reason": "Not today."})]
    refusal = await world.refusal(Action.INIT, {"order": order(10)})
    assert refusal.code == "BIZ_GENERIC_ERROR"
    assert refusal.message == "the seller does not take this order: Not today."
    assert world.sent_to(world.valley) == []
    assert await world.left() == 500_000


async def test_a_back_office_that_gives_no_answer_is_told_in_the_callback_at_once(
    world: GridWorld, office: BackOffice
) -> None:
    office.answers = [Response(status_code=404)]
    refusal = await world.refusal(Action.INIT, {"order": order(10)})
    assert refusal.code == "NET_DOWNSTREAM_UNAVAILABLE"
    assert len(office.asked()) == 1


async def test_a_change_that_the_back_office_accepts_is_put_before_the_utilities_then(
    world: GridWorld, office: BackOffice
) -> None:
    world.sells(cancellation=(BUYERS_NOTICE,))
    asked_first(world, office)
    bought = (await world.buy(10))["beckn:id"]
    await world.pass_time(START - world.clock.now() - timedelta(minutes=30))  # within the notice
    office.answers = [JSONResponse({"answer": "accept", "reason": "More sun."})]
    told = await world.order(Action.UPDATE, {"order": order(12, order_id=bought)})
    assert told["beckn:orderItems"][0]["beckn:proposal"]["status"] == "OPEN"  # until they have answered
    assert (await standing(world, bought)) == (12, ProposalStatus.ACCEPTED)
    assert told_last(world)["answer"] == "More sun."
    assert await trades(world) == {("CONFIRMED", 12_000)}


async def test_utilities_are_not_asked_about_a_change_that_the_back_office_refuses(
    world: GridWorld, office: BackOffice
) -> None:
    world.sells(cancellation=(BUYERS_NOTICE,))
    asked_first(world, office)
    bought = (await world.buy(10))["beckn:id"]
    await world.pass_time(START - world.clock.now() - timedelta(minutes=30))
    asked = len(world.sent_to(world.hill))
    office.answers = [JSONResponse({"answer": "refuse"})]
    told = await world.order(Action.UPDATE, {"order": order(12, order_id=bought)})
    assert told["beckn:orderItems"][0]["beckn:proposal"]["status"] == "REFUSED"
    assert len(world.sent_to(world.hill)) == asked
