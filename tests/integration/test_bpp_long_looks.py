"""A contract of very many settlement cycles is looked at beside everything else that a platform does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from bpp.accounts import account
from bpp.catalog_file.reader import read_catalogue
from kernel.interval import Interval
from protocol.actions import Action
from settlement.events import find_broken, find_events
from settlement.store import find_bills, find_standing
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import (
    CATALOGUE_FILE,
    EXPORT,
    IMPORT,
    ITEM,
    SOURCE_METER,
    TARGET_METER,
    WINDOW,
    SellerWorld,
    hours_of,
)

LONGEST = 60  # s, which no test ever waits
SIX_DAYS = Interval(WINDOW.start, WINDOW.start + timedelta(days=6))
QUARTERS = 6 * 96
TEXT = (
    CATALOGUE_FILE.read_text(encoding="utf-8")
    .replace("end: 2026-01-09T18:00:00Z", "end: 2026-01-15T10:00:00Z")
    .replace("    zone: UTC", "    settlement_type: REAL_TIME\n    zone: UTC")
)


async def quarter_hourly(uow_factory: UnitOfWorkFactory) -> tuple[SellerWorld, str]:
    """Return a platform with a contract of 576 quarter hours, of which its meters have told everything."""
    world = SellerWorld(uow_factory=uow_factory)
    world.bpp = replace(world.bpp, catalogue=read_catalogue(TEXT, name="shop.yaml"))
    await world.open()
    bought = await world.buy(10)
    world.clock.set(SIX_DAYS.end + timedelta(minutes=5))
    for meter, direction in ((SOURCE_METER, EXPORT), (TARGET_METER, IMPORT)):
        await world.report(meter, direction, hours_of(SIX_DAYS, [100] * 144))
    return world, str(bought["beckn:id"])


@pytest.mark.parametrize("step", ["settle_contract", "_view"])
async def test_buyers_are_answered_while_a_contract_is_looked_at(
    step: str, uow_factory: UnitOfWorkFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, order_id = await quarter_hourly(uow_factory)
    is_under_way, was_answered = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    whole: Callable[..., Any] = getattr(account, step)

    def waiting(*given: Any, **named: Any) -> Any:
        loop.call_soon_threadsafe(is_under_way.set)
        assert was_answered.wait(LONGEST), "nobody was answered meanwhile"
        return whole(*given, **named)

    monkeypatch.setattr(account, step, waiting)
    look = asyncio.ensure_future(world.refresh_all())
    await is_under_way.wait()
    await world.send(Action.SUPPORT, {"refId": ITEM, "refType": "ITEM"}, transaction_id=str(uuid4()))
    was_answered.set()
    assert await look == 1
    assert (await world.status(order_id))["beckn:orderAttributes"]["contractStatus"] == "COMPLETED"


async def test_many_cycles_are_kept_whole_and_once(uow_factory: UnitOfWorkFactory) -> None:
    world, order_id = await quarter_hourly(uow_factory)
    await world.refresh_all()
    async with uow_factory() as uow:
        cycles = await find_standing(order_id, uow=uow)
        [bill] = await find_bills(order_id, uow=uow)
        events = await find_events(order_id, uow=uow)
    assert len(cycles) == len({cycle.cycle_id for cycle in cycles}) == QUARTERS
    assert all(cycle.is_settled for cycle in cycles)
    assert bill.settlement_cycle_ids == tuple(cycle.cycle_id for cycle in cycles)
    assert sum(cycle.amount.minor for cycle in cycles) == bill.total.minor
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert (len(events), find_broken(events)) == (QUARTERS + 1, None)
