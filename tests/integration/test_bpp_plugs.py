"""Plugs with a fault, and those of stations that are away, are not on sale."""

from __future__ import annotations

from bpp.charging.plugs import find_out_of_order
from stations.port import StationEventKind
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charge_points import ChargePoint16
from tests.support.station_world import CONNECTOR, NOW, station_world


async def test_plugs_are_on_sale_while_their_station_is_there_and_they_are_sound(
    uow_factory: UnitOfWorkFactory,
) -> None:
    async def found() -> set[str]:
        async with uow_factory() as uow:
            return set(await find_out_of_order(uow))

    async with station_world(uow_factory) as world:
        assert await found() == {CONNECTOR, "ccs2-7-2"}
        async with ChargePoint16(world.url) as station:
            await station.status("Available", NOW)
            assert await found() == set()
            await station.status("Faulted", NOW, error="GroundFailure")
            assert await found() == {CONNECTOR}
            await station.status("Available", NOW)
            assert await found() == set()
        await world.until(StationEventKind.OFFLINE)
