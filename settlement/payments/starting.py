"""Payments that begin: kept before any rail is asked, with their bills on the ledger."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from kernel.errors import NodeError
from kernel.money import Money
from settlement.bills import BillingCycle
from settlement.payments.issuing import post_issued
from settlement.payments.netting import Owed
from settlement.payments.payment import Payment, PaymentInvalid
from settlement.payments.posting import Parties
from settlement.payments.states import PaymentStatus
from settlement.payments.store import find_due, find_payment, lock_bills
from settlement.payments.tables import payment_parts, payments
from storage.unit_of_work import UnitOfWork


class PaymentMismatch(NodeError):
    """Another payment was started under the same id."""

    code, http_status, retryable = "PAYMENT_MISMATCH", 409, False


async def start_payment(payment: Payment, *, uow: UnitOfWork, now: datetime) -> None:
    """Keep a payment that the rail is asked for next; starting it again changes nothing.

    Raises: BillNotFound, PaymentInvalid, if it pays more than is due, PaymentMismatch; TransferMismatch, if
    a bill is on the ledger as other parties'.
    """
    bills = await lock_bills({part.bill for part in payment.parts}, uow=uow)
    row = {
        "id": payment.id,
        "payer": payment.payer,
        "payee": payment.payee,
        "collected_by": payment.collected_by,
        "amount_minor": payment.amount.minor,
        "currency": payment.amount.currency.code,
        "status": PaymentStatus.PENDING,
        "created_at": now,
    }
    keep = insert(payments).values(row).on_conflict_do_nothing().returning(payments.c.id)
    if (await uow.connection.execute(keep)).one_or_none() is None:
        await _check_same(payment, uow=uow)
        return
    for part in payment.parts:
        await _check_part(part, bills[part.bill], uow=uow)
        await _keep_part(payment.id, part, uow=uow)
    owing = {part.bill: Parties(payer=part.payer, payee=part.payee) for part in payment.parts}
    await post_issued(bills=owing, uow=uow, now=now)


async def _check_same(payment: Payment, *, uow: UnitOfWork) -> None:
    kept = await find_payment(payment.id, uow=uow)
    if _sorted(kept) != _sorted(payment):
        raise PaymentMismatch(f"the payment {payment.id} was started as another")


def _sorted(payment: Payment) -> tuple[object, ...]:
    parts = sorted(payment.parts, key=lambda part: part.bill)
    return payment.payer, payment.payee, payment.amount, payment.collected_by, parts


async def _check_part(part: Owed, bill: BillingCycle, *, uow: UnitOfWork) -> None:
    if bill.currency != part.due.currency:
        raise PaymentInvalid(f"{bill.cycle_id} is in {bill.currency.code}")
    due = Money(await find_due(part.bill, uow=uow), bill.currency)
    if part.due > due:
        raise PaymentInvalid(f"{due} is due on {bill.cycle_id}, not {part.due}")


async def _keep_part(payment: UUID, part: Owed, *, uow: UnitOfWork) -> None:
    row = {
        "payment": payment,
        "bill": part.bill,
        "payer": part.payer,
        "payee": part.payee,
        "amount_minor": part.due.minor,
    }
    await uow.connection.execute(insert(payment_parts).values(row))
