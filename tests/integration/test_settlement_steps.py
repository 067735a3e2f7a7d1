"""Cycles that are given up and tried again, bills that are covered or fall due: each with who and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from settlement.bills import BillEvent, BillNotFound, BillStatus, BillTransitionInvalid
from settlement.cycles import CycleStatus, CycleTransitionInvalid
from settlement.events import find_broken, find_events
from settlement.recording import record_outcome
from settlement.settle import SettlementOutcome, settle_contract
from settlement.steps import CycleNotFound, give_up_cycle, move_bill, requeue_cycle
from settlement.store import find_bills, find_cycles
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, readings

BEFORE, AFTER = WINDOW.start, WINDOW.end + timedelta(hours=1)
CYCLE, BILL = "settle-2024-10-04-001", "bill-2024-10-001"


def outcome(*, over: bool) -> SettlementOutcome:
    now = AFTER if over else BEFORE
    return settle_contract(agree(), exported=readings(SOURCE_KWH), imported=readings(TARGET_KWH), now=now)


async def record(uow_factory: UnitOfWorkFactory, *, over: bool) -> None:
    async with uow_factory() as uow:
        await record_outcome(outcome(over=over), uow=uow, now=AFTER if over else BEFORE)


async def test_a_cycle_that_was_given_up_is_requeued_and_settled(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, over=False)
    async with uow_factory() as uow:
        failed = await give_up_cycle(
            "contract-1", CYCLE, uow=uow, now=BEFORE, actor="desk", reason="no zone is called that"
        )
        assert failed.status is CycleStatus.FAILED
    async with uow_factory() as uow:
        again = await requeue_cycle("contract-1", CYCLE, uow=uow, now=BEFORE, actor="ops", reason="mended")
        assert again.status is CycleStatus.PENDING
        assert await find_cycles("contract-1", uow=uow) == [again]
    await record(uow_factory, over=True)
    async with uow_factory() as uow:
        events = await find_events("contract-1", uow=uow)
    assert [(event.change.event, event.change.new_status, event.actor, event.reason) for event in events] == [
        ("GIVEN_UP", "FAILED", "desk", "no zone is called that"),
        ("REQUEUED", "PENDING", "ops", "mended"),
        ("POSTED", "SETTLED", "settlement", "its period is closed"),
        ("ISSUED", "PENDING", "settlement", "its period is closed"),
    ]
    assert find_broken(events) is None


async def test_a_settled_cycle_is_not_given_up(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, over=True)
    for step in (give_up_cycle, requeue_cycle):
        with pytest.raises(CycleTransitionInvalid):
            async with uow_factory() as uow:
                await step("contract-1", CYCLE, uow=uow, now=AFTER, actor="ops", reason="a mistake")
    with pytest.raises(CycleNotFound, match="no settlement cycle settle-9"):
        async with uow_factory() as uow:
            await give_up_cycle("contract-1", "settle-9", uow=uow, now=AFTER, actor="ops", reason="none")


async def test_a_bill_falls_due_and_is_covered(uow_factory: UnitOfWorkFactory) -> None:
    await record(uow_factory, over=True)
    for event, status in ((BillEvent.FELL_DUE, BillStatus.OVERDUE), (BillEvent.COVERED, BillStatus.PAID)):
        async with uow_factory() as uow:
            moved = await move_bill("contract-1", BILL, event, uow=uow, now=AFTER, actor="rail", reason="x")
            assert moved.status is status
            assert await find_bills("contract-1", uow=uow) == [moved]
    with pytest.raises(BillTransitionInvalid):
        async with uow_factory() as uow:
            await move_bill(
                "contract-1", BILL, BillEvent.FELL_DUE, uow=uow, now=AFTER, actor="rail", reason="x"
            )
    with pytest.raises(BillNotFound, match="no bill bill-9"):
        async with uow_factory() as uow:
            await move_bill(
                "contract-1", "bill-9", BillEvent.COVERED, uow=uow, now=AFTER, actor="rail", reason="x"
            )
    async with uow_factory() as uow:
        events = await find_events("contract-1", uow=uow)
    assert [event.change.event for event in events] == ["POSTED", "ISSUED", "FELL_DUE", "COVERED"]
