"""Several contracts on one meter: a watt-hour is delivered and billed once, to who bought first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from bpp.deliveries.curtailment import curtail_contract
from kernel.energy import Energy
from kernel.interval import Interval
from node.audit import Actor
from protocol.actions import Action
from settlement.store import find_cycles
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.official import official_order_errors
from tests.support.seller_world import (
    EXPORT,
    IMPORT,
    ITEM,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
    order,
)
from tests.support.waiting import eventually
from trading.contracts import ContractStore
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut

Json = dict[str, Any]

HOUR = timedelta(hours=1)
FIRST, SECOND, THIRD = "11111111", "22222222", "33333333"
"""Meters of buyers."""
PLENTY = [5_000] * 8
EIGHT = [1_000] * 8


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


def hours(first: int, last: int) -> Interval:
    """Return some hours of the day's window."""
    return Interval(WINDOW.start + first * HOUR, WINDOW.start + last * HOUR)


def with_windows(world: SellerWorld, **windows: Interval) -> SellerWorld:
    """Return a world that sells the one plant's energy of several windows, each by its name."""
    catalogue = world.bpp.catalogue
    resource, offer = catalogue.resources[0], catalogue.offers[0]
    return world.selling(
        catalogue=replace(
            catalogue,
            resources=tuple(replace(resource, id=name, production=each) for name, each in windows.items()),
            offers=tuple(replace(offer, id=f"{name}-offer", resource_id=name) for name in windows),
        )
    )


async def buy(world: SellerWorld, kilowatt_hours: int, *, meter: str = TARGET_METER, item: str = ITEM) -> str:
    """Return the id of a contract that was confirmed a minute after the last."""
    world.clock.advance(timedelta(minutes=1))
    world.transaction_id = str(uuid4())
    bought: str = (await world.buy(kilowatt_hours, target_meter=meter, item=item))["beckn:id"]
    return bought


async def report(
    world: SellerWorld, exported: list[int], *imported: str, window: Interval = WINDOW, refresh: bool = True
) -> None:
    """Have the plant export so much, and buyers import plenty, hour by hour, and all be looked at."""
    await world.report(SOURCE_METER, EXPORT, hours_of(window, exported))
    for meter in imported:
        await world.report(meter, IMPORT, hours_of(window, PLENTY[: len(exported)]))
    if refresh:
        await world.refresh_all()


def delivered(told: Json) -> Decimal:
    quantity: Decimal = told["beckn:fulfillment"]["beckn:deliveryAttributes"]["deliveredQuantity"]
    return quantity


def energy_cost(told: Json) -> Decimal:
    [bill] = told["beckn:orderAttributes"]["billingCycles"]
    amount: Decimal = bill["lineItems"][0]["amount"]
    return amount


async def curtail(world: SellerWorld, contract_id: str, watt_hours: int, *, since: int) -> None:
    wanted = Curtailment(
        cut=Cut(quantity=Energy(watt_hours), reason=CurtailmentReason.GRID_OUTAGE),
        since=WINDOW.start + since * HOUR,
    )
    async with world.uow_factory() as uow:
        await curtail_contract(
            world.bpp,
            contract_id,
            wanted,
            uow,
            by=Actor(who="operator"),
            why="a storm",
            now=world.clock.now(),
        )


async def test_of_8_kwh_two_contracts_on_5_and_4_are_delivered_and_billed_5_and_3(world: SellerWorld) -> None:
    first, second = await buy(world, 5, meter=FIRST), await buy(world, 4, meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    told = [await world.status(each) for each in (first, second)]
    assert [delivered(each) for each in told] == [5, 3]
    assert [energy_cost(each) for each in told] == [Decimal("0.75"), Decimal("0.45")]
    assert [each["beckn:orderAttributes"]["contractStatus"] for each in told] == ["COMPLETED"] * 2
    assert [official_order_errors(each) for each in told] == [[], []]


async def test_one_buyers_two_contracts_share_its_meter_as_they_share_the_plants(world: SellerWorld) -> None:
    first, second = await buy(world, 5), await buy(world, 4)
    world.clock.set(WINDOW.end)
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, PLENTY))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, EIGHT))
    await world.refresh_all()
    assert [delivered(await world.status(each)) for each in (first, second)] == [5, 3]


