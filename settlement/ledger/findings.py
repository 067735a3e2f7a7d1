"""What an audit of the ledger may find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Trouble(StrEnum):
    """In which way something is not as it was recorded."""

    CHANGED = "CHANGED"  # a row says something else than when it was written
    MISSING = "MISSING"  # a row that was chained is gone
    ADDED = "ADDED"  # a row stands in a day that was sealed without it
    REORDERED = "REORDERED"  # rows of a day stand in another order
    SEAL = "SEAL"  # a day's seal does not hold
    ACCOUNT = "ACCOUNT"  # an account is not what its id says, or not there
    BALANCE = "BALANCE"  # what stands on an account does not follow from the journal
    HOLD = "HOLD"  # what became of a hold cannot be
    GROUP = "GROUP"  # a group is not whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and which row it is."""

    trouble: Trouble
    table: str
    row: str  # its primary key
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was looked at, and what was found; all is well if that is nothing."""

    entries: int
    accounts: int
    sealed_until: date | None
    findings: tuple[Finding, ...]
