"""The ledger's door for the rest of the node: a ledger within one unit of work.

What is asked here is done when the unit of work commits, and not at all if it rolls back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from kernel.clock import utc
from settlement.ledger.accounts import Account, Amount
from settlement.ledger.balances import Balance
from settlement.ledger.entries import Entry, Expire, Hold, Post, Transfer, Void
from settlement.ledger.journal import AccountUnknown, record
from settlement.ledger.journal_entry import JournalEntry
from settlement.ledger.rows import balance_from, entry_from
from settlement.ledger.tables import ledger_accounts, ledger_balances, ledger_holds, ledger_transfers
from storage.unit_of_work import UnitOfWork

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger as one unit of work sees and moves it.

    Put what belongs together into one `record`: its accounts are locked at once and in order, so that
    no two units of work wait for each other.
    """

    uow: UnitOfWork

    async def open(self, account: Account, *others: Account) -> None:
        """Open accounts; those that are open stay as they are."""
        ordered = sorted({each.id: each for each in (account, *others)}.values(), key=lambda each: each.id)
        opened = [
            {"id": each.id, "owner": each.owner, "kind": each.kind, "unit": each.unit} for each in ordered
        ]
        bounds = [
            {"account": each.id, "bound": each.rule.side if each.rule.is_bounded else None}
            for each in ordered
        ]
        for table, rows in ((ledger_accounts, opened), (ledger_balances, bounds)):
            await self.uow.connection.execute(insert(table).values(rows).on_conflict_do_nothing())

    async def record(
        self,
        entries: Sequence[Entry],
        *,
        now: datetime,
        linked: bool = False,
        groups: Iterable[Collection[UUID]] = (),
    ) -> list[JournalEntry]:
        """Move all of `entries` or none, and return them as they stand in the journal.

        What was recorded before under the same key comes back as it is, and nothing moves. `linked`
        marks the entries as one group, `groups` some of them by their ids as groups of their own. Only what
        all come to together is judged, not their order.
        Raises: TransferMismatch, AccountUnknown, InsufficientFunds, BalanceTooLarge, HoldUnknown,
        HoldResolved, TransferInvalid, DayIsSealed.
        """
        return await record(entries, uow=self.uow, now=now, linked=linked, groups=groups)

    async def transfer(self, transfer: Transfer, *, now: datetime) -> JournalEntry:
        """Move one amount. Raises as `record` does."""
        (entry,) = await self.record([transfer], now=now)
        return entry

    async def hold(self, hold: Hold, *, now: datetime) -> JournalEntry:
        """Set an amount aside; the entry's id is what it is posted or voided by. Raises as `record`."""
        return await self.transfer(hold, now=now)

    async def post(
        self, hold: UUID, *, amount: Amount | None = None, event_at: datetime, now: datetime
    ) -> JournalEntry:
        """Move what a hold has set aside, or a part; the rest returns. Raises as `record` does."""
        (entry,) = await self.record([Post(hold=hold, amount=amount, event_at=event_at)], now=now)
        return entry

    async def void(self, hold: UUID, *, event_at: datetime, now: datetime) -> JournalEntry:
        """Give a hold up; all of it returns. Raises as `record` does."""
        (entry,) = await self.record([Void(hold=hold, event_at=event_at)], now=now)
        return entry

    async def expire(self, *, now: datetime, limit: int = _PAGE) -> list[JournalEntry]:
        """Give up the holds whose time is over at `now`, the oldest first and at most `limit`.

        Several processes may do so at once. Raises: DayIsSealed.
        """
        due = (
            select(ledger_holds)
            .where(ledger_holds.c.expires_at <= utc(now))
            .order_by(ledger_holds.c.expires_at, ledger_holds.c.transfer)
            .limit(limit)
        )
        rows = (await self.uow.connection.execute(due)).mappings().all()
        return await self.record(
            [Expire(hold=row["transfer"], event_at=row["expires_at"]) for row in rows], now=now
        )

    async def balance(self, account: Account) -> Balance:
        """Return what stands on an account, which others may move at once. Raises: AccountUnknown."""
        query = (
            select(ledger_balances, ledger_accounts)
            .join(ledger_accounts)
            .where(ledger_accounts.c.id == account.id)
        )
        row = (await self.uow.connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise AccountUnknown(f"there is no {account}", hint="Open the account first.")
        return balance_from(row)

    async def find(self, entry_id: UUID) -> JournalEntry | None:
        """Return the journal's entry of that id, if it was recorded."""
        query = select(ledger_transfers).where(ledger_transfers.c.id == entry_id)
        row = (await self.uow.connection.execute(query)).mappings().one_or_none()
        return None if row is None else entry_from(row)
