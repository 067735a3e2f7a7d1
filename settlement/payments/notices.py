"""What a rail says of a payment: kept once, and acted upon in the same unit of work."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from kernel.errors import NodeError
from settlement.bills import BillingCycle
from settlement.ledger.accounts import AccountKind
from settlement.ledger.ledger import Ledger
from settlement.payments.counting import count_towards
from settlement.payments.payment import Payment
from settlement.payments.ports import RailNotice
from settlement.payments.posting import account, arrival, departure
from settlement.payments.returns import give_back
from settlement.payments.states import COUNTED, NoticeVerdict, PaymentStatus, judge
from settlement.payments.store import (
    OPERATOR,
    find_payment,
    keep_alert,
    lock_bills,
    lock_payment,
)
from settlement.payments.tables import payment_allocations, payment_events, payments
from storage.unit_of_work import UnitOfWork


class NoticeMismatch(NodeError):
    """The rail said something else under the same id before."""

    code, http_status, retryable = "PAYMENT_NOTICE_MISMATCH", 409, False


async def take_notice(notice: RailNotice, *, rail: str, uow: UnitOfWork, now: datetime) -> NoticeVerdict:
    """Act upon what `rail` says, and return what came of it; said again, it comes to the same.

    Raises: PaymentNotFound, NoticeMismatch; InsufficientFunds, if the payer's deposit is used at the same
    time as it goes back: then try again.
    """
    payment = await find_payment(notice.payment, uow=uow)
    bills = await lock_bills({part.bill for part in payment.parts}, uow=uow)
    status = await lock_payment(payment.id, uow=uow)
    verdict = judge(status, notice.status)
    kept = await _keep(notice, verdict, rail=rail, uow=uow, now=now)
    if kept is not None:
        return kept
    if verdict is NoticeVerdict.APPLIED:
        await _move(payment, bills, (status, notice.status), at=notice.at, uow=uow, now=now)
    elif verdict is NoticeVerdict.CONTRADICTS:
        await keep_alert(
            payment.id,
            audience=OPERATOR,
            subject=f"{rail} {notice.event_id}",
            message=f"{rail} says {notice.status} of a payment that is {status}",
            uow=uow,
            now=now,
        )
    return verdict


async def _keep(
    notice: RailNotice, verdict: NoticeVerdict, *, rail: str, uow: UnitOfWork, now: datetime
) -> NoticeVerdict | None:
    """Keep the notice; return what came of it before, if it was kept already."""
    events = payment_events
    row = {
        "rail": rail,
        "event_id": notice.event_id,
        "payment": notice.payment,
        "said": notice.status,
        "verdict": verdict,
        "digest": notice.digest,
        "at": notice.at,
        "received_at": now,
    }
    keep = insert(events).values(row).on_conflict_do_nothing().returning(events.c.event_id)
    if (await uow.connection.execute(keep)).one_or_none() is not None:
        return None
    this = (events.c.rail == rail) & (events.c.event_id == notice.event_id)
    before = (await uow.connection.execute(select(events.c.digest, events.c.verdict).where(this))).one()
    if before.digest != notice.digest:
        raise NoticeMismatch(f"{rail} said something else in {notice.event_id[:64]} before")
    return NoticeVerdict(before.verdict)


async def _move(
    payment: Payment,
    bills: dict[UUID, BillingCycle],
    step: tuple[PaymentStatus, PaymentStatus],
    *,
    at: datetime,
    uow: UnitOfWork,
    now: datetime,
) -> None:
    old, new = step
    this = update(payments).where(payments.c.id == payment.id)
    await uow.connection.execute(this.values(status=new))
    if old not in COUNTED and new in COUNTED:
        await _come_in(payment, bills, at=at, uow=uow, now=now)
    elif old in COUNTED and new not in COUNTED:
        await _go_out(payment, bills, at=at, uow=uow, now=now)


async def _come_in(
    payment: Payment, bills: dict[UUID, BillingCycle], *, at: datetime, uow: UnitOfWork, now: datetime
) -> None:
    """Count the money towards its bills; what they do not need stays with the payer's account."""
    ledger = Ledger(uow)
    entries = arrival(payment, at=at)
    await ledger.open(*(side for entry in entries for side in (entry.debit, entry.credit)))
    await ledger.record(entries, now=now, linked=True)
    await count_towards(payment, bills, uow=uow, now=now)


async def _go_out(
    payment: Payment, bills: dict[UUID, BillingCycle], *, at: datetime, uow: UnitOfWork, now: datetime
) -> None:
    ledger = Ledger(uow)
    deposit = account(payment.payer, AccountKind.DEPOSIT, payment.amount)
    await ledger.open(deposit)
    available = (await ledger.balance(deposit)).available
    entries = departure(payment, at=at, deposit=available)
    await ledger.open(*(side for entry in entries for side in (entry.debit, entry.credit)))
    await ledger.record(entries, now=now, linked=True)
    query = select(payment_allocations).where(payment_allocations.c.payment == payment.id)
    for row in (await uow.connection.execute(query.order_by(payment_allocations.c.bill))).all():
        bill = bills[row.bill]
        await give_back(bill, row.amount_minor, payment=payment.id, uow=uow, now=now)
