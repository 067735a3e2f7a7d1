"""What a utility says was delivered: kept beside our own account, compared with it, and told to the buyer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import simplejson
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bpp.cascade.allocation_account import read_allocation_accounts
from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from protocol.actions import Action
from protocol.profile import PROFILES
from storage.database import Database
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.grid_statements import (
    HOUR,
    MIDDLE,
    again,
    allocate,
    allocations,
    hourly,
    statement_of,
    told_buyer,
)
from tests.support.grid_world import (
    END,
    START,
    VALLEY,
    GridWorld,
    grid_world,
    order,
)
from tests.support.seller_world import WINDOW, SellerWorld
from trading.allocation_check import Verdict
from trading.allocations import AllocationStore, RecordedAllocations
from trading.contracts import ContractStore
from trading.grid_statement import Allocation, Allocations
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of

Json = dict[str, Any]


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def test_what_a_utility_allocates_is_kept_beside_our_own_meters_account(world: GridWorld) -> None:
    held = await world.order(Action.INIT, {"order": order(10)})
    bought = held["beckn:id"]
    with pytest.raises(NodeError, match="nothing of it flows"):
        await allocate(world, world.valley, bought, hourly(1, 1))
    await world.order(Action.CONFIRM, {"order": order(10, order_id=bought)})
    for name in ("v1_1", "v2_lts", "v2_rc"):
        world.wire = PROFILES[name]
        changed = hourly(4_000, 3_000 + len(name), delivered=7_000)
        assert await allocate(world, world.valley, bought, changed)
        assert not await allocate(world, world.valley, bought, changed)
    assert await allocate(world, world.valley, bought, hourly(4_000, 3_500))
    assert await allocate(world, world.hill, bought, hourly(4_000, 3_500))
    told = again(statement_of(world))
    await world.deliver(told, world.hill)  # its last word again, by another message
    await world.settle_down()
    newest, before, *_, oldest = await allocations(world, bought)
    assert len(await allocations(world, bought)) == 5
    assert (newest["utility"], before["utility"]) == ("hill-grid.example", "valley-grid.example")
    assert (newest["whole"], newest["differs"]) == (None, False)
    assert oldest["whole"] == {
        "start": format_instant(START),
        "end": format_instant(END),
        "said_wh": 7_000,
        "metered_wh": None,
        "difference_wh": None,
        "verdict": "NOT_METERED",
        "consumed_wh": None,
        "produced_wh": None,
    }
    periods = [(each["said_wh"], each["produced_wh"]) for each in oldest["periods"]]
    assert periods == [(4_000, 9_000), (3_004, None)]
    assert told_buyer(world) == [], "nothing changes by a utility's account"
    with pytest.raises(DBAPIError, match="append-only"):
        async with world.seller.uow_factory() as uow:
            await uow.connection.execute(text("UPDATE utility_allocations SET delivered_wh = 1"))


@pytest.mark.parametrize("name", ["v1_1", "v2_rc", "v2_lts"])
async def test_the_buyer_is_told_once_what_each_utility_says_was_delivered_also_when_all_is_done(
    world: GridWorld, name: str
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    async with world.seller.uow_factory() as uow:  # its buyer speaks another generation from now on
        contract = await ContractStore(uow.connection).get(bought)
        await ContractStore(uow.connection).save(replace(contract, profile=name, buyer_order={}))
    world.clock.set(MIDDLE)
    first = Allocation(period=Interval(START, MIDDLE), allocated=Energy(4_000), produced=Energy(9_000))
    await allocate(world, world.valley, bought, Allocations(said_at=MIDDLE, by_period=(first,)))
    await world.pass_time(timedelta(seconds=1))
    assert told_of(world) == [("valley-grid.example", None, [4_000])]
    world.clock.set(END + timedelta(days=8))
    await world.pass_time(timedelta(minutes=1))
    async with world.seller.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought)
    assert contract.status is ContractStatus.COMPLETED
    second = Allocation(period=Interval(MIDDLE, END), allocated=Energy(3_000))
    whole = Allocations(said_at=END, delivered=Energy(7_000), by_period=(second,))
    await allocate(world, world.valley, bought, whole)
    await allocate(world, world.hill, bought, hourly(4_000, 2_999))
    await world.pass_time(timedelta(minutes=2))
    assert told_of(world) == [
        ("hill-grid.example", None, [4_000, 2_999]),
        ("valley-grid.example", 7_000, [4_000, 3_000]),
    ]
    count = len(world.came)
    await allocate(world, world.hill, bought, hourly(4_000, 2_999))
    await world.pass_time(timedelta(minutes=2))
    assert len(world.came) == count
    assert "producedEnergy" not in simplejson.dumps([document for _, document in world.came[-1:]])


def told_of(world: GridWorld) -> list[tuple[str, int | None, list[int]]]:
    """Return what the last on_status told of what utilities say was delivered, in Wh."""
    statuses = [document for action, document in world.came if action is Action.ON_STATUS]
    message = statuses[-1]["message"]
    wire = wire_of(
        "v2_lts" if "contract" in message else "v2_rc" if "beckn:id" in message["order"] else "v1_1"
    )
    report = wire.read_contract(message[wire.ORDER_KEY])
    return [
        (
            each.utility_id,
            None if each.delivered is None else each.delivered.watt_hours,
            [period.energy.watt_hours for period in each.periods],
        )
        for each in report.utilities
    ]


async def test_what_is_allocated_is_compared_with_what_our_meters_counted(
    uow_factory: UnitOfWorkFactory,
) -> None:
    seller = await SellerWorld(uow_factory=uow_factory).open()
    bought = (await seller.buy(10))["beckn:id"]
    seller.clock.set(WINDOW.end + timedelta(minutes=5))
    await seller.deliver([1_000] * 8)
    first = Interval(WINDOW.start, WINDOW.start + HOUR)
    second = Interval(first.end, first.end + HOUR)
    periods = (
        Allocation(period=first, allocated=Energy(1_000)),
        Allocation(period=second, allocated=Energy(900)),
    )
    said = RecordedAllocations(
        utility_id=VALLEY.subscriber_id,
        message_id="m-1",
        told=Allocations(said_at=WINDOW.end, delivered=Energy(1_900), by_period=periods),
        recorded_at=seller.clock.now(),
    )
    async with uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought)
        assert await AllocationStore(uow.connection).add(contract.id, said)
        [account] = await read_allocation_accounts(contract, uow, limit=5)
    assert account.whole is not None
    assert (account.whole.metered, account.whole.verdict) == (Energy(2_000), Verdict.DIFFERS)
    assert [each.verdict for each in account.periods] == [Verdict.AGREES, Verdict.DIFFERS]
    assert account.periods[1].difference == Energy(-100)
