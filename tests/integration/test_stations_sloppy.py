"""Stations that lose an end, an answer or the hour: what they charge is told and bounded all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from kernel.energy import Energy
from stations.charging_desk import END_AWAITED
from stations.port import Acceptance, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint16, ChargePoint201
from tests.support.station_world import NOW, TAG, StationWorld, station_world

K = StationEventKind
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    async with station_world(uow_factory) as world:
        yield world


@pytest.mark.parametrize("number", [-1, 0])
async def test_a_stop_of_what_began_offline_is_that_of_what_runs_there(
    world: StationWorld, number: int
) -> None:
    await world.tell(Verb.START)
    world.clock.advance(20 * MINUTE)
    async with ChargePoint16(world.url) as station:
        await station.start(TAG, NOW + MINUTE, 1_000)
        await station.stop(number, NOW - MINUTE, 900)  # of somebody before
        assert K.STOPPED not in world.told()
        await station.stop(number, NOW + 15 * MINUTE, 2_500, reason="Local")
    assert (await world.until(K.STOPPED)).register == Energy(2_500)
    [charging] = await world.chargings()
    assert (charging.stop_wh, charging.doubt) == (2_500, None)


async def test_a_stop_that_may_be_of_two_or_of_none_ends_nothing(world: StationWorld) -> None:
    await world.tell(Verb.START)
    async with ChargePoint16(world.url) as station:
        begun = await station.start(TAG, NOW, 1_000)
        world.clock.advance(20 * MINUTE)
        await station.stop(begun.transaction_id + 1_000, NOW + 15 * MINUTE, 2_500)
        await station.start("CARD", NOW + MINUTE, 1_000, connector=2)
        await station.stop(-1, NOW + 15 * MINUTE, 2_500)
    assert all(charging.is_open for charging in await world.chargings())


@pytest.mark.parametrize(
    ("waited", "is_ended"), [(END_AWAITED - MINUTE, False), (END_AWAITED, True)], ids=["soon", "late"]
)
async def test_an_end_that_does_not_follow_its_free_connector_is_made_up_for(
    world: StationWorld, waited: timedelta, is_ended: bool
) -> None:
    await world.tell(Verb.START)
    async with ChargePoint16(world.url) as station:
        begun = await station.start(TAG, NOW, 1_000)
        world.clock.advance(5 * MINUTE)
        await station.values((NOW + 5 * MINUTE, 1_500), transaction=begun.transaction_id)
        await station.status("Available", NOW + 5 * MINUTE)
        world.clock.advance(waited)
        await world.central_system.keep_hold()
        assert world.told()[1:] == [K.STARTED, *([K.STOPPED, K.AVAILABLE] if is_ended else [])]
        await station.stop(begun.transaction_id, NOW + 5 * MINUTE, 1_500)
    [charging] = await world.chargings()
    assert charging.stopped_at == NOW + 5 * MINUTE
    assert bool(charging.doubt) == is_ended
    assert world.told().count(K.STOPPED) == 1


async def test_an_end_is_waited_for_while_its_station_is_away(world: StationWorld) -> None:
    await world.tell(Verb.START)
    async with ChargePoint16(world.url) as station:
        await station.start(TAG, NOW, 1_000)
        await station.status("Available", NOW + MINUTE)
        await station.lose_network()
        await world.until(K.OFFLINE)
        world.clock.advance(60 * MINUTE)
        await world.central_system.keep_hold()
        await station.connect()
        await world.central_system.keep_hold()
    [charging] = await world.chargings()
    assert charging.is_open


async def test_a_start_whose_answer_got_lost_is_none_that_failed(world: StationWorld) -> None:
    async with ChargePoint16(world.url) as station:
        told = asyncio.Event()

        async def say_nothing(_message: Any) -> None:
            told.set()

        station._station._handle_call = say_nothing
        telling = asyncio.create_task(world.tell(Verb.START, limit=Energy(1_000)))
        await asyncio.wait_for(told.wait(), 20)
        begun = await station.start(TAG, NOW, 1_000)
        assert begun.id_tag_info["status"] == "Accepted"
        await telling
        del station._station._handle_call
        world.clock.advance(20 * MINUTE)
        assert await world.carry_out() is None
        assert world.results == []  # nobody hears that it would not start
        await station.values((NOW + 20 * MINUTE, 2_100), transaction=begun.transaction_id)
        await world.carry_out()
        assert await station.heard("RemoteStopTransaction") == {"transaction_id": begun.transaction_id}
    assert [(command.verb, result.acceptance) for command, result in world.results] == [
        (Verb.STOP, Acceptance.ACCEPTED)
    ]


@pytest.mark.parametrize(("behind", "is_doubted"), [(1, False), (60, True)])
async def test_a_clock_that_was_before_its_own_start_is_doubted(
    world: StationWorld, behind: int, is_doubted: bool
) -> None:
    await world.tell(Verb.START)
    async with ChargePoint201(world.url) as station:
        begun = await station.event("Started", NOW - behind * MINUTE, tag=TAG, kwh=1.0)
        assert begun.id_token_info["status"] == "Accepted"
    [charging] = await world.chargings()
    assert ("3600 s behind" in (charging.doubt or "")) is is_doubted
