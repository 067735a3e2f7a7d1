"""What a limit on a plug's power is to the session there: who set the pace, and what that costs."""

from __future__ import annotations

from datetime import datetime

import pytest

from bpp.charging.plug_limits import lift_plug_limit, limit_plug
from bpp.deliveries.station_desk import StationDesk
from node.audit import Actor
from stations.chargings import ChargingStore, NewCharging
from stations.command_store import CommandStore
from stations.limits import PowerLimit, note_limit
from stations.port import Acceptance, CommandResult, StationEventKind, Verb
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import NOON, buy_session, happen_at_plug, lines_of, statement_of, wish
from tests.support.charging_world import count as count_at
from tests.support.seller_world import SellerWorld
from tests.support.stall_world import MINUTE, STALL, STALL_METER, WALK_IN, moved_stalls
from trading.charging.session_store import SessionStore
from trading.charging.stall_ledger import StallRows
from trading.report import ContractReport
from trading.request import SessionWish

K = StationEventKind
OPERATOR = Actor(who="operator")


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a world in which a station moves the plug of the stall, which promises 60 kW."""
    return await moved_stalls(uow_factory)


async def charging(world: SellerWorld) -> ContractReport:
    """Return a session that charges since noon."""
    bought = await buy_session(world, WALK_IN)
    await wish(world, bought, SessionWish.START, ordered=WALK_IN)
    await answer(world, Verb.START)
    async with world.uow_factory() as uow:
        await ChargingStore(uow.connection).add(
            NewCharging(
                station_id="cs-1",
                ref="1",
                connector_id=STALL,
                session_id=bought.order_id,
                started_at=NOON,
                start_wh=0,
            )
        )
    await happen_at_plug(world, K.STARTED, bought, plug=STALL)
    return bought


async def limit(world: SellerWorld, watts: int, grid_event: str | None = None) -> None:
    wanted = PowerLimit(
        connector_id=STALL, watts=watts, why="it is full", grid_event=grid_event, put_at=world.clock.now()
    )
    async with world.uow_factory() as uow:
        await limit_plug(wanted, uow, by=OPERATOR)


async def lift(world: SellerWorld) -> None:
    async with world.uow_factory() as uow:
        await lift_plug_limit(STALL, uow, by=OPERATOR, why="over", now=world.clock.now())


async def answer(
    world: SellerWorld, verb: Verb, acceptance: Acceptance = Acceptance.ACCEPTED, why: str = ""
) -> None:
    """Let the station answer what it is told next."""
    now, result = world.clock.now(), CommandResult(acceptance=acceptance, why=why)
    async with world.uow_factory() as uow:
        store = CommandStore(uow.connection)
        claimed = await store.claim(holder="here", now=now, until=now)
        assert claimed is not None
        assert claimed.command.verb is verb
        await store.finish(claimed, result, now=now)
        await note_limit(claimed.command, result, uow, now=now)
        await StationDesk(bpp=world.bpp).on_result(uow, claimed.command, result, now)
    await world.refresh_all()


async def after(world: SellerWorld, minutes: int) -> datetime:
    world.clock.advance(NOON + minutes * MINUTE - world.clock.now())
    await world.refresh_all()
    return world.clock.now()


async def rows_of(world: SellerWorld, bought: ContractReport) -> StallRows:
    async with world.uow_factory() as uow:
        session = await SessionStore(uow.connection).find(bought.order_id)
    assert session is not None
    return session.rows or ()


async def states(world: SellerWorld, bought: ContractReport) -> list[tuple[int, str, str | None]]:
    """Return the ledger: since which minute of noon which state holds, and the event of the grid."""
    rows = await rows_of(world, bought)
    return [((row.at - NOON) // MINUTE, row.state.value, row.event) for row in rows]


async def test_minutes_of_a_limit_that_the_grid_wants_are_the_grids_and_credited(world: SellerWorld) -> None:
    bought = await charging(world)
    await after(world, 10)
    await limit(world, 30_000, grid_event="DR-1")
    await answer(world, Verb.LIMIT)
    await after(world, 20)
    await lift(world)
    await answer(world, Verb.LIFT)
    await after(world, 30)
    assert await states(world, bought) == [
        (0, "ASSIGNED", None),
        (0, "CHARGING", None),
        (10, "LIMITED_BY_GRID", "DR-1"),
        (20, "CHARGING", None),
    ]
    await happen_at_plug(world, K.STOPPED, bought, plug=STALL)
    for minute, watt_hours in ((0, 10_000), (10, 5_000), (20, 10_000)):
        await count_at(world, NOON + minute * MINUTE, 10, watt_hours, meter=STALL_METER)
    await happen_at_plug(world, K.AVAILABLE, bought, plug=STALL)
    lines = lines_of(await statement_of(world, bought))
    # of 30 minutes the limit added five, at 2.00 each; it charged a second after the stall was ready
    assert lines["Occupancy"] == 200 * 25 - 3


async def test_a_limit_that_the_station_does_not_take_is_nobodys_minute(world: SellerWorld) -> None:
    bought = await charging(world)
    await limit(world, 30_000)
    await answer(world, Verb.LIMIT, Acceptance.REJECTED, "it cannot")
    assert [state for _, state, _ in await states(world, bought)] == ["ASSIGNED", "CHARGING"]


async def test_a_limit_that_is_kept_after_its_end_is_the_operators(world: SellerWorld) -> None:
    bought = await charging(world)
    await after(world, 10)
    await limit(world, 30_000, grid_event="DR-1")
    await answer(world, Verb.LIMIT)
    await after(world, 20)
    await lift(world)
    await answer(world, Verb.LIFT, Acceptance.REJECTED, "it will not")
    assert (await states(world, bought))[2:] == [
        (10, "LIMITED_BY_GRID", "DR-1"),
        (20, "LIMITED_BY_CPO", None),
    ]


async def test_no_more_than_was_promised_is_no_limit_to_the_driver(world: SellerWorld) -> None:
    bought = await charging(world)
    await after(world, 5)
    await limit(world, 60_000)
    await answer(world, Verb.LIMIT)
    assert [state for _, state, _ in await states(world, bought)] == ["ASSIGNED", "CHARGING"]
    await limit(world, 20_000)
    await answer(world, Verb.LIMIT)
    await after(world, 10)
    await limit(world, 60_000)
    await answer(world, Verb.LIMIT)
    assert (await states(world, bought))[2:] == [(5, "LIMITED_BY_CPO", None), (10, "CHARGING", None)]


async def test_a_vehicle_that_takes_again_is_limited_again_and_so_is_a_plug_that_pauses(
    world: SellerWorld,
) -> None:
    bought = await charging(world)
    await after(world, 5)
    await limit(world, 0, grid_event="DR-1")
    await answer(world, Verb.LIMIT)
    steps = [
        (10, K.SUSPENDED_BY_STATION),
        (15, K.SUSPENDED_BY_CAR),
        (20, K.RESUMED),
        (25, K.OFFLINE),
        (30, K.ONLINE),
    ]
    for minute, kind in steps:
        await after(world, minute)
        await happen_at_plug(world, kind, bought, plug=STALL)
    assert (await states(world, bought))[2:] == [
        (5, "LIMITED_BY_GRID", "DR-1"),
        (15, "CHARGING", None),
        (20, "LIMITED_BY_GRID", "DR-1"),
        (25, "LIMITED_BY_CPO", None),
        (30, "CHARGING", None),
        (30, "LIMITED_BY_GRID", "DR-1"),
    ]
