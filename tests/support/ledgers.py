"""Accounts and transfers that tests of the ledger begin with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text

from kernel.clock import parse_instant
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from settlement.ledger.accounts import Account, AccountKind, Amount
from settlement.ledger.entries import Entry, Hold, Transfer
from settlement.ledger.journal_entry import JournalEntry
from settlement.ledger.ledger import Ledger
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

NOW = parse_instant("2026-01-15T10:00:00.123456Z")
EVENT = parse_instant("2026-01-15T09:30:00Z")
INR = Currency("INR")


def account(owner: str, kind: AccountKind = AccountKind.DEPOSIT, unit: str = "INR") -> Account:
    return Account(owner=owner, kind=kind, unit=unit)


BANK = account("asha", AccountKind.CASH_IN)
ASHA = account("asha")
RAVI = account("ravi")
ESCROW = account("asha", AccountKind.ESCROW)
SUN = account("meter-1", AccountKind.GENERATION, "WH")
ROOF = account("ravi", AccountKind.WALLET, "WH")
HOME = account("asha", AccountKind.WALLET, "WH")


def rupees(amount: str | int) -> Money:
    return Money.of(amount, INR)


def kwh(amount: str | int) -> Energy:
    return Energy.from_kwh(amount)


def transfer(
    *key: str, amount: Amount | None = None, debit: Account = BANK, credit: Account = ASHA, **more: Any
) -> Transfer:
    """Return a transfer of 100 INR from the bank to a deposit, unless told otherwise."""
    amount = rupees(100) if amount is None else amount
    values = {"code": "PAYMENT", "event_at": EVENT, **more}
    return Transfer(key=key or ("paid", "1"), debit=debit, credit=credit, amount=amount, **values)


def hold(
    *key: str,
    amount: Amount | None = None,
    debit: Account = ASHA,
    credit: Account = ESCROW,
    expires_at: datetime | None = None,
    **more: Any,
) -> Hold:
    """Return a hold of 40 INR of a deposit for an escrow, unless told otherwise."""
    amount = rupees(40) if amount is None else amount
    values = {"code": "ESCROW", "event_at": EVENT, **more}
    return Hold(
        key=key or ("held", "1"), debit=debit, credit=credit, amount=amount, expires_at=expires_at, **values
    )


async def open_accounts(uow_factory: UnitOfWorkFactory, *others: Account) -> None:
    async with uow_factory() as uow:
        await Ledger(uow).open(BANK, ASHA, RAVI, ESCROW, SUN, ROOF, HOME, *others)


async def record(uow_factory: UnitOfWorkFactory, *entries: Entry, linked: bool = False) -> list[JournalEntry]:
    async with uow_factory() as uow:
        return await Ledger(uow).record(entries, now=NOW, linked=linked)


async def somebody_waits(uow: UnitOfWork) -> None:
    """Return once another transaction waits for a lock."""
    while not await uow.driver.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
        pass


async def rows(uow_factory: UnitOfWorkFactory) -> int:
    async with uow_factory() as uow:
        found = await uow.connection.execute(text("SELECT count(*) FROM ledger_transfers"))
    return int(found.scalar_one())


async def pay_in(uow_factory: UnitOfWorkFactory, amount: str | int = 100) -> None:
    """Open the accounts, and put so much onto Asha's deposit."""
    await open_accounts(uow_factory)
    async with uow_factory() as uow:
        await Ledger(uow).transfer(transfer("opening", amount=rupees(amount)), now=NOW)


async def standing(uow_factory: UnitOfWorkFactory, which: Account) -> tuple[int, int, int, int]:
    """Return debits and credits posted, then debits and credits pending."""
    async with uow_factory() as uow:
        return (await Ledger(uow).balance(which)).columns


async def available(uow_factory: UnitOfWorkFactory, which: Account) -> int:
    async with uow_factory() as uow:
        return (await Ledger(uow).balance(which)).available
