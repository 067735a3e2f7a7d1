"""`degnode bench ledger`: transfers from what is asked to committed rows, balances included.

The reference is PostgreSQL's own COPY of the same rows into a table of the same columns, indexes and
checks, on one connection, in the same run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from sqlalchemy import func, select

from degnode.bench.copied_rows import copy_again
from kernel.clock import SystemClock
from kernel.currency import Currency
from kernel.money import Money
from settlement.ledger.accounts import Account, AccountKind
from settlement.ledger.entries import Transfer
from settlement.ledger.ledger import Ledger
from settlement.ledger.tables import ledger_balances
from storage.database import Database
from storage.embedded import start_embedded
from storage.migrate import migrate
from storage.unit_of_work import UnitOfWorkFactory

_PARTIES: Final = 500
_INR: Final = Currency("INR")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """What was recorded, and at which rates, in transfers a second; amounts in minor units."""

    transfers: int
    batch: int
    rate: float
    replay_rate: float
    copy_rate: float
    stored: int
    asked_total: int
    balances_total: int

    @property
    def ratio(self) -> float:
        """The rate as a share of COPY's."""
        return self.rate / self.copy_rate


async def bench_ledger(*, transfers: int, batch: int, tell: Callable[[str], None]) -> LedgerReport:
    """Run the benchmark; `tell` hears how far it has come."""
    with TemporaryDirectory(prefix="degnode-bench-") as folder:
        server = await asyncio.to_thread(start_embedded, Path(folder) / "postgres")
        try:
            return await _bench(server.get_uri(), transfers=transfers, batch=batch, tell=tell)
        finally:
            server.cleanup()


async def _bench(url: str, *, transfers: int, batch: int, tell: Callable[[str], None]) -> LedgerReport:
    database = Database.connect(url)
    try:
        await migrate(database)
        uow_factory = UnitOfWorkFactory(database)
        payers = [_account(f"buyer-{n}", AccountKind.RECEIVABLE) for n in range(_PARTIES)]
        payees = [_account(f"seller-{n}", AccountKind.PAYABLE) for n in range(_PARTIES)]
        async with uow_factory() as uow:
            await Ledger(uow).open(*payers, *payees)
        asked = _bills(transfers, payers, payees)
        seconds = await _record(uow_factory, asked, batch=batch)
        tell(f"{transfers:,} transfers recorded; now the same once more")
        replay = await _record(uow_factory, asked, batch=batch)
        tell("now the same rows by COPY")
        stored, copy_rate = await copy_again(url, "ledger_transfers")
        return LedgerReport(
            transfers=transfers,
            batch=batch,
            rate=transfers / seconds,
            replay_rate=transfers / replay,
            copy_rate=copy_rate,
            stored=stored,
            asked_total=sum(each.amount.minor for each in asked if isinstance(each.amount, Money)),
            balances_total=await _balances_total(uow_factory),
        )
    finally:
        await database.close()


def _bills(count: int, payers: Sequence[Account], payees: Sequence[Account]) -> list[Transfer]:
    """Return so many lines of bills, each of another pair of parties than the one before."""
    now = SystemClock().now()
    return [
        Transfer(
            key=(f"contract-{number}", "settle-2026-01-15-001", "0", "energy"),
            debit=payers[number % _PARTIES],
            credit=payees[number * 7 % _PARTIES],
            amount=Money(100 + number % 1_000, _INR),
            code="ENERGY",
            ref=f"contract-{number}",
            event_at=now,
        )
        for number in range(count)
    ]


async def _record(uow_factory: UnitOfWorkFactory, asked: Sequence[Transfer], *, batch: int) -> float:
    """Record all of `asked`, so many in one unit of work, and return how many seconds it took."""
    clock, started = SystemClock(), perf_counter()
    for first in range(0, len(asked), batch):
        async with uow_factory() as uow:
            await Ledger(uow).record(asked[first : first + batch], now=clock.now())
    return perf_counter() - started


async def _balances_total(uow_factory: UnitOfWorkFactory) -> int:
    """Return what all accounts were debited together, as their balances have it."""
    query = select(func.coalesce(func.sum(ledger_balances.c.debits_posted), 0))
    async with uow_factory() as uow:
        return int((await uow.connection.execute(query)).scalar_one())


def _account(owner: str, kind: AccountKind) -> Account:
    return Account(owner=owner, kind=kind, unit=_INR.code)
