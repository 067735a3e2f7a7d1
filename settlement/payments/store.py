"""Payments as they are kept in PostgreSQL, within one unit of work."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import insert

from kernel.currency import Currency
from kernel.errors import NodeError
from kernel.money import Money
from settlement.bills import BillingCycle, BillNotFound
from settlement.corrections import CREDITS
from settlement.payments.netting import Owed
from settlement.payments.payment import Collector, Payment
from settlement.payments.states import PaymentStatus
from settlement.payments.tables import payment_alerts, payment_allocations, payment_parts, payments
from settlement.store import find_bills, lock_account
from settlement.tables import bill_corrections, billing_cycles, carried_corrections
from storage.unit_of_work import UnitOfWork

OPERATOR = "OPERATOR"
"""Who keeps the node running, as the audience of an alert."""


class PaymentNotFound(NodeError):
    """There is no such payment."""

    code, http_status, retryable = "PAYMENT_NOT_FOUND", 404, False


async def find_payment(payment_id: UUID, *, uow: UnitOfWork) -> Payment:
    """Return a payment as it was asked for. Raises: PaymentNotFound."""
    query = select(payments).where(payments.c.id == payment_id)
    row = (await uow.connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise PaymentNotFound(f"there is no payment {payment_id}")
    currency = Currency(row["currency"])
    found = select(payment_parts).where(payment_parts.c.payment == payment_id).order_by(payment_parts.c.bill)
    parts = tuple(
        Owed(bill=part.bill, payer=part.payer, payee=part.payee, due=Money(part.amount_minor, currency))
        for part in await uow.connection.execute(found)
    )
    return Payment(
        id=payment_id,
        payer=row["payer"],
        payee=row["payee"],
        amount=Money(row["amount_minor"], currency),
        collected_by=Collector(row["collected_by"]),
        parts=parts,
    )


async def lock_payment(payment_id: UUID, *, uow: UnitOfWork) -> PaymentStatus:
    """Wait until nobody else moves the payment, keep others from it, and return its status."""
    query = select(payments.c.status).where(payments.c.id == payment_id).with_for_update()
    return PaymentStatus((await uow.connection.execute(query)).scalar_one())


async def lock_bills(bills: Collection[UUID], *, uow: UnitOfWork) -> dict[UUID, BillingCycle]:
    """Keep others from the contracts of these bills, and return the bills as they are.

    Contracts are locked in the order of their ids, so that no two wait for each other.
    Raises: BillNotFound.
    """
    query = select(billing_cycles.c.id, billing_cycles.c.contract_id, billing_cycles.c.cycle_id)
    rows = (await uow.connection.execute(query.where(billing_cycles.c.id.in_(bills)))).all()
    if len(rows) != len(bills):
        raise BillNotFound("there is no such bill")
    for contract_id in sorted({row.contract_id for row in rows}):
        await lock_account(contract_id, uow=uow)
    found: dict[UUID, BillingCycle] = {}
    for row in rows:
        (found[row.id],) = await find_bills(row.contract_id, uow=uow, bill_id=row.cycle_id)
    return found


async def find_credited(bill: UUID, *, uow: UnitOfWork) -> int:
    """Return what credit notes paid of a bill, in minor units."""
    query = (
        select(func.coalesce(func.sum(carried_corrections.c.amount_minor), 0))
        .join(bill_corrections, carried_corrections.c.correction == bill_corrections.c.id)
        .where(carried_corrections.c.billing_cycle == bill)
        .where(bill_corrections.c.kind.in_(CREDITS))
    )
    return int((await uow.connection.execute(query)).scalar_one())


async def find_due(bill: UUID, *, uow: UnitOfWork) -> int:
    """Return what is left to pay of a bill, in minor units."""
    signed = case(
        (payment_allocations.c.is_returned, -payment_allocations.c.amount_minor),
        else_=payment_allocations.c.amount_minor,
    )
    paid = select(func.coalesce(func.sum(signed), 0)).where(payment_allocations.c.bill == bill)
    total = select(billing_cycles.c.total_minor).where(billing_cycles.c.id == bill)
    asked, allocated = [int((await uow.connection.execute(query)).scalar_one()) for query in (total, paid)]
    return asked - allocated - await find_credited(bill, uow=uow)


async def keep_alert(
    payment: UUID, *, audience: str, subject: str, message: str, uow: UnitOfWork, now: datetime
) -> None:
    """Keep what somebody has to know of a payment, once."""
    row = {
        "payment": payment,
        "audience": audience,
        "subject": subject,
        "message": message,
        "at": now,
    }
    await uow.connection.execute(insert(payment_alerts).values(row).on_conflict_do_nothing())
