"""What bills and payments are on the ledger. Pure.

A bill is the payer's debt and the payee's claim. A payment pays the debt from the payer's cash, and what
it takes off with the payee's own bills from the payer's claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from kernel.money import Money
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.entries import Transfer
from settlement.payments.netting import Owed
from settlement.payments.payment import Payment


def account(owner: str, kind: AccountKind, amount: Money) -> Account:
    """Return the owner's account of that kind in the amount's currency."""
    return Account(owner=owner, kind=kind, unit=amount.currency.code)


def bill_entries(part: Owed, *, ref: str, total: Money, credited: Money, at: datetime) -> list[Transfer]:
    """Return a bill as the payer's debt, and what credit notes paid of it."""
    debt = account(part.payer, AccountKind.RECEIVABLE, total)
    claim = account(part.payee, AccountKind.PAYABLE, total)
    ways = (("BILL", debt, claim, total), ("CREDIT_NOTE", claim, debt, credited))
    return [
        Transfer(
            key=("bill", str(part.bill), code),
            debit=debit,
            credit=credit,
            amount=amount,
            code=code,
            ref=ref,
            event_at=at,
        )
        for code, debit, credit, amount in ways
        if amount.minor
    ]


def arrival(payment: Payment, *, at: datetime) -> list[Transfer]:
    """Return what moves as the money comes in."""
    kind = AccountKind.RECEIVABLE if payment.parts else AccountKind.DEPOSIT
    into = account(payment.payer, kind, payment.amount)
    cash = account(payment.payer, AccountKind.CASH_IN, payment.amount)
    moves = [("PAYMENT", cash, into, payment.amount), *_netting(payment)]
    return [_transfer(payment.id, move, way="in", at=at) for move in moves if move[3].minor]


def departure(payment: Payment, *, at: datetime, deposit: int) -> list[Transfer]:
    """Return what moves as the money goes out again, after it came in.

    `deposit` is what the payer's deposit can give back, in minor units; the rest is the payer's debt.
    """
    cash = account(payment.payer, AccountKind.CASH_IN, payment.amount)
    debt = account(payment.payer, AccountKind.RECEIVABLE, payment.amount)
    ahead = account(payment.payer, AccountKind.DEPOSIT, payment.amount)
    from_deposit = 0 if payment.parts else min(deposit, payment.amount.minor)
    given, owed = (
        Money(minor, payment.amount.currency) for minor in (from_deposit, payment.amount.minor - from_deposit)
    )
    moves = [("RETURN_DEPOSIT", ahead, cash, given), ("RETURN_PAYMENT", debt, cash, owed)]
    moves += [(f"RETURN_{code}", credit, debit, amount) for code, debit, credit, amount in _netting(payment)]
    return [_transfer(payment.id, move, way="out", at=at) for move in moves if move[3].minor]


_Move = tuple[str, Account, Account, Money]


def _netting(payment: Payment) -> Iterator[_Move]:
    for owner in (payment.payer, payment.payee):
        claim = account(owner, AccountKind.PAYABLE, payment.amount)
        debt = account(owner, AccountKind.RECEIVABLE, payment.amount)
        yield f"NETTING_{'PAYER' if owner == payment.payer else 'PAYEE'}", claim, debt, payment.taken_off


def _transfer(payment: UUID, move: _Move, *, way: str, at: datetime) -> Transfer:
    code, debit, credit, amount = move
    return Transfer(
        key=("payment", str(payment), way, code),
        debit=debit,
        credit=credit,
        amount=amount,
        code=code,
        ref=str(payment),
        event_at=at,
    )
