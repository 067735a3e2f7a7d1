"""A simulated station does what a real one would, and goes on where it stood when its process ends."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from kernel.clock import ManualClock
from kernel.energy import Energy
from stations.command_desk import CommandDesk
from stations.command_store import put_command
from stations.port import Acceptance, StationEventKind, Verb
from stations.roster import Roster
from stations.simulator import Simulator, wish_of
from stations.station_file import read_stations
from stations.switchboard import Switchboard
from stations.turn import Turn
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.station_world import CONNECTOR, METER, NOW, SESSION, StationWorld

K = StationEventKind
HOUR = timedelta(hours=1)
STATIONS = f"""
stations:
  - id: CP-7
    protocol: simulator
    seed: 7
    connectors:
      - {{number: 1, resource: {CONNECTOR}, meter: "{METER}", greatest_watts: 22000}}
"""


class SimulatedWorld(StationWorld):
    """A world whose only station is simulated."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.simulator = Simulator(desks=self.desks, uow_factory=self.uow_factory, clock=self.clock)
        board = Switchboard(roster=self.roster, adapters={"simulator": self.simulator})
        self.desk = CommandDesk(
            port=board,
            holder=self.holder,
            uow_factory=self.uow_factory,
            clock=self.clock,
            on_result=self._on_result,
        )

    async def open(self) -> None:
        async with self.uow_factory() as uow:
            await self.desks.connectors.open(Turn(uow, self.clock.now()))
            await self.simulator.open(uow)

    async def at(self, instant: datetime) -> None:
        self.clock.set(instant)
        assert not await self.simulator.step()


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SimulatedWorld:
    roster = Roster(read_stations(STATIONS, name="stations.yaml"))
    world = SimulatedWorld(uow_factory, ManualClock(NOW), roster)
    await world.open()
    return world


async def test_a_car_charges_until_it_is_told_to_stop(world: SimulatedWorld) -> None:
    assert await world.tell(Verb.RESERVE, until=NOW + HOUR)
    assert await world.tell(Verb.START) is None  # it has begun: that says more than an answer
    await world.at(NOW + HOUR / 4)
    await world.open()  # another process starts: it is the same station
    await world.at(NOW + HOUR / 2)
    assert await world.tell(Verb.STOP)
    assert await world.tell(Verb.STOP)  # there is nothing to stop any more
    assert await world.tell(Verb.RELEASE)
    assert [result.acceptance for _, result in world.results] == [Acceptance.ACCEPTED] * 4
    assert world.told() == [
        K.ONLINE, K.AVAILABLE, K.PREPARING, K.STARTED, K.STOPPED, K.AVAILABLE,
    ]  # fmt: skip
    assert await world.energy(NOW, NOW + HOUR / 2) == Energy(11_000)


async def test_a_car_that_is_full_stays_until_its_session_ends(world: SimulatedWorld) -> None:
    await world.tell(Verb.START)
    for hours in range(1, 12):
        await world.at(NOW + hours * HOUR)
    assert world.told()[-1] is K.SUSPENDED_BY_CAR
    [charging] = await world.chargings()
    wish = wish_of(7, charging.ref)
    assert await world.energy(NOW, NOW + 11 * HOUR) == Energy(wish)
    await world.tell(Verb.STOP)
    await world.tell(Verb.START, session="contract-2")  # the register goes on where it stood
    assert (await world.chargings())[0].start_wh == wish


async def test_a_connector_serves_one_session_at_a_time(world: SimulatedWorld) -> None:
    await world.tell(Verb.START)
    for verb, why in ((Verb.START, "occupied"), (Verb.STOP, "another session")):
        result = await world.tell(verb, session="contract-2")
        assert result is not None
        assert result.acceptance is Acceptance.REJECTED
        assert why in result.why


async def test_a_connector_of_no_station_is_told_nothing(world: SimulatedWorld) -> None:
    async with world.uow_factory() as uow:
        await put_command(uow, verb=Verb.START, connector_id="nowhere", session_id=SESSION, now=NOW)
    result = await world.carry_out()
    assert result is not None
    assert (result.acceptance, result.why) == (
        Acceptance.REJECTED, "no station of the file has the connector nowhere",
    )  # fmt: skip
