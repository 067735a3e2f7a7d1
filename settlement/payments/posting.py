"""What bills and payments are on the ledger. Pure.

A bill is the payer's debt and the payee's claim. A credit note lessens the claim as it is issued, and the
debt as a bill takes it up. A payment pays the debt from the payer's cash, and what
it takes off with the payee's own bills from the payer's claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kernel.money import Money
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.entries import Transfer
from settlement.payments.payment import Payment


def account(owner: str, kind: AccountKind, amount: Money) -> Account:
    """Return the owner's account of that kind in the amount's currency."""
    return Account(owner=owner, kind=kind, unit=amount.currency.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who owes a bill, and to whom."""

    payer: str
    payee: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A bill, or a credit note, as it was issued; `ref` is what it belongs to, in words."""

    id: UUID
    parties: Parties
    amount: Money
    ref: str
    at: datetime


def bill_entry(bill: Issued) -> Transfer:
    """Return a bill as the payer's debt and the payee's claim."""
    debt = account(bill.parties.payer, AccountKind.RECEIVABLE, bill.amount)
    claim = account(bill.parties.payee, AccountKind.PAYABLE, bill.amount)
    return _issued(bill, ("bill", str(bill.id), "BILL"), (debt, claim), code="BILL")


def credit_note_entry(note: Issued) -> Transfer:
    """Return a credit note as what the payee's claim lost, which the payer may use up."""
    claim = account(note.parties.payee, AccountKind.PAYABLE, note.amount)
    credit = account(note.parties.payer, AccountKind.CREDIT, note.amount)
    return _issued(note, ("credit-note", str(note.id)), (claim, credit), code="CREDIT_NOTE")


def penalty_credit_entry(note: Issued, *, cycle: str, run: int) -> Transfer:
    """Return a credit note of what the payee owes for falling short, by that run of a cycle."""
    return replace(credit_note_entry(note), code="PENALTY_CREDIT", ref=cycle, run=run)


def credit_used_entry(bill: Issued, *, note: UUID, used: Money) -> Transfer:
    """Return what a credit note pays of a bill."""
    credit = account(bill.parties.payer, AccountKind.CREDIT, used)
    debt = account(bill.parties.payer, AccountKind.RECEIVABLE, used)
    key = ("credit-note", str(note), str(bill.id))
    return _issued(replace(bill, amount=used), key, (credit, debt), code="CREDIT_USED")


def _issued(issued: Issued, key: tuple[str, ...], between: tuple[Account, Account], *, code: str) -> Transfer:
    debit, credit = between
    return Transfer(
        key=key,
        debit=debit,
        credit=credit,
        amount=issued.amount,
        code=code,
        ref=issued.ref,
        event_at=issued.at,
    )


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
