"""From readings to settled contracts: the delivery desk on a real database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from bpp.accounts.known import MeterAccount, Meters
from bpp.accounts.reading_rows import reading_rows
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from schemas import jsonld
from schemas.iris import METER_ID
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.official import official_bundle_accepts, official_order_errors
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
from trading.contracts import ContractStore
from trading.stock import Stock

Json = dict[str, Any]

EXPORTED = [500, 500, 1000, 2000, 2000, 2000, 1500, 1500]  # 11 kWh
IMPORTED = [300, 500, 700, 2500, 2000, 2000, 1500, 1000]  # 10.5 kWh


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await SellerWorld(uow_factory=uow_factory).open()


async def deliver(world: SellerWorld) -> None:
    """Have both meters report the whole window, after it."""
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, EXPORTED))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, IMPORTED))


async def test_a_trade_is_settled_when_both_meters_have_reported(world: SellerWorld) -> None:
    await world.buy(10)
    await deliver(world)
    assert await world.refresh_all() == 1
    [told] = await world.unsolicited()
    contract = told["beckn:orderAttributes"]
    assert (told["beckn:orderStatus"], contract["contractStatus"]) == ("COMPLETED", "COMPLETED")
    [cycle], [bill] = contract["settlementCycles"], contract["billingCycles"]
    assert (cycle["status"], cycle["amount"]) == ("SETTLED", Decimal("4.00"))
    assert bill["totalAmount"] == Decimal("4.00")
    assert [(line["title"], line["amount"]) for line in bill["lineItems"]] == [
        ("Energy Cost", Decimal("1.50")),
        ("Wheeling Charges", Decimal("2.50")),
    ]
    delivery = told["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert (delivery["deliveryStatus"], delivery["deliveredQuantity"]) == ("COMPLETED", 10)
    assert delivery["deliveryEndTime"] == "2026-01-09T18:00:00Z"
    assert delivery["settlementCycleId"] == cycle["cycleId"]


async def test_the_flows_between_readings_add_up_to_what_was_delivered(world: SellerWorld) -> None:
    bought = await world.buy(10)
    await deliver(world)
    await world.refresh_all()
    told = await world.status(bought["beckn:id"])
    rows = told["beckn:fulfillment"]["beckn:deliveryAttributes"]["meterReadings"]
    assert len(rows) == 9
    assert rows[0] == {
        "timestamp": "2026-01-09T10:00:00Z",
        "sourceReading": 0,
        "targetReading": 0,
        "energyFlow": 0,
    }
    assert rows[1]["energyFlow"] == Decimal("0.3")  # the lesser of 0.5 and 0.3
    assert (rows[-1]["sourceReading"], rows[-1]["targetReading"]) == (11, Decimal("10.5"))
    assert sum(row["energyFlow"] for row in rows) == 10


async def test_the_last_message_passes_the_official_schema_and_expands(world: SellerWorld) -> None:
    await world.buy(10)
    await deliver(world)
    await world.refresh_all()
    [told] = await world.unsolicited()
    assert official_order_errors(told) == []
    assert official_bundle_accepts("EnergyTradeContract", told["beckn:orderAttributes"])
    delivery = told["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert official_bundle_accepts("EnergyTradeDelivery", delivery)
    assert METER_ID in str(jsonld.expand(told))


async def test_looking_again_tells_nothing_new(world: SellerWorld) -> None:
    await world.buy(10)
    await deliver(world)
    await world.refresh_all()
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, EXPORTED))  # a repeat
    await world.refresh_all()
    assert len(await world.unsolicited()) == 1


async def test_readings_during_delivery_are_told_as_they_come(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=2))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, EXPORTED[:2]))
    assert await world.refresh_all() == 1
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, IMPORTED[:2]))
    world.clock.advance(timedelta(minutes=1))
    await world.refresh_all()
    first, second = await world.unsolicited()
    assert first["beckn:orderStatus"] == "INPROGRESS"
    silent = first["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert (silent["deliveredQuantity"], silent["deliveryEndTime"]) == (0, None)
    assert all("targetReading" not in row for row in silent["meterReadings"])
    going_on = second["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert (going_on["deliveryStatus"], going_on["deliveredQuantity"]) == ("IN_PROGRESS", Decimal("0.8"))
    assert second["beckn:orderAttributes"]["settlementCycles"][0]["status"] == "PENDING"
    assert (await world.status(bought["beckn:id"]))["beckn:fulfillment"] == second["beckn:fulfillment"]


async def test_readings_are_waited_for_as_long_as_the_platform_is_told_to(world: SellerWorld) -> None:
    patient = world.selling(collection_deadline=timedelta(hours=48))
    bought = await patient.buy(10)
    patient.clock.set(WINDOW.end + timedelta(hours=24))
    await patient.refresh_all()
    assert (await patient.status(bought["beckn:id"]))["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"
    patient.clock.set(WINDOW.end + timedelta(hours=48))
    assert await patient.refresh_all() == 1
    told = (await patient.unsolicited())[-1]
    assert told["beckn:orderAttributes"]["contractStatus"] == "COMPLETED"


async def test_readings_of_other_meters_touch_nothing(world: SellerWorld) -> None:
    await world.buy(10)
    await world.report("ABCD", IMPORT, [(WINDOW.start - timedelta(hours=12), 100)])
    assert await world.refresh_all() == 0


async def test_a_meter_that_never_reports_is_waited_for_and_then_counts_nought(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.end)
    assert await world.refresh_all() == 1
    waiting = await world.status(bought["beckn:id"])
    assert waiting["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"
    world.clock.set(WINDOW.end + timedelta(hours=24))
    assert await world.refresh_all() == 1
    told = (await world.unsolicited())[-1]
    assert told["beckn:orderAttributes"]["contractStatus"] == "COMPLETED"
    assert told["beckn:orderAttributes"]["settlementCycles"][0]["amount"] == 0
    assert told["beckn:fulfillment"]["beckn:fulfillmentStatus"] == "FAILED"


async def test_a_hold_that_nobody_confirms_ends_the_contract(world: SellerWorld) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    assert await world.refresh_all() == 0
    world.clock.advance(timedelta(minutes=15))
    assert await world.refresh_all() == 1
    assert await world.unsolicited() == []  # what was never confirmed is told when it is asked for
    asked = (await world.send(Action.STATUS, {"order": {"beckn:id": held["beckn:id"]}}))["order"]
    assert asked["beckn:orderAttributes"]["contractStatus"] == "TERMINATED"
    async with world.uow_factory() as uow:
        assert (await Stock(uow.connection).held_for(held["beckn:id"])).watt_hours == 0
    late = await world.refusal(Action.CONFIRM, {"order": order(10, order_id=held["beckn:id"])})
    assert late.code == "BIZ_QUOTE_EXPIRED_OR_CHANGED"


async def test_what_was_delivered_before_a_cancellation_is_settled(world: SellerWorld) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=4))
    cancelled = (await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}}))["order"]
    assert cancelled["beckn:orderAttributes"]["tradeEndTime"] == "2026-01-09T14:00:00Z"
    await deliver(world)
    await world.refresh_all()
    told = (await world.unsolicited())[-1]
    contract = told["beckn:orderAttributes"]
    assert (contract["contractStatus"], contract["settlementCycles"][0]["status"]) == (
        "TERMINATED",
        "SETTLED",
    )
    assert told["beckn:fulfillment"]["beckn:deliveryAttributes"]["deliveredQuantity"] == 4
    assert contract["billingCycles"][0]["totalAmount"] == Decimal("3.10")  # 4 kWh and one day's wheeling
    assert told["beckn:payment"]["beckn:paymentStatus"] == "PENDING"
    before = len(await world.unsolicited())
    assert await world.refresh_all() == 0
    assert len(await world.unsolicited()) == before


async def test_a_fulfilled_contract_can_be_neither_cancelled_nor_changed_but_confirmed_again(
    world: SellerWorld,
) -> None:
    bought = await world.buy(10)
    await deliver(world)
    await world.refresh_all()
    message = {"order": {"beckn:id": bought["beckn:id"]}}
    assert (await world.refusal(Action.CANCEL, message)).code == "POL_CANCELLATION_NOT_ALLOWED"
    change = {"order": order(9, order_id=bought["beckn:id"])}
    assert (await world.refusal(Action.UPDATE, change)).code == "POL_UPDATE_NOT_ALLOWED"
    again = await world.send(Action.CONFIRM, {"order": order(10, order_id=bought["beckn:id"])})
    assert again["order"] == (await world.unsolicited())[-1]


async def test_corrected_readings_of_a_fulfilled_contract_are_settled_again_and_told(
    world: SellerWorld,
) -> None:
    bought = await world.buy(10)
    await deliver(world)
    await world.refresh_all()
    first = (await world.status(bought["beckn:id"]))["beckn:orderAttributes"]
    world.clock.advance(timedelta(hours=1))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, [100] * 8))
    assert await world.refresh_all() == 1
    told = (await world.unsolicited())[-1]
    contract = told["beckn:orderAttributes"]
    assert (told["beckn:orderStatus"], contract["contractStatus"]) == ("COMPLETED", "COMPLETED")
    [cycle, run] = contract["settlementCycles"]
    assert cycle == first["settlementCycles"][0]
    assert run["cycleId"] == f"{cycle['cycleId']}-r2"
    assert (run["status"], run["amount"]) == ("SETTLED", Decimal("1.38"))  # 9.2 kWh less
    assert contract["billingCycles"] == first["billingCycles"]
    delivery = told["beckn:fulfillment"]["beckn:deliveryAttributes"]
    assert (delivery["deliveryStatus"], delivery["deliveredQuantity"]) == ("COMPLETED", Decimal("0.8"))
    assert await world.refresh_all() == 0


async def test_more_than_a_fulfilled_contract_was_billed_for_is_a_bill_of_its_own(
    world: SellerWorld,
) -> None:
    await world.buy(10)
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, EXPORTED))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, [100] * 8))
    await world.refresh_all()
    world.clock.advance(timedelta(hours=1))
    await world.report(TARGET_METER, IMPORT, hours_of(WINDOW, IMPORTED))
    assert await world.refresh_all() == 1
    told = (await world.unsolicited())[-1]
    _, extra = told["beckn:orderAttributes"]["billingCycles"]
    assert (extra["cycleId"], extra["totalAmount"]) == ("bill-2026-01-002", Decimal("1.38"))
    assert [line["title"] for line in extra["lineItems"]] == ["Adjustment (bill-2026-01-001, run 2)"]
    assert official_order_errors(told) == []


async def test_later_readings_of_its_meters_leave_a_fulfilled_contract_alone(world: SellerWorld) -> None:
    await world.buy(10)
    await deliver(world)
    await world.refresh_all()
    world.clock.advance(timedelta(hours=2))
    await world.report(SOURCE_METER, EXPORT, [(WINDOW.end, 700)])
    assert await world.refresh_all() == 0


async def test_readings_settle_nothing_of_a_contract_that_was_cancelled_before_its_window(
    world: SellerWorld,
) -> None:
    bought = await world.buy(10)
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    await deliver(world)
    assert await world.refresh_all() == 0
    contract = (await world.status(bought["beckn:id"]))["beckn:orderAttributes"]
    assert (contract["contractStatus"], contract.get("billingCycles", [])) == ("TERMINATED", [])


async def test_revised_readings_of_a_contract_that_was_cancelled_while_it_delivered_are_settled_again(
    world: SellerWorld,
) -> None:
    bought = await world.buy(10)
    world.clock.set(WINDOW.start + timedelta(hours=4))
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    await deliver(world)
    await world.refresh_all()
    world.clock.advance(timedelta(hours=1))
    await world.report(SOURCE_METER, EXPORT, hours_of(WINDOW, [500, 500, 1000, 1000]))
    assert await world.refresh_all() == 1
    told = (await world.unsolicited())[-1]["beckn:orderAttributes"]
    assert told["contractStatus"] == "TERMINATED"
    assert [cycle["amount"] for cycle in told["settlementCycles"]] == [Decimal("3.10"), Decimal("0.15")]


async def test_a_window_over_two_days_is_settled_day_by_day(uow_factory: UnitOfWorkFactory) -> None:
    world = SellerWorld(uow_factory=uow_factory)
    resource = world.bpp.catalogue.resources[0]
    night = Interval(WINDOW.start + timedelta(hours=13), WINDOW.start + timedelta(hours=15))  # 23:00 to 01:00
    replaced = _with_production(world, night)
    await replaced.open()
    bought = await replaced.buy(10)
    assert bought["beckn:orderValue"]["value"] == Decimal("6.50")  # wheeling twice
    assert len(bought["beckn:orderAttributes"]["settlementCycles"]) == 2
    replaced.clock.set(night.start + timedelta(hours=1))
    for meter, direction in ((resource.source.meter_id, EXPORT), (TARGET_METER, IMPORT)):
        await replaced.report(meter, direction, hours_of(night, [4000]))
    await replaced.refresh_all()
    first = (await replaced.unsolicited())[-1]["beckn:orderAttributes"]
    assert [cycle["status"] for cycle in first["settlementCycles"]] == ["SETTLED", "PENDING"]
    assert first["contractStatus"] == "ACTIVE"
    replaced.clock.set(night.end)
    for meter, direction in ((resource.source.meter_id, EXPORT), (TARGET_METER, IMPORT)):
        await replaced.report(meter, direction, hours_of(night, [4000, 6000]))
    await replaced.refresh_all()
    last = (await replaced.unsolicited())[-1]["beckn:orderAttributes"]
    assert [cycle["amount"] for cycle in last["settlementCycles"]] == [Decimal("3.10"), Decimal("3.40")]
    assert [bill["totalAmount"] for bill in last["billingCycles"]] == [Decimal("6.50")]
    assert last["contractStatus"] == "COMPLETED"


def _with_production(world: SellerWorld, production: Interval) -> SellerWorld:
    catalogue = world.bpp.catalogue
    resource = replace(catalogue.resources[0], production=production)
    return world.selling(catalogue=replace(catalogue, resources=(resource,)))


async def test_a_settled_day_stays_as_it_is_and_its_correction_is_told_beside_it(
    uow_factory: UnitOfWorkFactory,
) -> None:
    night = Interval(WINDOW.start + timedelta(hours=13), WINDOW.start + timedelta(hours=15))
    world = await _with_production(SellerWorld(uow_factory=uow_factory), night).open()
    await world.buy(10)
    world.clock.set(night.start + timedelta(hours=1))
    for amount in (4000, 3000):
        await world.deliver([amount], window=night)
        world.clock.advance(timedelta(minutes=1))
    told = (await world.unsolicited())[-1]["beckn:orderAttributes"]
    first, run, second = told["settlementCycles"]
    assert (first["amount"], run["amount"]) == (Decimal("3.10"), Decimal("0.15"))
    assert (run["cycleId"], second["status"]) == (f"{first['cycleId']}-r2", "PENDING")


async def test_a_desk_without_a_database_says_so(world: SellerWorld) -> None:
    world.clock.set(WINDOW.end)
    async with world.uow_factory() as uow:
        await uow.connection.execute(text("ALTER TABLE contracts RENAME TO elsewhere"))
    with pytest.raises(Exception, match="contracts"):
        await world.desk.step()


async def test_many_readings_are_thinned_out_and_the_last_stays(world: SellerWorld) -> None:
    minutes = [
        (Interval(WINDOW.start + timedelta(minutes=n), WINDOW.start + timedelta(minutes=n + 1)), n)
        for n in range(480)
    ]
    metered = [(period, Energy(n)) for period, n in minutes]
    bought = await world.buy(10)
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought["beckn:id"])
    both = Meters(exported=metered, imported=metered)
    rows = reading_rows(contract, MeterAccount(counted=both, left=both))
    assert len(rows) <= 101
    assert (rows[0].at, rows[-1].at) == (WINDOW.start, WINDOW.end)
    assert sum(row.flow.watt_hours for row in rows) == 10_000


async def test_a_contract_that_cannot_be_refreshed_does_not_stop_the_others(world: SellerWorld) -> None:
    broken = await world.buy(5)
    world.transaction_id = str(uuid4())
    sound = await world.buy(5)
    async with world.uow_factory() as uow:
        await uow.connection.execute(
            text("UPDATE contracts SET zone = 'Nowhere/Land', refresh_at = :now WHERE id = :id"),
            {"id": broken["beckn:id"], "now": world.clock.now()},
        )
    await deliver(world)
    assert await world.refresh_all() == 2
    assert [told["beckn:id"] for told in await world.unsolicited()] == [sound["beckn:id"]]
    world.clock.advance(timedelta(seconds=30))
    assert await world.refresh_all() == 1  # and it is tried again


async def test_two_desks_never_tell_the_same_thing_twice(world: SellerWorld) -> None:
    for _ in range(5):
        world.transaction_id = str(uuid4())
        await world.buy(2)
    await deliver(world)
    await asyncio.gather(*(world.refresh_all() for _ in range(4)))
    told = await world.unsolicited()
    assert len({order["beckn:id"] for order in told}) == len(told) == 5


async def test_of_fifty_buyers_at_once_only_as_many_hold_energy_as_there_is(world: SellerWorld) -> None:
    async def try_to_hold(number: int) -> str:
        message = {"order": order(3)}
        to = {"transaction_id": str(uuid4()), "bap_id": f"bap-{number}.example"}
        try:
            await world.send(Action.INIT, message, **to)
        except Exception as error:  # noqa: BLE001  what it is, is what is tested
            return getattr(error, "code", repr(error))
        return "held"

    outcomes = await asyncio.gather(*(try_to_hold(number) for number in range(50)))
    assert outcomes.count("held") == 10
    assert outcomes.count("BIZ_QUANTITY_UNAVAILABLE") == 40
    async with world.uow_factory() as uow:
        assert (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours == 500
    world.clock.advance(timedelta(minutes=15))
    await world.send(Action.INIT, {"order": order(20)})  # what lapsed can be had again at once
    await world.refresh_all()
    async with world.uow_factory() as uow:
        assert (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours == 10_500


async def test_the_history_of_a_contract_cannot_be_rewritten(world: SellerWorld) -> None:
    await world.buy(10)
    for statement in ("UPDATE contract_events SET actor = 'x'", "DELETE FROM contract_events"):
        with pytest.raises(Exception, match="append-only"):
            async with world.uow_factory() as uow:
                await uow.connection.execute(text(statement))
