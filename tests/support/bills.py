"""Issued bills to pay, and payments of them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.ledger.accounts import AccountKind
from settlement.ledger.ledger import Ledger
from settlement.lines import LineItem
from settlement.payments.netting import Owed
from settlement.payments.notices import take_notice
from settlement.payments.payment import Collector, Payment, payment_id
from settlement.payments.ports import RailNotice
from settlement.payments.posting import account
from settlement.payments.starting import start_payment
from settlement.payments.states import NoticeVerdict, PaymentStatus
from settlement.rows import bill_key, bill_row
from settlement.tables import billing_cycles
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.agreements import between
from trading.charges import LineKind

INR = Currency("INR")
ISSUED_AT = parse_instant("2026-02-01T00:00:00Z")
NOW = parse_instant("2026-02-03T00:00:00Z")
JANUARY = between("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
FIRST = "bill-2026-01-001"


async def issue(
    uow_factory: UnitOfWorkFactory, minor: int, *, contract: str = "contract-1", bill_id: str = FIRST
) -> UUID:
    """Keep an issued bill of so many paise, and return its key."""
    bill = BillingCycle(
        contract_id=contract,
        cycle_id=bill_id,
        settlement_cycle_ids=(),
        period=JANUARY,
        status=BillStatus.PENDING,
        currency=INR,
        lines=(LineItem(kind=LineKind.ENERGY, title="Energy Cost", amount=Money(minor, INR)),),
    )
    async with uow_factory() as uow:
        row = bill_row(bill) | {"issued_at": ISSUED_AT}
        await uow.connection.execute(insert(billing_cycles).values(row))
    return bill_key(contract, bill_id)


def owed(bill: UUID, minor: int, *, payer: str = "asha", payee: str = "ravi") -> Owed:
    return Owed(bill=bill, payer=payer, payee=payee, due=Money(minor, INR))


def payment(
    name: str, minor: int, parts: Sequence[Owed] = (), *, payer: str = "asha", payee: str = "ravi"
) -> Payment:
    return Payment(
        id=payment_id(name),
        payer=payer,
        payee=payee,
        amount=Money(minor, INR),
        collected_by=Collector.BPP,
        parts=tuple(parts),
    )


async def start(uow_factory: UnitOfWorkFactory, name: str, minor: int, parts: Sequence[Owed] = ()) -> Payment:
    started = payment(name, minor, parts)
    async with uow_factory() as uow:
        await start_payment(started, uow=uow, now=NOW)
    return started


def notice(payment: UUID, status: PaymentStatus, *, event_id: str = "") -> RailNotice:
    """Return what a rail says: one event for each payment and status, unless it is named."""
    return RailNotice(event_id=event_id or f"{payment} {status}", payment=payment, status=status, at=NOW)


async def say(
    uow_factory: UnitOfWorkFactory, payment: UUID, status: PaymentStatus, *, event_id: str = ""
) -> NoticeVerdict:
    async with uow_factory() as uow:
        said = notice(payment, status, event_id=event_id)
        return await take_notice(said, rail="sandbox", uow=uow, now=NOW)


async def posted(uow_factory: UnitOfWorkFactory, owner: str, kind: AccountKind) -> int:
    """Return what stands on an account in INR, in paise."""
    async with uow_factory() as uow:
        return (await Ledger(uow).balance(account(owner, kind, Money(0, INR)))).posted
