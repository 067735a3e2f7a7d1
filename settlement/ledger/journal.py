"""How the journal grows: all entries of one act, or none.

The accounts that an act moves are locked in the order of their ids, so that two acts wait for each
other and never both at once. What is there already under the same id is compared, not written again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg
from sqlalchemy import text

from kernel.clock import utc
from kernel.errors import NodeError
from kernel.long_work import beside_loop
from settlement.ledger.balances import Balance, moved
from settlement.ledger.entries import Entry, Phase, Transfer
from settlement.ledger.journal_entry import JournalEntry, sealed
from settlement.ledger.posting import group_id, resolution_entry, transfer_entry
from settlement.ledger.rows import COLUMNS, balance_from, entry_from, row_of
from storage.unit_of_work import UnitOfWork

Driver: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

DAY_LOCKS: Final = 0x1ED6E4
"""The space of advisory locks on days: shared by who writes in one, exclusive for who seals it."""

_LOCK_DAY: Final = text("SELECT pg_advisory_xact_lock_shared(:space, :day)")
_LAST_SEAL: Final = "SELECT max(day) FROM ledger_seals"
_LOCK_BALANCES: Final = """
SELECT account, owner, kind, unit, debits_posted, credits_posted, debits_pending, credits_pending
FROM ledger_balances JOIN ledger_accounts ON id = account
WHERE account = ANY($1) ORDER BY account FOR UPDATE OF ledger_balances
"""
_ROWS_AT_ONCE: Final = 2_000
_FIND: Final = "SELECT * FROM ledger_transfers WHERE id = ANY($1)"
_NUMBERS: Final = "SELECT nextval('ledger_transfers_seq_seq') AS seq FROM generate_series(1, $1)"
_MOVE: Final = """
UPDATE ledger_balances AS old SET debits_posted = new.debits_posted, credits_posted = new.credits_posted,
    debits_pending = new.debits_pending, credits_pending = new.credits_pending
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS new (account, debits_posted, credits_posted, debits_pending, credits_pending)
WHERE old.account = new.account
"""
_OPEN_HOLDS: Final = "INSERT INTO ledger_holds SELECT * FROM unnest($1::uuid[], $2::timestamptz[])"
_CLOSE_HOLDS: Final = "DELETE FROM ledger_holds WHERE transfer = ANY($1)"


class AccountUnknown(NodeError):
    """An account that was never opened."""

    code, http_status, retryable = "LEDGER_ACCOUNT_UNKNOWN", 404, False


class TransferMismatch(NodeError):
    """Another transfer is in the journal under the same key."""

    code, http_status, retryable = "LEDGER_TRANSFER_MISMATCH", 409, False


class HoldUnknown(NodeError):
    """A hold that is not there."""

    code, http_status, retryable = "LEDGER_HOLD_UNKNOWN", 404, False


class HoldResolved(NodeError):
    """Something has become of a hold already, or its time is over."""

    code, http_status, retryable = "LEDGER_HOLD_RESOLVED", 409, False


class DayIsSealed(NodeError):
    """The journal of that day is signed, and takes no entry any more."""

    code, http_status, retryable = "LEDGER_DAY_IS_SEALED", 409, True


async def record(
    entries: Sequence[Entry],
    *,
    uow: UnitOfWork,
    now: datetime,
    linked: bool = False,
    groups: Iterable[Collection[UUID]] = (),
) -> list[JournalEntry]:
    """Write `entries` into the journal, all or none, and return them in order as they stand there.

    Those that are there already come back as they were written. An Expire of a hold of which something
    else has become is left out. `linked` binds the entries to each other for who reads the journal, `groups`
    does so of some of them, by their ids: each entry is in one group at most.
    Raises: TransferMismatch, AccountUnknown, InsufficientFunds, BalanceTooLarge, HoldUnknown,
    HoldResolved, TransferInvalid, DayIsSealed.
    """
    now = utc(now)
    await _enter_day(now.date(), uow=uow)
    driver = uow.driver
    holds = await find_entries(driver, {each.hold for each in entries if not isinstance(each, Transfer)})
    asked = await beside_loop(
        partial(_asked, entries, holds, now=now, linked=linked, groups=groups), items=len(entries)
    )
    balances = await lock_balances(driver, _accounts_of(asked))
    _check_open(entries, balances)
    stored = await find_entries(driver, [entry.id for entry in asked])
    asked = [entry for entry in asked if not _has_lapsed(entry, stored)]
    fresh = [entry for entry in asked if _is_fresh(entry, stored)]
    _check_in_time(fresh, holds, now=now)
    if fresh:
        held = {hold.id: hold.amount for hold in holds.values()}
        after = await beside_loop(partial(moved, balances, fresh, held=held), items=len(fresh))
        stored |= await _insert(driver, fresh)
        await _move(driver, [balance for account, balance in after.items() if balance != balances[account]])
        await _keep_holds(driver, fresh)
    return [stored[entry.id] for entry in asked]


async def lock_balances(driver: Driver, accounts: Sequence[UUID]) -> dict[UUID, Balance]:
    """Lock the accounts until the unit of work ends, and return what stands on them."""
    rows = await driver.fetch(_LOCK_BALANCES, accounts)
    return {row["account"]: balance_from(row) for row in rows}


async def find_entries(driver: Driver, ids: Collection[UUID]) -> dict[UUID, JournalEntry]:
    """Return those of the journal's entries that have one of `ids`."""
    rows = await driver.fetch(_FIND, ids)
    return {row["id"]: entry_from(row) for row in rows}


