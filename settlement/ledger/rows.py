"""Rows of the ledger's tables as the driver gives and takes them."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from asyncpg import Record
from sqlalchemy import RowMapping

from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.balances import Balance
from settlement.ledger.entries import Phase
from settlement.ledger.journal_entry import JournalEntry

Row: TypeAlias = Record | RowMapping

COLUMNS: Final = {
    "id": "uuid",
    "seq": "bigint",
    "phase": "text",
    "hold": "uuid",
    "debit": "uuid",
    "credit": "uuid",
    "amount": "bigint",
    "unit": "text",
    "code": "text",
    "ref": "text",
    "run": "integer",
    "linked": "uuid",
    "event_at": "timestamptz",
    "expires_at": "timestamptz",
    "created_at": "timestamptz",
    "digest": "bytea",
}
"""The journal's columns and their types."""


def entry_from(row: Row) -> JournalEntry:
    """Return the entry that a row of the journal holds."""
    return JournalEntry(
        id=row["id"],
        seq=row["seq"],
        phase=Phase(row["phase"]),
        hold=row["hold"],
        debit=row["debit"],
        credit=row["credit"],
        amount=row["amount"],
        unit=row["unit"],
        code=row["code"],
        ref=row["ref"],
        run=row["run"],
        linked=row["linked"],
        event_at=row["event_at"],
        expires_at=row["expires_at"],
        created_at=row["created_at"],
        digest=row["digest"],
    )


def row_of(entry: JournalEntry) -> tuple[Any, ...]:
    """Return an entry's values in the order of the columns."""
    return (
        entry.id,
        entry.seq,
        entry.phase,
        entry.hold,
        entry.debit,
        entry.credit,
        entry.amount,
        entry.unit,
        entry.code,
        entry.ref,
        entry.run,
        entry.linked,
        entry.event_at,
        entry.expires_at,
        entry.created_at,
        entry.digest,
    )


def account_from(row: Row) -> Account:
    """Return the account of a row with its owner, kind and unit."""
    return Account(owner=row["owner"], kind=AccountKind(row["kind"]), unit=row["unit"])


def balance_from(row: Row) -> Balance:
    """Return the balance of a row that has the account's columns too."""
    return Balance(
        account=account_from(row),
        debits_posted=row["debits_posted"],
        credits_posted=row["credits_posted"],
        debits_pending=row["debits_pending"],
        credits_pending=row["credits_pending"],
    )
