"""How what is asked of the ledger stands in its journal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from kernel.ids import derived_id
from settlement.ledger.accounts import Amount, unit_of, whole
from settlement.ledger.entries import Post, Transfer, TransferInvalid, Void, resolution_id
from settlement.ledger.journal_entry import JournalEntry


def transfer_entry(transfer: Transfer, *, now: datetime) -> JournalEntry:
    """Return a transfer, or a hold, as an entry that has no number yet."""
    return JournalEntry(
        id=transfer.id,
        seq=0,
        phase=transfer.phase,
        hold=None,
        debit=transfer.debit.id,
        credit=transfer.credit.id,
        amount=whole(transfer.amount),
        unit=transfer.debit.unit,
        code=transfer.code,
        ref=transfer.ref,
        run=transfer.run,
        linked=None,
        event_at=transfer.event_at,
        expires_at=transfer.expires,
        created_at=now,
    )


def resolution_entry(asked: Post | Void, hold: JournalEntry, *, now: datetime) -> JournalEntry:
    """Return what becomes of a hold as an entry that has no number yet. Raises: TransferInvalid."""
    return JournalEntry(
        id=resolution_id(hold.id),
        seq=0,
        phase=asked.phase,
        hold=hold.id,
        debit=hold.debit,
        credit=hold.credit,
        amount=hold.amount if asked.amount is None else _part(asked.amount, of=hold),
        unit=hold.unit,
        code=hold.code,
        ref=hold.ref,
        run=hold.run,
        linked=None,
        event_at=asked.event_at,
        expires_at=None,
        created_at=now,
    )


def group_id(members: Iterable[UUID]) -> UUID:
    """Return the id of the group of these entries; it changes if one is missing."""
    return derived_id("ledger-group", *sorted(map(str, members)))


def _part(amount: Amount, *, of: JournalEntry) -> int:
    if unit_of(amount) != of.unit or whole(amount) > of.amount:
        raise TransferInvalid(f"a hold of {of.quantity} cannot be posted as {amount}")
    return whole(amount)
