"""Bills whose time to be paid is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select

from settlement.bills import BillEvent, BillStatus
from settlement.payments.due_dates import PaymentTerms
from settlement.payments.store import lock_bills
from settlement.steps import move_bill
from settlement.tables import billing_cycles
from storage.unit_of_work import UnitOfWork

ACTOR: Final = "payments"
"""Who acts where bills are collected by the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingBill:
    """A bill that waits to be paid, and since when."""

    id: UUID
    contract_id: str
    bill_id: str
    issued_at: datetime


async def list_pending(*, uow: UnitOfWork, issued_before: datetime) -> Sequence[PendingBill]:
    """Return the bills that wait to be paid, the oldest first."""
    bills = billing_cycles.c
    query = (
        select(bills.id, bills.contract_id, bills.cycle_id, bills.issued_at)
        .where(bills.status == BillStatus.PENDING, bills.issued_at < issued_before)
        .order_by(bills.issued_at, bills.id)
    )
    return [
        PendingBill(id=row.id, contract_id=row.contract_id, bill_id=row.cycle_id, issued_at=row.issued_at)
        for row in await uow.connection.execute(query)
    ]


async def mark_overdue(bill: PendingBill, terms: PaymentTerms, *, uow: UnitOfWork, now: datetime) -> bool:
    """Mark the bill as overdue, if its time is over and it still waits; say whether that is so."""
    if now < terms.overdue_from(bill.issued_at):
        return False
    found = (await lock_bills({bill.id}, uow=uow))[bill.id]
    if found.status is not BillStatus.PENDING:
        return False
    due = terms.due_date(bill.issued_at)
    await move_bill(
        bill.contract_id,
        bill.bill_id,
        BillEvent.FELL_DUE,
        uow=uow,
        now=now,
        actor=ACTOR,
        reason=f"it was due on {due}, with {terms.grace_days} days of grace",
    )
    return True