async def _enter_day(day: date, *, uow: UnitOfWork) -> None:
    """Keep the day from being sealed until the unit of work ends. Raises: DayIsSealed."""
    await uow.connection.execute(_LOCK_DAY, {"space": DAY_LOCKS, "day": day.toordinal()})
    last = await uow.driver.fetchval(_LAST_SEAL)  # a statement of its own: it sees what the lock waited for
    if last is not None and day <= last:
        raise DayIsSealed(
            f"the journal is sealed up to {last}: nothing is recorded on {day}",
            hint="Take the time anew, and try again.",
        )


def _asked(
    entries: Sequence[Entry],
    holds: Mapping[UUID, JournalEntry],
    *,
    now: datetime,
    linked: bool,
    groups: Iterable[Collection[UUID]],
) -> list[JournalEntry]:
    """Return what is asked for as it would stand in the journal, each id once and with its group.

    Raises: TransferMismatch, HoldUnknown, HoldResolved, TransferInvalid.
    """
    found: dict[UUID, JournalEntry] = {}
    for each in entries:
        if isinstance(each, Transfer):
            entry = transfer_entry(each, now=now)
        elif (hold := holds.get(each.hold)) is None or hold.phase is not Phase.PENDING:
            raise HoldUnknown(f"there is no hold {each.hold}")
        else:
            entry = resolution_entry(each, hold, now=now)
        same = found.setdefault(entry.id, entry)
        if same is not entry and same.body != entry.body:
            raise _mismatch(entry, same)
    return _grouped(list(found.values()), [list(found)] if linked else groups)


def _grouped(entries: list[JournalEntry], groups: Iterable[Collection[UUID]]) -> list[JournalEntry]:
    """Return the entries with the group that each is in."""
    group_of = {member: group for members in groups for group in [group_id(members)] for member in members}
    return [replace(entry, linked=group_of[entry.id]) if entry.id in group_of else entry for entry in entries]


def _accounts_of(entries: Iterable[JournalEntry]) -> list[UUID]:
    return sorted({side for entry in entries for side in (entry.debit, entry.credit)})


def _check_open(entries: Iterable[Entry], balances: Mapping[UUID, Balance]) -> None:
    """Raises: AccountUnknown."""
    for each in entries:
        for account in (each.debit, each.credit) if isinstance(each, Transfer) else ():
            if account.id not in balances:
                raise AccountUnknown(f"there is no {account}", hint="Open the account first.")


def _has_lapsed(entry: JournalEntry, stored: Mapping[UUID, JournalEntry]) -> bool:
    """Say whether an expiry comes too late: something else has become of the hold."""
    before = stored.get(entry.id)
    return entry.phase is Phase.EXPIRE and before is not None and before.phase is not Phase.EXPIRE


def _is_fresh(entry: JournalEntry, stored: Mapping[UUID, JournalEntry]) -> bool:
    """Say whether an entry is still to be written. Raises: TransferMismatch, HoldResolved."""
    before = stored.get(entry.id)
    if before is None:
        return True
    if entry.hold is None and before.body != entry.body:
        raise _mismatch(entry, before)
    if entry.hold is not None and before.outcome != entry.outcome:
        raise HoldResolved(
            f"the hold {entry.hold} ended on {before.created_at.isoformat()} by {before.phase} of "
            f"{before.quantity}",
            hint="Of a hold one thing becomes, once. What moved goes back by a transfer of its own.",
        )
    return False


def _mismatch(entry: JournalEntry, before: JournalEntry) -> TransferMismatch:
    return TransferMismatch(
        f"another entry has the key of the {entry.code} of {entry.quantity} for {entry.ref!r}: "
        f"{before.code} of {before.quantity} for {before.ref!r}",
        hint="A key names one transfer for good; who tries again says the same, instant and group included.",
    )


def _check_in_time(
    fresh: Iterable[JournalEntry], holds: Mapping[UUID, JournalEntry], *, now: datetime
) -> None:
    """Raises: HoldResolved."""
    for entry in fresh:
        if entry.phase is not Phase.POST or entry.hold is None:
            continue
        until = holds[entry.hold].expires_at
        if until is not None and until <= now:
            raise HoldResolved(f"the hold {entry.hold} expired on {until.isoformat()}")


async def _insert(driver: Driver, fresh: Sequence[JournalEntry]) -> dict[UUID, JournalEntry]:
    """Write the entries with their numbers and digests. Raises: TransferMismatch."""
    numbers = await driver.fetch(_NUMBERS, len(fresh))
    numbered = await beside_loop(partial(_numbered, fresh, numbers), items=len(fresh))
    try:
        for first in range(0, len(numbered), _ROWS_AT_ONCE):
            part = numbered[first : first + _ROWS_AT_ONCE]
            await driver.copy_records_to_table(
                "ledger_transfers", records=map(row_of, part), columns=list(COLUMNS)
            )
    except asyncpg.UniqueViolationError as error:
        raise TransferMismatch(
            "another transfer of the same key was recorded at the same time, between other accounts"
        ) from error
    return {entry.id: entry for entry in numbered}


def _numbered(entries: Iterable[JournalEntry], numbers: Iterable[asyncpg.Record]) -> list[JournalEntry]:
    return [sealed(entry, seq=row["seq"]) for entry, row in zip(entries, numbers, strict=True)]


async def _move(driver: Driver, after: Sequence[Balance]) -> None:
    columns = zip(*((balance.account.id, *balance.columns) for balance in after), strict=True)
    await driver.execute(_MOVE, *columns)


async def _keep_holds(driver: Driver, fresh: Iterable[JournalEntry]) -> None:
    opened = [(entry.id, entry.expires_at) for entry in fresh if entry.phase is Phase.PENDING]
    closed = [entry.hold for entry in fresh if entry.hold is not None]
    if opened:
        await driver.execute(_OPEN_HOLDS, *zip(*opened, strict=True))
    if closed:
        await driver.execute(_CLOSE_HOLDS, closed)
