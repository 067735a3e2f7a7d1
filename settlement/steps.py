"""One step of a cycle or a bill at a time: given up, tried again, covered, overdue.

What a cycle comes to is decided and kept by `settlement.recording` alone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Table, update

from kernel.errors import NodeError
from settlement.bills import BillEvent, BillingCycle, BillNotFound, next_bill_status
from settlement.cycles import CycleEvent, SettlementCycle, next_cycle_status
from settlement.events import Change, record_changes
from settlement.rows import bill_key, cycle_key
from settlement.store import find_bills, find_cycles, lock_account
from settlement.tables import billing_cycles, settlement_cycles
from storage.unit_of_work import UnitOfWork


class CycleNotFound(NodeError):
    """The contract has no such settlement cycle."""

    code, http_status, retryable = "SETTLEMENT_CYCLE_NOT_FOUND", 404, False


async def give_up_cycle(
    contract_id: str, cycle_id: str, *, uow: UnitOfWork, now: datetime, actor: str, reason: str
) -> SettlementCycle:
    """Mark an open cycle as failed: it could not be settled, however often it was tried.

    Raises: CycleNotFound, CycleTransitionInvalid.
    """
    event = CycleEvent.GIVEN_UP
    return await _move_cycle(contract_id, cycle_id, event, uow=uow, now=now, actor=actor, reason=reason)


async def requeue_cycle(
    contract_id: str, cycle_id: str, *, uow: UnitOfWork, now: datetime, actor: str, reason: str
) -> SettlementCycle:
    """Have a failed cycle tried again. Raises: CycleNotFound, CycleTransitionInvalid."""
    event = CycleEvent.REQUEUED
    return await _move_cycle(contract_id, cycle_id, event, uow=uow, now=now, actor=actor, reason=reason)


async def move_bill(
    contract_id: str,
    bill_id: str,
    event: BillEvent,
    *,
    uow: UnitOfWork,
    now: datetime,
    actor: str,
    reason: str,
) -> BillingCycle:
    """Keep what happened to a bill, and return it as it is then.

    Raises: BillNotFound, BillTransitionInvalid.
    """
    await lock_account(contract_id, uow=uow)
    found = await find_bills(contract_id, uow=uow, bill_id=bill_id)
    if not found:
        raise BillNotFound(f"the order {contract_id} has no bill {bill_id[:64]}")
    (bill,) = found
    moved = replace(bill, status=next_bill_status(bill.status, event))
    change = Change(subject=bill_id, event=event, old_status=bill.status, new_status=moved.status)
    await _keep(change, billing_cycles, bill_key(contract_id, bill_id), uow=uow)
    await record_changes(contract_id, [change], uow=uow, now=now, reason=reason, actor=actor)
    return moved


async def _move_cycle(
    contract_id: str,
    cycle_id: str,
    event: CycleEvent,
    *,
    uow: UnitOfWork,
    now: datetime,
    actor: str,
    reason: str,
) -> SettlementCycle:
    await lock_account(contract_id, uow=uow)
    found = await find_cycles(contract_id, uow=uow, among=[cycle_id])
    if not found:
        raise CycleNotFound(f"the order {contract_id} has no settlement cycle {cycle_id[:64]}")
    (cycle,) = found
    moved = replace(cycle, status=next_cycle_status(cycle.status, event))
    change = Change(subject=cycle_id, event=event, old_status=cycle.status, new_status=moved.status)
    await _keep(change, settlement_cycles, cycle_key(contract_id, cycle_id), uow=uow)
    await record_changes(contract_id, [change], uow=uow, now=now, reason=reason, actor=actor)
    return moved


async def _keep(change: Change, table: Table, key: UUID, *, uow: UnitOfWork) -> None:
    await uow.connection.execute(update(table).where(table.c.id == key).values(status=change.new_status))