async def test_readings_that_are_told_are_the_meters_own_and_flows_are_the_contracts(
    world: SellerWorld,
) -> None:
    await buy(world, 5, meter=FIRST)
    second = await buy(world, 4, meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    rows = (await world.status(second))["beckn:fulfillment"]["beckn:deliveryAttributes"]["meterReadings"]
    assert [row["energyFlow"] for row in rows] == [0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert (rows[-1]["sourceReading"], rows[-1]["targetReading"]) == (8, 40)


async def test_the_rule_and_its_version_are_kept_with_what_is_settled(world: SellerWorld) -> None:
    await buy(world, 5, meter=FIRST)
    second = await buy(world, 4, meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    async with world.uow_factory() as uow:
        [cycle] = await find_cycles(second, uow=uow)
    assert cycle.explanation is not None
    exported, imported = cycle.explanation["exported"], cycle.explanation["imported"]
    assert (exported["allocation"], imported["allocation"]) == ("FIFO/1", "FIFO/1")
    assert (exported["wh"], imported["wh"]) == (3_000, 40_000)


async def test_a_later_contract_changes_nothing_of_an_earlier_one(world: SellerWorld) -> None:
    first = await buy(world, 5, meter=FIRST)
    world.clock.set(WINDOW.start + 4 * HOUR)
    await report(world, EIGHT[:4], FIRST)
    before = await world.status(first)
    await buy(world, 4, meter=SECOND)
    assert await world.status(first) == before
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    assert delivered(await world.status(first)) == 5


async def test_a_revised_reading_is_shared_out_anew_over_all_contracts_of_the_meter(
    world: SellerWorld,
) -> None:
    bought = [await buy(world, 5, meter=FIRST), await buy(world, 4, meter=SECOND)]
    world.clock.set(WINDOW.start + 6 * HOUR)
    await report(world, EIGHT[:6], FIRST, SECOND)
    assert [delivered(await world.status(each)) for each in bought] == [5, 1]
    world.clock.advance(timedelta(minutes=5))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [500] * 6))
    assert await world.refresh_all() == 2
    assert [delivered(await world.status(each)) for each in bought] == [3, 0]
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [1_400] * 6))
    await world.refresh_all()
    assert [delivered(await world.status(each)) for each in bought] == [5, Decimal("3.4")]


