"""Several processes of one node: who a station is connected to, and what becomes of it when that one dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from stations.connector_store import ConnectorStore
from stations.holds import HOLD_LASTS, Hold
from stations.port import Acceptance, StationEventKind, Verb
from stations.turn import Turn
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint16
from tests.support.station_world import NOW, STATIONS, StationWorld, station_world

K = StationEventKind
SECOND = timedelta(seconds=1)


@pytest.fixture
async def here(uow_factory: UnitOfWorkFactory) -> AsyncIterator[StationWorld]:
    async with station_world(uow_factory, holder="here") as world:
        yield world


@pytest.fixture
async def there(uow_factory: UnitOfWorkFactory, here: StationWorld) -> AsyncIterator[StationWorld]:
    async with station_world(uow_factory, holder="there", clock=here.clock) as world:
        yield world


def forget(world: StationWorld) -> None:
    """Let a process be dead to the station: it keeps nothing of it any more."""
    world.central_system._links.clear()


async def test_a_command_is_left_to_the_process_that_the_station_is_connected_to(
    here: StationWorld, there: StationWorld
) -> None:
    async with ChargePoint16(there.url) as station:
        await station.boot()
        assert await here.tell(Verb.START) is None
        assert station.told.empty()
        result = await there.carry_out()
        assert result is not None
        assert result.acceptance is Acceptance.ACCEPTED
        await station.heard("RemoteStartTransaction")


async def test_a_station_that_connects_elsewhere_is_parted_with_and_is_not_away(
    here: StationWorld, there: StationWorld
) -> None:
    async with ChargePoint16(here.url) as stale, ChargePoint16(there.url) as fresh:
        await stale.boot()
        await fresh.boot()
        assert here.central_system.has_lost("there CP-7")
        assert not here.central_system.has_lost("there CP-8")
        assert not there.central_system.has_lost("there CP-7")
        await here.central_system.keep_hold()
        await there.central_system.keep_hold()
        assert stale.socket is not None
        await stale.socket.wait_closed()
        await there.tell(Verb.START)
        await fresh.heard("RemoteStartTransaction")
        assert (here.told(), there.told()) == ([K.ONLINE], [])
    await there.until(K.OFFLINE)
    assert here.told() == [K.ONLINE]


async def test_who_may_have_missed_where_stations_are_looks_again(here: StationWorld) -> None:
    assert here.central_system.has_lost("")


async def test_a_hold_lasts_as_long_as_it_is_renewed(here: StationWorld, there: StationWorld) -> None:
    async with ChargePoint16(here.url) as station:
        await station.boot()
        for _ in range(3):
            here.clock.advance(HOLD_LASTS - SECOND)
            await here.central_system.keep_hold()
        await there.central_system.keep_hold()
        assert there.told() == []
        assert await there.tell(Verb.START) is None
        await here.carry_out()
        await station.heard("RemoteStartTransaction")


async def test_what_is_held_stays_held_where_what_lapsed_cannot_be_told(
    uow_factory: UnitOfWorkFactory,
) -> None:
    other = STATIONS.replace("stations:\n", "").replace("CP-7", "CP-9").replace("ccs2-7", "ccs2-9")
    both = STATIONS + other.replace("0A0100B", "0A0100C")
    async with station_world(uow_factory, stations=both) as world, ChargePoint16(world.url) as station:
        await station.boot()
        async with uow_factory() as uow:
            turn, dead = Turn(uow, NOW), Hold("a process that died", NOW)
            await world.desks.connectors.came("CP-9", protocol="ocpp1.6", turn=turn, hold=dead)
        world.fails = True
        world.clock.advance(HOLD_LASTS - SECOND)
        with pytest.raises(RuntimeError):
            await world.central_system.keep_hold()
        world.fails = False
        world.clock.advance(SECOND)
        async with uow_factory() as uow:
            await world.desks.connectors.lapse(Turn(uow, world.clock.now()))
        gone = {event.connector_id for event in world.events if event.kind is K.OFFLINE}
        assert gone == {"ccs2-9-1", "ccs2-9-2"}


@pytest.mark.parametrize("how", ["by a process that runs", "by one that starts"])
async def test_the_stations_of_a_process_that_died_are_away_when_its_hold_is_over(
    here: StationWorld, there: StationWorld, how: str
) -> None:
    async def look() -> None:
        if how == "by a process that runs":
            await there.central_system.keep_hold()
        else:
            async with there.uow_factory() as uow:
                await there.desks.connectors.open(Turn(uow, there.clock.now()))

    async with ChargePoint16(here.url) as station:
        await station.boot()
        forget(here)
        here.clock.advance(HOLD_LASTS - SECOND)
        await look()
        assert there.told() == []
        here.clock.advance(SECOND)
        await look()
        await look()
        assert there.told() == [K.OFFLINE]
        assert await there.tell(Verb.START) is None
    async with there.uow_factory() as uow:
        assert there.results == []  # it is asked again as long as there is patience
        await there.desks.connectors.went("CP-7", Turn(uow, there.clock.now()))
    assert there.told() == [K.OFFLINE]


async def test_a_station_that_is_back_at_another_process_in_time_was_never_away(
    here: StationWorld, there: StationWorld
) -> None:
    async with ChargePoint16(here.url) as station:
        await station.boot()
        forget(here)
    async with ChargePoint16(there.url) as station:
        await station.boot()
        here.clock.advance(HOLD_LASTS)
        await there.central_system.keep_hold()
        await here.central_system.keep_hold()
        assert (here.told(), there.told()) == ([K.ONLINE], [])
        await there.tell(Verb.START)
        await station.heard("RemoteStartTransaction")


async def test_a_station_that_is_reached_in_another_way_now_is_away(here: StationWorld) -> None:
    async with here.uow_factory() as uow:
        store, turn = ConnectorStore(uow.connection), Turn(uow, NOW)
        await here.desks.connectors.came("CP-7", protocol="simulator", turn=turn)
        await store.enrol(here.roster)
        [station] = await store.all()
        assert (station["protocol"], station["connected_at"]) == ("ocpp", None)
        await here.desks.connectors.came("CP-7", protocol="ocpp1.6", turn=turn)
        await store.enrol(here.roster)
        [station] = await store.all()
        assert (station["protocol"], station["connected_at"]) == ("ocpp1.6", NOW)


async def test_processes_that_start_at_once_keep_the_same_stations(here: StationWorld) -> None:
    async def start() -> None:
        async with here.uow_factory() as uow:
            await here.desks.connectors.open(Turn(uow, NOW))

    await asyncio.gather(*(start() for _ in range(4)))
    assert here.told() == []
