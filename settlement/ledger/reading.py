"""What stands in the ledger, for who reads it: accounts with their balances, and the journal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select, text

from kernel.errors import NodeError
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.balances import Balance
from settlement.ledger.journal_entry import JournalEntry
from settlement.ledger.rows import account_from, balance_from, entry_from
from settlement.ledger.tables import ledger_accounts, ledger_balances, ledger_transfers
from storage.unit_of_work import UnitOfWork

_PAGE = 2_000
_ONE_VIEW = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


class AccountMissing(NodeError):
    """The journal has an entry on an account that is not in the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """An entry, and the accounts that it is about."""

    entry: JournalEntry
    debit: Account
    credit: Account


async def see_one_instant(*, uow: UnitOfWork) -> None:
    """Have the unit of work see the ledger as it is now, whatever others record; it must come first."""
    await uow.connection.execute(_ONE_VIEW)


async def list_balances(
    *, uow: UnitOfWork, owner: str | None = None, kind: AccountKind | None = None, unit: str | None = None
) -> list[Balance]:
    """Return what stands on every account, or on those of an owner, a kind and a unit."""
    query = select(ledger_accounts, ledger_balances).join(ledger_balances)
    for column, wanted in (("owner", owner), ("kind", kind), ("unit", unit)):
        if wanted is not None:
            query = query.where(ledger_accounts.c[column] == wanted)
    query = query.order_by(ledger_accounts.c.owner, ledger_accounts.c.kind, ledger_accounts.c.unit)
    return [balance_from(row) for row in (await uow.connection.execute(query)).mappings()]


async def read_journal(
    *,
    uow: UnitOfWork,
    account: UUID | None = None,
    ref: str | None = None,
    after: int = 0,
    limit: int = _PAGE,
) -> list[JournalLine]:
    """Return the journal's lines after the number `after`, in order: all, or of an account and a ref."""
    query = select(ledger_transfers).where(ledger_transfers.c.seq > after)
    if account is not None:
        sides = (ledger_transfers.c.debit == account, ledger_transfers.c.credit == account)
        query = query.where(or_(*sides))
    if ref is not None:
        query = query.where(ledger_transfers.c.ref == ref)
    return await _lines(query.order_by(ledger_transfers.c.seq).limit(limit), uow=uow)


async def walk_journal(*, uow: UnitOfWork) -> AsyncIterator[JournalLine]:
    """Yield every line of the journal in order."""
    after = 0
    while lines := await read_journal(uow=uow, after=after):
        for line in lines:
            yield line
        after = lines[-1].entry.seq


async def _lines(query: Select[Any], *, uow: UnitOfWork) -> list[JournalLine]:
    entries = [entry_from(row) for row in (await uow.connection.execute(query)).mappings()]
    named = {side for entry in entries for side in (entry.debit, entry.credit)}
    found = select(ledger_accounts).where(ledger_accounts.c.id.in_(named))
    accounts = {row["id"]: account_from(row) for row in (await uow.connection.execute(found)).mappings()}
    for entry in entries:
        for side in (entry.debit, entry.credit):
            if side not in accounts:
                raise AccountMissing(
                    f"entry {entry.seq} of the journal is on the account {side}, which is not in the ledger",
                    path="ledger_accounts",
                    hint="`degnode ledger audit` names all that is not as it was written.",
                )
    return [
        JournalLine(entry=entry, debit=accounts[entry.debit], credit=accounts[entry.credit])
        for entry in entries
    ]