async def test_when_its_meter_is_revised_each_fulfilled_contract_is_corrected(world: SellerWorld) -> None:
    first, second = await buy(world, 5, meter=FIRST), await buy(world, 4, meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    world.clock.advance(HOUR)
    await report(world, [750] * 8, FIRST, SECOND)
    await world.refresh_all()
    for contract, left, delta in ((first, Decimal(5), None), (second, Decimal(1), Decimal("0.30"))):
        told = await world.status(contract)
        terms = told["beckn:orderAttributes"]
        assert (terms["contractStatus"], delivered(told)) == ("COMPLETED", left)
        runs = [c["amount"] for c in terms["settlementCycles"] if c["cycleId"].endswith("-r2")]
        assert runs == ([] if delta is None else [delta])


async def test_from_its_cancellation_on_a_contract_leaves_its_energy_to_the_next(world: SellerWorld) -> None:
    first, second = await buy(world, 8, meter=FIRST), await buy(world, 8, meter=SECOND)
    world.clock.set(WINDOW.start + 2 * HOUR + timedelta(minutes=20))  # within an hour of the meters
    await world.send(Action.CANCEL, {"order": {"beckn:id": first}})
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    got = [delivered(await world.status(each)) for each in (first, second)]
    assert got == [Decimal("2.333"), Decimal("5.667")]


async def test_a_contract_that_was_cancelled_before_it_began_claims_nothing(world: SellerWorld) -> None:
    first, second = await buy(world, 8, meter=FIRST), await buy(world, 8, meter=SECOND)
    await world.send(Action.CANCEL, {"order": {"beckn:id": first}})
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    assert delivered(await world.status(second)) == 8


async def test_an_order_that_nobody_confirmed_claims_nothing(world: SellerWorld) -> None:
    await world.send(Action.INIT, {"order": order(8, target_meter=FIRST)})
    second = await buy(world, 8, meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    assert delivered(await world.status(second)) == 8


async def test_what_is_cut_from_a_contract_is_left_to_the_next_which_is_looked_at_at_once(
    world: SellerWorld,
) -> None:
    first, second = await buy(world, 8, meter=FIRST), await buy(world, 8, meter=SECOND)
    world.clock.set(WINDOW.start + 4 * HOUR)
    await report(world, EIGHT[:4], FIRST, SECOND)
    assert [delivered(await world.status(each)) for each in (first, second)] == [4, 0]
    await curtail(world, first, 5_000, since=2)
    assert await world.refresh_all() == 1
    # what flowed before the cut is not shared out anew
    assert [delivered(await world.status(each)) for each in (first, second)] == [3, 1]
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    assert [delivered(await world.status(each)) for each in (first, second)] == [3, 5]


async def test_what_is_cut_is_also_left_to_a_contract_that_was_cancelled_later_and_is_settled(
    world: SellerWorld,
) -> None:
    first, second = await buy(world, 8, meter=FIRST), await buy(world, 8, meter=SECOND)
    world.clock.set(WINDOW.start + 4 * HOUR)
    await world.send(Action.CANCEL, {"order": {"beckn:id": second}})
    await report(world, EIGHT[:4], FIRST, SECOND)
    async with world.uow_factory() as uow:
        assert (await ContractStore(uow.connection).get(second)).refresh_at is None
    assert [delivered(await world.status(each)) for each in (first, second)] == [4, 0]
    await curtail(world, first, 5_000, since=2)
    assert await world.refresh_all() == 1
    assert [delivered(await world.status(each)) for each in (first, second)] == [3, 1]


async def test_a_cut_that_is_said_after_a_contract_was_fulfilled_leaves_it_as_it_was_told(
    world: SellerWorld,
) -> None:
    world = await with_windows(world, day=hours(0, 8), morning=hours(0, 4)).open()
    first, second = (
        await buy(world, 20, item="day", meter=FIRST),
        await buy(world, 3, item="morning", meter=SECOND),
    )
    world.clock.set(WINDOW.start + 4 * HOUR)
    await report(world, [6_000, *EIGHT[:3]], FIRST, SECOND)
    told = await world.status(second)
    assert told["beckn:orderAttributes"]["contractStatus"] == "COMPLETED"
    assert delivered(told) == 0
    world.clock.advance(timedelta(minutes=1))
    await curtail(world, first, 19_000, since=1)
    await world.refresh_all()
    assert await world.status(second) == told


async def test_contracts_that_meet_only_through_a_third_share_what_that_leaves(world: SellerWorld) -> None:
    world = await with_windows(world, morning=hours(0, 4), noon=hours(2, 6), evening=hours(5, 8)).open()
    first = await buy(world, 3, item="morning", meter=FIRST)
    second = await buy(world, 3, item="noon", meter=SECOND)
    third = await buy(world, 3, item="evening", meter=THIRD)
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND, THIRD)
    # the first has its three hours by 13:00, so the second takes those to 16:00, the third's first among them
    assert [delivered(await world.status(each)) for each in (first, second, third)] == [3, 3, 2]


async def test_windows_that_only_touch_share_nothing(world: SellerWorld) -> None:
    world = await with_windows(world, morning=hours(0, 4), noon=hours(4, 8)).open()
    first = await buy(world, 9, item="morning", meter=FIRST)
    second = await buy(world, 4, item="noon", meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, EIGHT, FIRST, SECOND)
    assert [delivered(await world.status(each)) for each in (first, second)] == [4, 4]


async def test_windows_that_cut_an_interval_of_the_meter_add_up_to_it(world: SellerWorld) -> None:
    early = Interval(WINDOW.start, WINDOW.start + timedelta(minutes=100))
    world = await with_windows(world, early=early, day=hours(0, 8)).open()
    first = await buy(world, 9, item="early", meter=FIRST)
    second = await buy(world, 20, item="day", meter=SECOND)
    world.clock.set(WINDOW.end)
    await report(world, [1_000, 1_001, *[1_000] * 6], FIRST, SECOND)
    got = [delivered(await world.status(each)) for each in (first, second)]
    assert got == [Decimal("1.667"), Decimal("6.334")]
    assert sum(got) == Decimal("8.001")


async def test_whoever_cuts_and_whoever_brings_readings_take_contracts_in_one_order(
    world: SellerWorld,
) -> None:
    """Else each could hold a contract that the other waits for."""
    bought = [await buy(world, 1, meter=FIRST)]
    while bought == sorted(bought):
        bought.append(await buy(world, 1, meter=FIRST))
    earlier, later = bought[-2:]
    async with world.uow_factory() as readings:
        await ContractStore(readings.connection).get(later, lock=True)
        cutting = asyncio.create_task(curtail(world, earlier, 1_000, since=3))
        async with world.uow_factory() as watching:
            await eventually(lambda: waiting_for_locks(watching), 1)
        await ContractStore(readings.connection).get(earlier, lock=True)
    await cutting


async def waiting_for_locks(uow: UnitOfWork) -> int:
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    count: int = (await uow.connection.execute(query)).scalar_one()
    await uow.connection.rollback()  # the statistics are those of the transaction's start
    return count
