"""What is to be done about a bill that nobody pays: a reminder, the end of its time, then level by level.

All that is done is put on record. What a level says is due, whoever runs the platform decides and does.
Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from kernel.clock import utc
from kernel.local_days import find_zone, start_of_day
from settlement.bills import BillEvent, BillStatus
from settlement.payments.due_dates import PaymentTerms, PaymentTermsInvalid


class DunningEvent(StrEnum):
    """What happens to a bill without changing its status."""

    REMINDED = "REMINDED"
    """It is due soon."""
    WARNED = "WARNED"
    FINE_DUE = "FINE_DUE"
    SUSPENSION_DUE = "SUSPENSION_DUE"
    """Of the payer's trading."""
    DISCONNECTION_DUE = "DISCONNECTION_DUE"
    """The utility is to be asked for it."""


CollectionStep = BillEvent | DunningEvent

LEVELS: Final = (
    DunningEvent.WARNED,
    DunningEvent.FINE_DUE,
    DunningEvent.SUSPENSION_DUE,
    DunningEvent.DISCONNECTION_DUE,
)
"""What follows once a bill is overdue, one after the other."""
STEPS: Final[tuple[CollectionStep, ...]] = (DunningEvent.REMINDED, BillEvent.FELL_DUE, *LEVELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionTerms:
    """How long is waited for what, in local days.

    `days` a payer has, and `grace_days` more; `reminder_days` before the last of the days a reminder is
    due; `level_days` lie between one level and the next. Raises: PaymentTermsInvalid.
    """

    days: int = 15
    grace_days: int = 0
    reminder_days: int = 3
    level_days: int = 7

    def __post_init__(self) -> None:
        if min(self.days, self.grace_days, self.reminder_days) < 0 or self.level_days < 1:
            raise PaymentTermsInvalid("days are not negative, and from one level to the next there is one")

    def in_zone(self, zone: str) -> PaymentTerms:
        """Return by when a bill is to be paid where that clock counts. Raises: ZoneUnknown."""
        return PaymentTerms(zone=zone, days=self.days, grace_days=self.grace_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """How far the collection of a bill has come."""

    issued_at: datetime
    status: BillStatus
    zone: str
    """The market's, by whose calendar days are counted."""
    taken: Collection[str]
    """The steps of `STEPS` that were taken."""
    last_at: datetime
    """When the last of them was; when the bill was issued, if there was none."""


def find_step(bill: Collected, terms: CollectionTerms, *, now: datetime) -> CollectionStep | None:
    """Return what is to be done about the bill at `now`; None if there is nothing.

    Levels follow each other at their distance however late the first is: nobody who was away, and no
    payer, has two of them at once. Raises: ZoneUnknown.
    """
    if bill.status is BillStatus.OVERDUE:
        return _find_level(bill, terms, now=now)
    if bill.status is BillStatus.PAID:
        return None
    by = terms.in_zone(bill.zone)
    if now >= by.overdue_from(bill.issued_at):
        return BillEvent.FELL_DUE
    due, zone = by.due_date(bill.issued_at), find_zone(bill.zone)
    starts = start_of_day(due - timedelta(days=terms.reminder_days), zone)
    is_time = starts <= now < start_of_day(due + timedelta(days=1), zone)
    return DunningEvent.REMINDED if is_time and DunningEvent.REMINDED not in bill.taken else None


def _find_level(bill: Collected, terms: CollectionTerms, *, now: datetime) -> DunningEvent | None:
    zone = find_zone(bill.zone)
    day = utc(bill.last_at).astimezone(zone).date() + timedelta(days=terms.level_days)
    if now < start_of_day(day, zone):
        return None
    return next((level for level in LEVELS if level not in bill.taken), None)
