"""An entry of the journal, the bytes that stand for it, and their digest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

import orjson

from settlement.ledger.accounts import Amount, amount_in
from settlement.ledger.entries import Phase

_FORM: Final = "degnode-ledger-entry-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One row of the journal. `seq` orders rows; there may be gaps, where something was rolled back."""

    id: UUID
    seq: int
    phase: Phase
    hold: UUID | None  # which hold this is about
    debit: UUID
    credit: UUID
    amount: int  # minor units, or Wh
    unit: str
    code: str
    ref: str
    run: int
    linked: UUID | None  # the group that it was recorded with
    event_at: datetime
    expires_at: datetime | None
    created_at: datetime
    digest: bytes = b""

    @property
    def day(self) -> date:
        """The day of the journal that it is chained in: the UTC day on which it was recorded."""
        return self.created_at.astimezone(UTC).date()

    @property
    def quantity(self) -> Amount:
        return amount_in(self.unit, self.amount)

    @property
    def body(self) -> tuple[object, ...]:
        """What must be the same for two entries of one id to be the same entry."""
        return (
            self.phase,
            self.hold,
            self.debit,
            self.credit,
            self.amount,
            self.unit,
            self.code,
            self.ref,
            self.run,
            self.linked,
            self.event_at,
            self.expires_at,
        )

    @property
    def outcome(self) -> tuple[object, ...]:
        """What must be the same for two ends of one hold to be the same end."""
        return self.phase, self.amount, self.linked


def canonical(entry: JournalEntry, *, seq: int) -> bytes:
    """Return the bytes that stand for an entry: a JSON array of its columns, in UTF-8, without spaces.

    Instants are in UTC and end in Z, with six decimals if they have a fraction, else with none.
    """
    columns = (
        _FORM,
        str(entry.id),
        seq,
        entry.phase,
        entry.hold and str(entry.hold),
        str(entry.debit),
        str(entry.credit),
        entry.amount,
        entry.unit,
        entry.code,
        entry.ref,
        entry.run,
        entry.linked and str(entry.linked),
        entry.event_at,
        entry.expires_at,
        entry.created_at,
    )
    return orjson.dumps(columns, option=orjson.OPT_UTC_Z)


def digest_of(entry: JournalEntry) -> bytes:
    """Return the SHA-256 of an entry's canonical bytes."""
    return sha256(canonical(entry, seq=entry.seq)).digest()


def sealed(entry: JournalEntry, *, seq: int) -> JournalEntry:
    """Return the entry with its number and its digest."""
    return replace(entry, seq=seq, digest=sha256(canonical(entry, seq=seq)).digest())
