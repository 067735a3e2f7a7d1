"""What it costs a side to cancel late: until when it is free, and what it owes the other side after that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from kernel.currency import Currency
from kernel.money import Money, round_to_minor
from trading.rates import TermsInvalid, check_number
from trading.wheeling import Side

_MOST_PERCENT: Final = 100
_LONGEST_NOTICE: Final = timedelta(days=366)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationTerm:
    """What `side` owes where it cancels later than `notice` before delivery begins, or during delivery.

    It is an amount, or a per cent of the order's value as agreed: a fee to the seller, or a compensation to
    the buyer. A notice is whole minutes. Raises: TermsInvalid.
    """

    side: Side
    notice: timedelta = timedelta(0)
    amount: Money | None = None
    percent: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.percent is None):
            raise TermsInvalid(
                "a late cancellation costs either an amount or a per cent of the order's value"
            )
        if self.amount is not None and self.amount <= Money.zero(self.amount.currency):
            raise TermsInvalid(f"a late cancellation costs more than nothing, not {self.amount}")
        if self.percent is not None:
            check_number(self.percent, name="the cost of a cancellation in per cent", most=_MOST_PERCENT)
        if self.notice % _MINUTE or not timedelta(0) <= self.notice <= _LONGEST_NOTICE:
            raise TermsInvalid(
                f"cancelling is free until whole minutes before delivery, not {self.notice} before"
            )

    @property
    def currency(self) -> Currency | None:
        return None if self.amount is None else self.amount.currency

    def free_until(self, start: datetime) -> datetime:
        """Return until when cancelling is free where delivery begins at `start`."""
        return start - self.notice

    def cost(self, value: Money) -> Money:
        """Return what a late cancellation of an order of that value costs, rounded once, a half up."""
        if self.amount is not None:
            return self.amount
        return round_to_minor(
            Fraction(value.amount) * Fraction(self.percent or 0) / _MOST_PERCENT, value.currency
        )
