"""Paying a contract's bills through a rail: what is started is asked for by a job, and told to the buyer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from bpp.deliveries.upkeep import note_bills
from kernel.errors import NodeError
from kernel.money import Money
from settlement.bills import BillingCycle, BillNotFound
from settlement.payments.advances import advance_payment_id
from settlement.payments.attempts import attempt
from settlement.payments.finding import (
    StartedPayment,
    find_contracts_of,
    find_started,
    find_under_way,
)
from settlement.payments.given_up import give_up
from settlement.payments.netting import Owed
from settlement.payments.notices import take_notice
from settlement.payments.payment import Collector, Payment
from settlement.payments.ports import PaymentRail, RailAction, RailNotice, RailOrder, RailRefused
from settlement.payments.starting import PaymentMismatch, start_payment
from settlement.payments.states import NoticeVerdict, PaymentStatus
from settlement.payments.store import PaymentNotFound, find_due, find_payment
from settlement.rows import bill_key
from settlement.store import find_bills
from storage.job_queue import Job, put_job
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory
from trading.contracts import ContractStore
from trading.due_contracts import lock_contracts
from trading.order_lines import named_bill

ASK: Final = "payments.ask"
"""The kind of the jobs that ask the rail for a payment; their argument is `payment`."""
_TO_BE_ASKED: Final = frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORIZED})

log = structlog.get_logger(__name__)


class NothingDue(NodeError):
    """There is nothing to pay on a bill that is not paid, or about to be."""

    code, http_status, retryable = "PAYMENT_NOTHING_DUE", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDesk:
    """Starts the payments of a seller's bills, asks the rail for them, and takes what it says."""

    seller: str
    rail_name: str
    rail: PaymentRail
    uow_factory: UnitOfWorkFactory

    async def pay_bill(
        self,
        contract_id: str,
        bill_id: str,
        *,
        payment_id: UUID,
        minor: int | None,
        uow: UnitOfWork,
        now: datetime,
    ) -> StartedPayment:
        """Start a payment of a bill, or of `minor` units of it; starting it again is asking for it again.

        Without an amount it is of what is due, less what other payments are about to pay.
        Raises: OrderNotFound, BillNotFound, NothingDue, PaymentInvalid, PaymentMismatch.
        """
        contract_id, bill_id = named_bill(contract_id, bill_id)
        contract = await ContractStore(uow.connection).get(contract_id, lock=True)
        bill = await _find_bill(contract_id, bill_id, uow=uow)
        key = bill_key(contract_id, bill.cycle_id)
        before = await _find_before(payment_id, key, minor, uow=uow)
        if before is not None:
            await _have_asked(payment_id, uow=uow)
            return before
        due = Money(minor or await _left(key, bill.cycle_id, uow=uow), bill.currency)
        owed = Owed(bill=key, payer=contract.bap_id, payee=self.seller, due=due)
        payment = Payment(
            id=payment_id,
            payer=owed.payer,
            payee=owed.payee,
            amount=due,
            collected_by=Collector.BPP,
            parts=(owed,),
        )
        return await self.start(payment, uow=uow, now=now)

    async def start(self, payment: Payment, *, uow: UnitOfWork, now: datetime) -> StartedPayment:
        """Start a payment, and have the rail asked for it.

        Raises: PaymentInvalid, PaymentMismatch.
        """
        await start_payment(payment, uow=uow, now=now)
        await _have_asked(payment.id, uow=uow)
        return await find_started(payment.id, uow=uow)

    async def ask(self, payment_id: UUID, *, now: datetime) -> None:
        """Ask the rail for a payment, outside of any transaction, and take its answer.

        Raises: RailUnreachable, upon which it may be tried again.
        """
        async with self.uow_factory() as uow:
            started = await find_started(payment_id, uow=uow)
        if started.status not in _TO_BE_ASKED:
            return
        order = _order_of(started.payment)
        try:
            notice = await attempt(order, rail=self.rail)
        except RailRefused as refusal:
            await self.give_up(payment_id, refusal, now=now)
            return
        async with self.uow_factory() as uow:
            await self.take(notice, uow=uow, now=now)

    async def give_up(self, payment_id: UUID, error: Exception, *, now: datetime) -> None:
        """Tell the operator and the payer that the rail could not be asked."""
        async with self.uow_factory() as uow:
            payment = await find_payment(payment_id, uow=uow)
            await give_up(_order_of(payment), reason=str(error), uow=uow, now=now)

    async def take(self, notice: RailNotice, *, uow: UnitOfWork, now: datetime) -> NoticeVerdict:
        """Act upon what the rail says, and have the buyer told of bills that moved by it.

        Raises: PaymentNotFound, NoticeMismatch, InsufficientFunds.
        """
        contracts = await find_contracts_of(await find_payment(notice.payment, uow=uow), uow=uow)
        if notice.payment in map(advance_payment_id, contracts):
            raise PaymentNotFound(f"no rail was asked for the payment {notice.payment}")
        await lock_contracts(uow, contracts)
        verdict = await take_notice(notice, rail=self.rail_name, uow=uow, now=now)
        if verdict is NoticeVerdict.APPLIED:
            await note_bills(uow, contracts=contracts, now=now)
        log.info("payment.noticed", payment=str(notice.payment), said=notice.status, verdict=verdict)
        return verdict


async def _have_asked(payment_id: UUID, *, uow: UnitOfWork) -> None:
    """Have the rail asked for a payment; for one that it has done it is not asked twice."""
    await put_job(uow, Job(kind=ASK, about=str(payment_id), arguments={"payment": str(payment_id)}))


def _order_of(payment: Payment) -> RailOrder:
    return RailOrder(payment=payment.id, action=RailAction.CAPTURE, amount=payment.amount)


async def _find_bill(contract_id: str, bill_id: str, *, uow: UnitOfWork) -> BillingCycle:
    found = await find_bills(contract_id, uow=uow, bill_id=bill_id) if bill_id.isprintable() else []
    if not found:
        raise BillNotFound(f"the order {contract_id} has no bill {bill_id[:64]!r}")
    return found[0]


async def _find_before(
    payment_id: UUID, bill: UUID, minor: int | None, *, uow: UnitOfWork
) -> StartedPayment | None:
    """Return the payment, if it was started before. Raises: PaymentMismatch, if it is another."""
    try:
        before = await find_started(payment_id, uow=uow)
    except PaymentNotFound:
        return None
    same_bill = [part.bill for part in before.payment.parts] == [bill]
    if not same_bill or minor not in {None, before.payment.amount.minor}:
        raise PaymentMismatch(
            f"the payment {payment_id} was started as another", hint="Give each payment an id of its own."
        )
    return before


async def _left(bill: UUID, bill_id: str, *, uow: UnitOfWork) -> int:
    """Return what no payment is about to pay of a bill, in minor units. Raises: NothingDue."""
    left = await find_due(bill, uow=uow) - await find_under_way(bill, uow=uow)
    if left <= 0:
        raise NothingDue(
            f"nothing is left to pay on {bill_id}, or payments of it are under way",
            hint="Name an amount to pay it nevertheless, up to what is due.",
        )
    return left
