"""Lines of one order that change at the same time: their buyer is told in one message."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from bpp.accounts.known import Known, read_known
from bpp.deliveries import upkeep
from kernel.energy import Energy
from kernel.interval import Interval
from protocol.actions import Action
from protocol.profile import V2_RC, Profile
from settlement.ledger.accounts import AccountKind
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from tests.support.deposits import fill_deposit
from tests.support.monthly_sale import audit, on_account
from tests.support.order_lines import (
    AFTERNOON_LINE,
    LINES,
    MORNING_HOURS,
    MORNING_LINE,
    ROOF_LINE,
    ROOF_METER,
    buy_lines,
    open_world,
    told,
    two_offers,
    written,
)
from tests.support.seller_world import (
    EXPORT,
    IMPORT,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
)
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.wire import Wire
from trading.terms import PaymentTiming

Json = dict[str, Any]
DONE = [ContractStatus.COMPLETED] * 2


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, profile: Profile) -> SellerWorld:
    return await open_world(uow_factory, profile)


async def statuses(world: SellerWorld, wire: Wire) -> list[list[ContractStatus]]:
    """Return what each unasked message told of each line."""
    news = await world.unsolicited(Action.ON_STATUS)
    return [[line.status for line in told(world, {wire.ORDER_KEY: each})] for each in news]


async def count(world: SellerWorld, window: Interval, watt_hours: int = 4_000) -> None:
    """Have both meters report so much for each hour of a window; nothing is looked at yet."""
    for meter, direction in ((SOURCE_METER, EXPORT), (TARGET_METER, IMPORT)):
        hours = hours_of(window, [watt_hours] * (window.duration // timedelta(hours=1)))
        await world.report(meter, direction, hours)


async def sold(world: SellerWorld) -> None:
    """Have both lines bought, and all of them delivered and known."""
    await buy_lines(world)
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await count(world, WINDOW)


async def test_lines_that_are_done_at_once_are_told_in_one_message(world: SellerWorld, wire: Wire) -> None:
    await sold(world)
    assert await world.refresh_all() == 1
    assert await statuses(world, wire) == [DONE]
    [news] = await world.unsolicited(Action.ON_STATUS)
    lines = told(world, {wire.ORDER_KEY: news})
    assert [[bill.total.minor for bill in line.bills] for line in lines] == [[475], [180]]
    assert (await audit(world.uow_factory)).findings == ()


async def test_held_lines_lapse_at_once_and_nobody_is_told(world: SellerWorld, wire: Wire) -> None:
    await world.send(Action.INIT, written(world, *LINES))
    world.clock.advance(timedelta(hours=1))
    assert await world.refresh_all() == 1
    assert await world.unsolicited(Action.ON_STATUS) == []


async def test_what_flows_under_two_lines_is_told_in_one_message_and_waits_as_one(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)
    beside = replace(AFTERNOON_LINE, trade_start=MORNING_HOURS.start, trade_end=MORNING_HOURS.end)
    await buy_lines(world, MORNING_LINE, beside)
    told_so_far, start = [], MORNING_HOURS.start
    for seconds, hours in ((0, 1), (30, 2), (300, 0)):
        world.clock.set(start + timedelta(hours=2, seconds=seconds))
        if hours:
            await count(world, Interval(start, start + timedelta(hours=hours)))
        await world.refresh_all()
        told_so_far.append(len(await world.unsolicited(Action.ON_STATUS)))
    assert told_so_far == [1, 1, 2]


async def test_a_line_that_somebody_holds_is_not_waited_for(uow_factory: UnitOfWorkFactory) -> None:
    world = await open_world(uow_factory, V2_RC)
    await sold(world)
    async with uow_factory() as uow:
        [second] = [each for each in await ContractStore(uow.connection).find_page() if each.line == 2]
        await ContractStore(uow.connection).get(second.id, lock=True)
        assert await world.refresh_all() == 1
    assert await world.refresh_all() == 1
    wire = wire_of("v2_rc")
    assert await statuses(world, wire) == [[ContractStatus.COMPLETED, ContractStatus.ACTIVE], DONE]


async def test_a_line_that_cannot_be_looked_at_holds_no_other_up(
    uow_factory: UnitOfWorkFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await open_world(uow_factory, V2_RC)
    await sold(world)

    async def read(contract: Contract, uow: UnitOfWork) -> Known:
        if contract.line == 2:
            raise RuntimeError("its meter is unreadable")
        return await read_known(contract, uow)

    with monkeypatch.context() as broken, capture_logs() as logs:
        broken.setattr(upkeep, "read_known", read)
        assert await world.refresh_all() == 1
    assert [each["event"] for each in logs if each["log_level"] != "info"] == [
        "contract.refreshed_apart",
        "contract.refresh_failed",
    ]
    wire = wire_of("v2_rc")
    assert await statuses(world, wire) == [[ContractStatus.COMPLETED, ContractStatus.ACTIVE]]
    world.clock.advance(timedelta(minutes=1))
    assert await world.refresh_all() == 1
    assert (await statuses(world, wire))[1:] == [DONE]


async def test_lines_that_are_paid_ahead_are_paid_and_told_at_once(
    uow_factory: UnitOfWorkFactory,
) -> None:
    shop = two_offers()
    ahead = tuple(
        replace(each, terms=replace(each.terms, payment=PaymentTiming.PREPAID)) for each in shop.offers
    )
    world = await open_world(uow_factory, V2_RC)
    world = world.selling(catalogue=replace(shop, offers=ahead))
    await fill_deposit(world, 1_000)
    await sold(world)
    assert await world.refresh_all() == 1
    [news] = await world.unsolicited(Action.ON_STATUS)
    lines = told(world, {"order": news})
    assert [(line.status, line.bills[0].status) for line in lines] == [(ContractStatus.COMPLETED, "PAID")] * 2
    assert (await audit(uow_factory)).findings == ()
    assert await on_account(uow_factory, AccountKind.DEPOSIT) == 1_000 - 655


async def test_orders_with_the_same_meters_are_looked_at_at_once_and_none_waits_for_another(
    uow_factory: UnitOfWorkFactory,
) -> None:
    world = await open_world(uow_factory, V2_RC)
    roof, other = replace(MORNING_LINE, quantity=Energy(2_000)), replace(ROOF_LINE, quantity=Energy(2_000))
    for number in range(4):
        world.transaction_id = str(uuid4())
        await buy_lines(world, *((roof, other) if number % 2 else (other, roof)))
    world.clock.set(WINDOW.end + timedelta(minutes=5))
    await world.report(ROOF_METER, EXPORT, hours_of(WINDOW, [4_000] * 8))
    await count(world, WINDOW)
    with capture_logs() as logs:
        assert all(await asyncio.gather(*(world.desk.step() for _ in range(4))))
    assert {each["event"] for each in logs} == {"contract.refreshed"}
    news = await world.unsolicited(Action.ON_STATUS)
    assert [[line.status for line in told(world, {"order": each})] for each in news] == [DONE] * 4
    assert (await audit(uow_factory)).findings == ()
