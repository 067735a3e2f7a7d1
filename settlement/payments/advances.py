"""Bills of a trade that was paid ahead: paid from what was set aside, and the rest given back.

The bills are on the ledger as all others are. What pays them is a payment that asks no rail: it comes out
of the buyer's escrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import update

from kernel.currency import Currency
from kernel.money import Money, sum_money
from settlement.ledger.accounts import AccountKind
from settlement.ledger.entries import resolution_id, transfer_id
from settlement.ledger.ledger import Ledger
from settlement.payments.counting import count_towards
from settlement.payments.netting import Owed
from settlement.payments.payment import Collector, Payment, payment_id
from settlement.payments.posting import Parties, account
from settlement.payments.prepaid import Advance, Share, pay_delivered
from settlement.payments.starting import start_payment
from settlement.payments.states import PaymentStatus
from settlement.payments.store import find_due, lock_bills
from settlement.payments.tables import payments
from settlement.rows import bill_key
from settlement.store import find_bills, lock_account
from storage.unit_of_work import UnitOfWork

_CODE: Final = "PREPAID"


def advance_payment_id(contract_id: str) -> UUID:
    """Return the id of the payment of a contract's bills from its advance."""
    return payment_id("advance", contract_id)


async def find_advance(contract_id: str, buyer: str, *, uow: UnitOfWork) -> Advance | None:
    """Return what is set aside for a contract, None if nothing is, or nothing any more."""
    await lock_account(contract_id, uow=uow)
    ledger = Ledger(uow)
    held = await ledger.find(transfer_id("advance", contract_id))
    if held is None or await ledger.find(resolution_id(held.id)) is not None:
        return None
    amount = Money(held.amount, Currency(held.unit))
    return Advance(contract_id=contract_id, buyer=buyer, amount=amount, confirmed_at=held.event_at)


async def pay_from_advance(advance: Advance, *, payee: str, uow: UnitOfWork, now: datetime) -> None:
    """Pay the contract's bills, the oldest first, as far as the advance reaches, and give the rest back.

    Do so once all bills are issued; what they come to beyond the advance stays due.
    """
    parties = Parties(payer=advance.buyer, payee=payee)
    parts = await _find_parts(advance, parties, uow=uow)
    paid = sum_money((part.due for part in parts), currency=advance.amount.currency)
    debt = account(advance.buyer, AccountKind.RECEIVABLE, paid)
    share = Share(account=debt, amount=paid, code=_CODE)
    if parts:
        payment = Payment(
            id=advance_payment_id(advance.contract_id),
            payer=parties.payer,
            payee=parties.payee,
            amount=paid,
            collected_by=Collector.BPP,
            parts=tuple(parts),
        )
        await start_payment(payment, uow=uow, now=now)
        arrived = update(payments).where(payments.c.id == payment.id).values(status=PaymentStatus.SETTLED)
        await uow.connection.execute(arrived)
        bills = await lock_bills({part.bill for part in parts}, uow=uow)
        await count_towards(payment, bills, uow=uow, now=now)
    await pay_delivered(advance, [share], at=now, uow=uow, now=now)


async def _find_parts(advance: Advance, parties: Parties, *, uow: UnitOfWork) -> Sequence[Owed]:
    """Return what of each bill the advance pays."""
    left, currency = advance.amount.minor, advance.amount.currency
    parts: list[Owed] = []
    for bill in await find_bills(advance.contract_id, uow=uow):
        key = bill_key(bill.contract_id, bill.cycle_id)
        taken = min(left, await find_due(key, uow=uow))
        if taken > 0:
            due = Money(taken, currency)
            parts.append(Owed(bill=key, payer=parties.payer, payee=parties.payee, due=due))
            left -= taken
    return parts
