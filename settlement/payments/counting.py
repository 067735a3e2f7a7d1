"""Money that is in counts towards bills, and one that it covers is paid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert

from settlement.bills import BillEvent, BillingCycle
from settlement.payments.payment import Payment
from settlement.payments.store import find_due
from settlement.payments.tables import payment_allocations
from settlement.steps import move_bill
from storage.unit_of_work import UnitOfWork
from trading.contract_news import note_paid


async def count_towards(
    payment: Payment, bills: Mapping[UUID, BillingCycle], *, uow: UnitOfWork, now: datetime
) -> None:
    """Count the money towards its bills, which are locked; what they do not need counts towards none."""
    for part in payment.parts:
        due = await find_due(part.bill, uow=uow)
        taken = min(due, part.due.minor)
        if not taken:
            continue
        row = {
            "payment": payment.id,
            "bill": part.bill,
            "is_returned": False,
            "amount_minor": taken,
        }
        await uow.connection.execute(insert(payment_allocations).values(row))
        if taken == due:
            await _cover(bills[part.bill], payment.id, uow=uow, now=now)


async def _cover(bill: BillingCycle, payment: UUID, *, uow: UnitOfWork, now: datetime) -> None:
    await move_bill(
        bill.contract_id,
        bill.cycle_id,
        BillEvent.COVERED,
        uow=uow,
        now=now,
        actor="payments",
        reason=f"the payment {payment} came in",
    )
    await note_paid(uow.connection, contract_id=bill.contract_id, bill=bill.cycle_id, at=now)
