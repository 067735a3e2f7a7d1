"""A stall that is sold by the minute, from order to bill: the ledger that is told is what is settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from kernel.energy import Energy
from kernel.errors import NodeError
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from settlement.store import find_bills
from stations.port import StationEventKind
from stations.tables import station_connectors
from stations.tables import stations as stations_table
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import (
    NOON,
    buy_session,
    count,
    happen_at_plug,
    lines_of,
    statement_of,
    wish,
)
from tests.support.seller_world import SellerWorld
from tests.support.stall_world import (
    MINUTE,
    RESERVED,
    SLOT,
    STALL,
    STALL_METER,
    WALK_IN,
    at,
    moved_stalls,
    settled_by_command,
    stalls,
    states_in,
)
from trading.charging.stall_ledger import StallState
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.report import ContractReport
from trading.request import OrderRequest, SessionWish

LTS = wire_of(V2_LTS.name)
Order = dict[str, Any]


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await stalls(uow_factory).open()


@pytest.fixture
async def moved(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    """Return a world in which a station moves the plug of the stall."""
    return await moved_stalls(uow_factory)


async def stands(world: SellerWorld, kind: StationEventKind, *, since: datetime) -> None:
    """Have the station say how the plug stands."""
    async with world.uow_factory() as uow:
        await uow.connection.execute(update(station_connectors).values(status=kind.value, status_at=since))


async def is_there(world: SellerWorld, *, since: datetime | None) -> None:
    """Have the station be connected since an instant, or away."""
    async with world.uow_factory() as uow:
        await uow.connection.execute(update(stations_table).values(connected_at=since))


async def goes_on(world: SellerWorld, until: datetime) -> None:
    """Let time pass, and have the contracts looked at that are due then."""
    world.clock.advance(until - world.clock.now())
    await world.refresh_all()


async def told(world: SellerWorld, bought: ContractReport, ordered: OrderRequest = RESERVED) -> Order:
    """Return the contract as it is told now."""
    request = replace(ordered, order_id=bought.order_id)
    answer = await world.send(Action.STATUS, LTS.write_order_id(request))
    found: Order = answer[LTS.ORDER_KEY]
    return found


async def charged(world: SellerWorld, since: datetime, minutes: int, watt_hours: int) -> None:
    await count(world, since, minutes, watt_hours, meter=STALL_METER)


async def station_says(
    world: SellerWorld, kind: StationEventKind, bought: ContractReport, **more: Any
) -> None:
    await happen_at_plug(world, kind, bought, plug=STALL, **more)


async def test_the_published_session_is_sold_told_and_billed_to_its_published_figures(
    moved: SellerWorld, tmp_path: Path
) -> None:
    """Reserved for one and ready at twelve past, limited by the grid and by a fault: 600.00 in all."""
    bought = await buy_session(moved, RESERVED)
    order = await told(moved, bought)
    assert states_in(order) == ["QUEUED"]

    moved.clock.advance(50 * MINUTE)
    await stands(moved, StationEventKind.FAULTED, since=moved.clock.now())
    await goes_on(moved, SLOT)
    assert states_in(await told(moved, bought)) == ["QUEUED"]
    await stands(moved, StationEventKind.AVAILABLE, since=SLOT + 12 * MINUTE)
    await goes_on(moved, SLOT + 12 * MINUTE)
    assert states_in(await told(moved, bought)) == ["QUEUED", "ASSIGNED"]

    await goes_on(moved, SLOT + 14 * MINUTE)
    await wish(moved, bought, SessionWish.START, ordered=RESERVED)
    steps: list[tuple[int, StationEventKind, str | None]] = [
        (15, StationEventKind.STARTED, None),
        (25, StationEventKind.SUSPENDED_BY_STATION, "DR-1"),
        (35, StationEventKind.FAULTED, None),
        (39, StationEventKind.RESUMED, None),
        (55, StationEventKind.STOPPED, None),
    ]
    for minute, kind, grid_event in steps:
        await goes_on(moved, SLOT + minute * MINUTE)
        await station_says(moved, kind, bought, grid_event=grid_event)
    for minute, lasting, watt_hours in ((15, 10, 10_000), (25, 10, 5_000), (35, 4, 0), (39, 16, 16_000)):
        await charged(moved, SLOT + minute * MINUTE, lasting, watt_hours)
    await goes_on(moved, SLOT + 64 * MINUTE)
    await station_says(moved, StationEventKind.AVAILABLE, bought)

    order = await told(moved, bought)
    assert states_in(order) == [
        "QUEUED",
        "ASSIGNED",
        "CHARGING",
        "LIMITED_BY_GRID",
        "LIMITED_BY_CPO",
        "CHARGING",
        "IDLE",
        "DEPARTED",
    ]
    assert [(instant - SLOT) // MINUTE for instant in at(order)] == [-60, 12, 15, 25, 35, 39, 55, 64]
    assert (order["status"]["code"], order["commitments"][0]["status"]["descriptor"]["code"]) == (
        "COMPLETE",
        "CLOSED",
    )
    worked_out = await settled_by_command(order, tmp_path)
    assert (worked_out["driver"], worked_out["faults"]) == ("-600.00", [])
    await is_billed_as_told(moved, bought, order, worked_out)
    assert lines_of(await statement_of(moved, bought)) == {
        "Energy Cost": 55_800,
        "Occupancy": 6_200,
        "Idle Fee": 4_000,
    }


async def is_billed_as_told(
    world: SellerWorld, bought: ContractReport, order: Order, worked_out: dict[str, Any]
) -> None:
    """Hold that bill and credit come to what the command makes of the ledger, and so do the told flows."""
    [settlement] = [each for each in order["consideration"] if each["id"] == "settlement"]
    flows = settlement["considerationAttributes"]["revenueFlows"]
    driver = [(flow["description"], str(flow["value"])) for flow in flows if flow["role"] == "driver"]
    assert driver == [(flow["title"], flow["driver"]) for flow in worked_out["flows"]]
    assert sum(flow["value"] for flow in flows) == 0
    report = LTS.read_contract(order)
    async with world.uow_factory() as uow:
        [bill] = await find_bills(bought.order_id, uow=uow)
    statement = await statement_of(world, bought)
    credited = sum(one["amount_minor"] for one in statement["corrections"])
    assert bill.total.minor - credited == -round(float(worked_out["driver"]) * 100)
    assert [each.total for each in report.bills] == [bill.total]


@pytest.mark.parametrize("profile", [V1_1, V2_RC, V2_LTS], ids=lambda profile: profile.name)
async def test_who_walks_in_is_billed_the_same_on_every_wire(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    world = await stalls(uow_factory, profile=profile).open()
    bought = await buy_session(world, WALK_IN)
    # 31 kWh at 18, and 31 minutes at 60 kW
    assert bought.quote.total.minor == 55_800 + 6_200
    world.clock.advance(2 * MINUTE)
    await wish(world, bought, SessionWish.START, ordered=WALK_IN)
    world.clock.advance(20 * MINUTE)
    await charged(world, NOON + 2 * MINUTE, 20, 12_000)
    stopped = await wish(world, bought, SessionWish.STOP, ordered=WALK_IN)
    assert stopped.delivery.delivered == Energy(12_000)
    await world.refresh_all()
    assert lines_of(await statement_of(world, bought)) == {"Energy Cost": 21_600, "Occupancy": 4_000}


async def test_where_nobody_moves_the_plug_a_vehicle_is_gone_when_it_stops(world: SellerWorld) -> None:
    bought = await buy_session(world, WALK_IN)
    await wish(world, bought, SessionWish.START, ordered=WALK_IN)
    world.clock.advance(MINUTE)
    await wish(world, bought, SessionWish.STOP, ordered=WALK_IN)
    assert states_in(await told(world, bought, WALK_IN)) == ["ASSIGNED", "CHARGING", "DEPARTED"]


async def test_what_a_meter_counts_over_the_end_of_a_row_is_divided(
    moved: SellerWorld, tmp_path: Path
) -> None:
    bought = await buy_session(moved, WALK_IN)
    await wish(moved, bought, SessionWish.START, ordered=WALK_IN)
    await goes_on(moved, NOON + MINUTE)
    await station_says(moved, StationEventKind.STARTED, bought)
    await goes_on(moved, NOON + 11 * MINUTE)
    await station_says(moved, StationEventKind.SUSPENDED_BY_STATION, bought)
    await goes_on(moved, NOON + 16 * MINUTE)
    await station_says(moved, StationEventKind.SUSPENDED_BY_CAR, bought)
    await goes_on(moved, NOON + 31 * MINUTE)
    await station_says(moved, StationEventKind.AVAILABLE, bought)
    await charged(moved, NOON + MINUTE, 30, 9_000)

    order = await told(moved, bought, WALK_IN)
    rows = order["performance"][0]["performanceAttributes"]["ledger"]
    assert [(row["state"], row.get("kWh")) for row in rows] == [
        ("ASSIGNED", None),
        ("CHARGING", 3),
        ("LIMITED_BY_CPO", 1.5),
        ("CHARGING", 4.5),
        ("DEPARTED", None),
    ]
    worked_out = await settled_by_command(order, tmp_path)
    # 9 kWh at 18; of 30 minutes 3.5 were added by the limit: 5 minutes at 60 kW would have given 5 kWh
    assert worked_out["driver"] == f"{-(162 + 26.5 * 2):.2f}"
    await is_billed_as_told(moved, bought, order, worked_out)


async def test_who_does_not_come_to_a_reserved_stall_owes_its_fee(world: SellerWorld, tmp_path: Path) -> None:
    bought = await buy_session(world, RESERVED)
    await goes_on(world, SLOT)
    assert states_in(await told(world, bought)) == ["QUEUED", "ASSIGNED"]
    await goes_on(world, SLOT + 5 * MINUTE)
    await world.refresh_all()
    order = await told(world, bought)
    assert states_in(order) == ["QUEUED", "ASSIGNED", "NO_SHOW"]
    worked_out = await settled_by_command(order, tmp_path)
    assert (worked_out["driver"], worked_out["faults"]) == ("-100.00", [])
    await is_billed_as_told(world, bought, order, worked_out)


@pytest.mark.parametrize(("minutes", "owed"), [(0, "0.00"), (1, "-100.00")])
async def test_a_reservation_is_cancelled_freely_until_its_notice(
    world: SellerWorld, tmp_path: Path, minutes: int, owed: str
) -> None:
    bought = await buy_session(world, replace(RESERVED, trade_start=SLOT + 30 * MINUTE))
    world.clock.advance(30 * MINUTE + minutes * MINUTE - timedelta(seconds=30))
    message = LTS.write_order_id(replace(RESERVED, order_id=bought.order_id))
    order = (await world.send(Action.CANCEL, message))[LTS.ORDER_KEY]
    assert states_in(order) == ["QUEUED", "CANCELLED"]
    assert order["status"]["code"] == "CANCELLED"
    assert (await settled_by_command(order, tmp_path))["driver"] == owed
    async with world.uow_factory() as uow:
        bills = await find_bills(bought.order_id, uow=uow)
    assert [f"-{bill.total.amount}" for bill in bills] == ([owed] if minutes else [])
    if minutes:
        assert lines_of(await statement_of(world, bought))["Cancellation Fee"] == 10_000


async def test_a_stall_that_never_gets_ready_costs_nothing_and_is_credited(
    moved: SellerWorld, tmp_path: Path
) -> None:
    bought = await buy_session(moved, RESERVED)
    await stands(moved, StationEventKind.FAULTED, since=NOON)
    await goes_on(moved, SLOT)
    await goes_on(moved, SLOT + 180 * MINUTE)
    await moved.refresh_all()
    order = await told(moved, bought)
    assert states_in(order) == ["QUEUED", "FAILED_BY_CPO"]
    worked_out = await settled_by_command(order, tmp_path)
    assert worked_out["driver"] == "500.00"  # 175 minutes at 5, and no more than the cap
    await is_billed_as_told(moved, bought, order, worked_out)


async def test_a_stall_is_late_while_another_vehicle_stays_there(world: SellerWorld) -> None:
    overstayed = await buy_session(world, replace(WALK_IN, trade_end=SLOT))
    await wish(world, overstayed, SessionWish.START, ordered=WALK_IN)
    bought = await buy_session(world, RESERVED)
    world = replace(world, bpp=replace(world.bpp, plugs=frozenset({STALL})))
    await goes_on(world, SLOT)
    assert states_in(await told(world, bought)) == ["QUEUED"]
    await goes_on(world, SLOT + 8 * MINUTE)
    await station_says(world, StationEventKind.AVAILABLE, overstayed)
    async with world.uow_factory() as uow:
        await uow.connection.execute(
            insert(stations_table).values(station_id="cs-1", protocol="ocpp1.6", connected_at=NOON)
        )
    await goes_on(world, SLOT + 9 * MINUTE)
    order = await told(world, bought)
    assert states_in(order) == ["QUEUED", "ASSIGNED"]
    assert at(order)[-1] == SLOT + 8 * MINUTE


async def test_a_station_that_was_away_has_its_stall_ready_when_it_is_back(moved: SellerWorld) -> None:
    bought = await buy_session(moved, RESERVED)
    await is_there(moved, since=None)
    await goes_on(moved, SLOT)
    await is_there(moved, since=SLOT + 30 * MINUTE)
    await goes_on(moved, SLOT + 31 * MINUTE)
    await moved.refresh_all()
    order = await told(moved, bought)
    assert states_in(order) == ["QUEUED", "ASSIGNED"]
    assert at(order)[-1] == SLOT + 30 * MINUTE


async def test_nobody_has_missed_a_stall_that_was_ready_just_before_its_slot_ended(
    moved: SellerWorld, tmp_path: Path
) -> None:
    bought = await buy_session(moved, replace(RESERVED, trade_end=SLOT + 20 * MINUTE))
    await stands(moved, StationEventKind.FAULTED, since=NOON)
    await goes_on(moved, SLOT)
    await stands(moved, StationEventKind.AVAILABLE, since=SLOT + 18 * MINUTE)
    for minute in (18, 20, 20):
        await goes_on(moved, SLOT + minute * MINUTE)
    order = await told(moved, bought)
    assert states_in(order) == ["QUEUED", "ASSIGNED", "FAILED_BY_CPO"]
    worked_out = await settled_by_command(order, tmp_path)
    assert (worked_out["driver"], worked_out["faults"]) == ("65.00", [])  # 13 minutes at 5
    await is_billed_as_told(moved, bought, order, worked_out)


async def test_who_leaves_a_plug_with_a_fault_was_let_down(moved: SellerWorld) -> None:
    bought = await buy_session(moved, WALK_IN)
    await wish(moved, bought, SessionWish.START, ordered=WALK_IN)
    for minute, kind in ((1, StationEventKind.STARTED), (5, StationEventKind.FAULTED)):
        await goes_on(moved, NOON + minute * MINUTE)
        await station_says(moved, kind, bought)
    await goes_on(moved, NOON + 9 * MINUTE)
    await station_says(moved, StationEventKind.AVAILABLE, bought)
    assert states_in(await told(moved, bought, WALK_IN))[-2:] == ["LIMITED_BY_CPO", "FAILED_BY_CPO"]


async def test_who_walks_in_and_starts_nothing_is_given_up_after_the_grace(world: SellerWorld) -> None:
    bought = await buy_session(world, WALK_IN)
    await goes_on(world, NOON + 5 * MINUTE)
    order = await told(world, bought, WALK_IN)
    assert states_in(order) == ["ASSIGNED", StallState.NO_SHOW]


async def test_a_vehicle_is_promised_no_more_than_it_takes(world: SellerWorld) -> None:
    wanted = replace(RESERVED, vehicle_power=Energy(50).kilowatt_hours * 1000)
    order = (await world.send(Action.SELECT, LTS.write_order_request(wanted)))[LTS.ORDER_KEY]
    commitment = order["commitments"][0]
    assert commitment["commitmentAttributes"]["quote"]["promisedKW"] == 50
    assert commitment["commitmentAttributes"]["vehicle"] == {"maxChargeKW": 50}
    assert commitment["offer"]["offerAttributes"]["mode"] == "RESERVATION"
    bought = await buy_session(world, wanted)
    assert bought.status is ContractStatus.ACTIVE
    assert bought.window.start == SLOT
    told_of = (await told(world, bought, wanted))["commitments"][0]["commitmentAttributes"]
    assert (told_of["quote"]["promisedKW"], told_of["reservedStart"]) == (50, "2026-01-09T13:00:00Z")


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (replace(WALK_IN, trade_start=SLOT), "for who walks in"),
        (replace(RESERVED, trade_start=None), "60 minutes ahead"),
        (replace(RESERVED, trade_start=SLOT - MINUTE), "60 minutes ahead"),
        (replace(WALK_IN, trade_end=NOON + 4 * MINUTE), "kept for 5 minutes"),
        (replace(WALK_IN, vehicle_power=Energy(0).kilowatt_hours), "more power than nothing"),
    ],
)
async def test_what_an_offer_of_a_stall_is_not_for_is_refused(
    world: SellerWorld, wanted: OrderRequest, why: str
) -> None:
    with pytest.raises(NodeError, match=why):
        await world.send(Action.SELECT, LTS.write_order_request(wanted))
