"""A vehicle is charged through the plain API, on each generation of the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from protocol.actions import Action
from protocol.profile import PROFILES, Profile
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import NOON, station
from tests.support.market_world import MarketWorld, market_world


@pytest.fixture(params=list(PROFILES.values()), ids=list(PROFILES))
async def world(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[MarketWorld]:
    profile: Profile = request.param
    stall = station(UnitOfWorkFactory(database)).bpp
    async with market_world(database, profile=profile, bpp=stall) as running:
        running.clock.set(NOON)
        yield running


async def test_a_driver_finds_the_plug_buys_starts_and_stops(world: MarketWorld) -> None:
    found = await world.found(words="", connector="CCS2")
    [offer] = [offer for offer in found["offers"] if offer["connector"]["kw"] == "60"][:1]
    assert (offer["connector"]["type"], offer["handed_over"]) == ("CCS2", "ev_charging")
    assert (await world.found(words="", connector="CHAdeMO"))["offers"] == []
    path = f"/searches/{found['id']}"
    assert (await world.get(f"{path}?connector=Type2")).json()["offers"] == []

    body = {"offer_id": offer["id"], "kwh": "2.5", "buyer": "driver-1"}
    quote = (await world.post("/quotes", body)).json()
    await world.answer_all()
    quote = (await world.get(f"/quotes/{quote['id']}")).json()
    assert (quote["status"], quote["problem"]) == ("ready", None)
    await world.post("/orders", {"quote_id": quote["id"], "confirm": True})
    await world.answer_all()
    order = (await world.get(f"/orders/{quote['id']}")).json()
    assert (order["status"], order["delivery"]["session"]["status"]) == ("active", "pending")

    await world.post(f"/orders/{quote['id']}/session/start")
    assert await world.answer_all() == [Action.UPDATE]
    started = (await world.get(f"/orders/{quote['id']}")).json()
    assert (started["problem"], started["delivery"]["session"]["status"]) == (None, "active")
    world.clock.advance(timedelta(minutes=10))
    await world.post(f"/orders/{quote['id']}/session/stop")
    await world.answer_all()
    stopped = (await world.get(f"/orders/{quote['id']}")).json()
    assert (stopped["problem"], stopped["delivery"]["session"]["status"]) in (
        (None, "stop"),
        (None, "completed"),
    )


async def test_what_is_no_session_cannot_be_started(world: MarketWorld) -> None:
    refused = await world.post("/orders/nothing/session/start")
    assert refused.status_code == 404
