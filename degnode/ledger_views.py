"""The ledger as programs read it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel

from kernel.money import Money
from settlement.ledger.accounts import Account, Amount, amount_in
from settlement.ledger.balances import Balance
from settlement.ledger.findings import Audit
from settlement.ledger.reading import JournalLine


class BalanceView(BaseModel):
    """An account and what stands on it; amounts in the currency's major unit, or in Wh."""

    id: str
    owner: str
    kind: str
    unit: str
    balance: Decimal
    available: Decimal
    debits_posted: Decimal
    credits_posted: Decimal
    debits_pending: Decimal
    credits_pending: Decimal


class JournalView(BaseModel):
    """An entry of the journal; the amount in the currency's major unit, or in Wh."""

    seq: int
    id: str
    phase: str
    hold: str | None
    debit: str
    credit: str
    debit_account: str
    credit_account: str
    amount: Decimal
    unit: str
    code: str
    ref: str
    run: int
    linked: str | None
    event_at: datetime
    expires_at: datetime | None
    created_at: datetime
    digest: str


class FindingView(BaseModel):
    """One thing that the audit found."""

    trouble: str
    table: str
    row: str
    why: str


class AuditView(BaseModel):
    """What the audit looked at and found."""

    entries: int
    accounts: int
    sealed_until: date | None
    findings: list[FindingView]


def view_balance(balance: Balance) -> BalanceView:
    """Return the view of what stands on an account."""
    account = balance.account
    return BalanceView(
        id=str(account.id),
        owner=account.owner,
        kind=account.kind,
        unit=account.unit,
        balance=_in_unit(account, balance.posted),
        available=_in_unit(account, balance.available),
        debits_posted=_in_unit(account, balance.debits_posted),
        credits_posted=_in_unit(account, balance.credits_posted),
        debits_pending=_in_unit(account, balance.debits_pending),
        credits_pending=_in_unit(account, balance.credits_pending),
    )


def view_line(line: JournalLine) -> JournalView:
    """Return the view of an entry."""
    entry = line.entry
    return JournalView(
        seq=entry.seq,
        id=str(entry.id),
        phase=entry.phase,
        hold=None if entry.hold is None else str(entry.hold),
        debit=str(line.debit),
        credit=str(line.credit),
        debit_account=str(entry.debit),
        credit_account=str(entry.credit),
        amount=_decimal(entry.quantity),
        unit=entry.unit,
        code=entry.code,
        ref=entry.ref,
        run=entry.run,
        linked=None if entry.linked is None else str(entry.linked),
        event_at=entry.event_at,
        expires_at=entry.expires_at,
        created_at=entry.created_at,
        digest=entry.digest.hex(),
    )


def view_audit(audit: Audit) -> AuditView:
    """Return the view of what an audit found."""
    return AuditView(
        entries=audit.entries,
        accounts=audit.accounts,
        sealed_until=audit.sealed_until,
        findings=[
            FindingView(trouble=each.trouble, table=each.table, row=each.row, why=each.why)
            for each in audit.findings
        ],
    )


def _in_unit(account: Account, number: int) -> Decimal:
    return _decimal(amount_in(account.unit, number))


def _decimal(amount: Amount) -> Decimal:
    return amount.amount if isinstance(amount, Money) else Decimal(amount.watt_hours)
