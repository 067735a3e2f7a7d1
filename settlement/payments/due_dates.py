"""When a bill is to be paid, and from when on it is overdue. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from kernel.clock import utc
from kernel.local_days import find_zone, start_of_day


class PaymentTermsInvalid(ValueError):
    """Terms by which a bill would be due before it is issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTerms:
    """How many local days a payer has, and how many more before it counts as late.

    Raises: PaymentTermsInvalid.
    """

    zone: str
    days: int = 15
    grace_days: int = 0

    def __post_init__(self) -> None:
        if self.days < 0 or self.grace_days < 0:
            raise PaymentTermsInvalid(f"days to pay are not negative: {self.days} and {self.grace_days}")

    def due_date(self, issued_at: datetime) -> date:
        """Return the last local day on which a bill issued then is paid in time."""
        return utc(issued_at).astimezone(find_zone(self.zone)).date() + timedelta(days=self.days)

    def overdue_from(self, issued_at: datetime) -> datetime:
        """Return the first instant after the local due day and the days of grace."""
        following = self.due_date(issued_at) + timedelta(days=self.grace_days + 1)
        return start_of_day(following, find_zone(self.zone))
