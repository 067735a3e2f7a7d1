"""Money that counted towards a bill and went out again.

A bill that was not paid yet lacks it again. One that was paid stays so, for good: what went out is
demanded by a bill of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from itertools import count
from uuid import UUID

from sqlalchemy import insert

from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.events import ISSUED, Change, record_changes
from settlement.lines import LineItem
from settlement.payments.tables import payment_allocations, returned_payment_bills
from settlement.rows import bill_key, bill_row
from settlement.store import find_bills
from settlement.tables import billing_cycles
from storage.unit_of_work import UnitOfWork
from trading.charges import LineKind


def bill_returned(bill: BillingCycle, minor: int, *, payment: UUID, taken: Collection[str]) -> BillingCycle:
    """Return the bill that demands again what was paid of a paid one; `taken` are the ids of all bills.

    Its id is the paid bill's with the next number: bill-2026-01-001-b2.
    """
    stem = re.sub(r"-b\d+$", "", bill.cycle_id)
    line = LineItem(
        kind=LineKind.ADJUSTMENT,
        title=f"Returned payment ({bill.cycle_id})",
        amount=Money(minor, bill.currency),
    )
    cycle_id = next(name for n in count(2) if (name := f"{stem}-b{n}") not in taken)
    return replace(
        bill,
        cycle_id=cycle_id,
        settlement_cycle_ids=(),
        status=BillStatus.PENDING,
        lines=(line,),
        explanation={
            "version": 2,
            "explains": "BILL",
            "bill": cycle_id,
            "currency": bill.currency.code,
            "lines": [line.to_record()],
            "returned": {"bill": bill.cycle_id, "payment": str(payment), "minor": minor},
        },
    )


async def give_back(bill: BillingCycle, minor: int, *, payment: UUID, uow: UnitOfWork, now: datetime) -> None:
    """Keep that what counted towards the bill went out; its contract has to be locked."""
    key = bill_key(bill.contract_id, bill.cycle_id)
    if bill.status is not BillStatus.PAID:
        row = {"payment": payment, "bill": key, "is_returned": True, "amount_minor": minor}
        await uow.connection.execute(insert(payment_allocations).values(row))
        return
    taken = {each.cycle_id for each in await find_bills(bill.contract_id, uow=uow)}
    again = bill_returned(bill, minor, payment=payment, taken=taken)
    await uow.connection.execute(insert(billing_cycles).values(bill_row(again) | {"issued_at": now}))
    link = {"bill": bill_key(again.contract_id, again.cycle_id), "payment": payment, "paid_bill": key}
    await uow.connection.execute(insert(returned_payment_bills).values(link))
    issued = Change(subject=again.cycle_id, event=ISSUED, old_status=None, new_status=again.status)
    reason = f"the payment {payment} went out again"
    await record_changes(bill.contract_id, [issued], uow=uow, now=now, reason=reason, actor="payments")
