"""Payments with how far they have come, and the bills that they are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from settlement.payments.payment import Payment
from settlement.payments.states import PaymentStatus
from settlement.payments.store import find_payment
from settlement.payments.tables import payment_parts, payments
from settlement.tables import billing_cycles
from storage.unit_of_work import UnitOfWork

_UNDER_WAY = (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedPayment:
    """A payment that was started: when, and how far it has come."""

    payment: Payment
    status: PaymentStatus
    created_at: datetime


async def find_started(payment_id: UUID, *, uow: UnitOfWork) -> StartedPayment:
    """Return a payment as it stands. Raises: PaymentNotFound."""
    payment = await find_payment(payment_id, uow=uow)
    query = select(payments.c.status, payments.c.created_at).where(payments.c.id == payment_id)
    row = (await uow.connection.execute(query)).one()
    return StartedPayment(payment=payment, status=PaymentStatus(row.status), created_at=row.created_at)


async def find_started_for(bill: UUID, *, uow: UnitOfWork) -> Sequence[StartedPayment]:
    """Return the payments of a bill, the oldest first."""
    query = (
        select(payments.c.id)
        .join(payment_parts, payment_parts.c.payment == payments.c.id)
        .where(payment_parts.c.bill == bill)
        .order_by(payments.c.created_at, payments.c.id)
    )
    found = (await uow.connection.execute(query)).scalars().all()
    return [await find_started(each, uow=uow) for each in found]


async def find_under_way(bill: UUID, *, uow: UnitOfWork) -> int:
    """Return what payments want to pay of a bill whose money is not in yet, in minor units."""
    query = (
        select(func.coalesce(func.sum(payment_parts.c.amount_minor), 0))
        .join(payments, payment_parts.c.payment == payments.c.id)
        .where(payment_parts.c.bill == bill, payments.c.status.in_(_UNDER_WAY))
    )
    return int((await uow.connection.execute(query)).scalar_one())


async def find_contracts_of(payment: Payment, *, uow: UnitOfWork) -> Sequence[str]:
    """Return the contracts whose bills a payment is for, in order."""
    query = (
        select(billing_cycles.c.contract_id)
        .distinct()
        .where(billing_cycles.c.id.in_([part.bill for part in payment.parts]))
        .order_by(billing_cycles.c.contract_id)
    )
    return (await uow.connection.execute(query)).scalars().all()
