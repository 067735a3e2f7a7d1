"""Calendar periods: what a subscription's fee is for, and what a bill gathers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

_ONE_DAY: Final = timedelta(days=1)
_ONE_WEEK: Final = timedelta(weeks=1)
_DECEMBER: Final = 12

LONGEST_WINDOW: Final = timedelta(days=3660)
"""How long a contract runs at most: one until the year 9999 would be millions of cycles."""


class BillingPeriod(StrEnum):
    """A span of the calendar: a day, a week from Monday, a month from its first day."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


def calendar_period(day: date, period: BillingPeriod) -> tuple[date, date]:
    """Return the first day of the period that `day` lies in, and the first day of the next one.

    Raises: OverflowError or ValueError, where the calendar ends.
    """
    first = _FIRST[period](day)
    return first, _NEXT[period](first)


def count_periods(first: date, last: date, period: BillingPeriod) -> int:
    """Return how many periods the days from `first` to `last`, both included, touch."""
    if period is BillingPeriod.DAILY:
        return (last - first).days + 1
    count, day = 0, first
    while day <= last:
        count, day = count + 1, calendar_period(day, period)[1]
    return count


def elapsed_periods(first: date, last: date, period: BillingPeriod) -> Fraction:
    """Return how many periods the days from `first` to `last`, both included, make up.

    A period that only some of the days lie in counts in proportion: 10 of the 31 days of a January
    are 10/31.
    """
    if period is BillingPeriod.DAILY:
        return Fraction((last - first).days + 1)
    total, day = Fraction(0), first
    while day <= last:
        start, following = calendar_period(day, period)
        days = (min(following, last + _ONE_DAY) - day).days
        total += Fraction(days, (following - start).days)
        day = following
    return total


def _first_of_month(day: date) -> date:
    return day.replace(day=1)


def _next_month(first: date) -> date:
    if first.month == _DECEMBER:
        return date(first.year + 1, 1, 1)
    return first.replace(month=first.month + 1)


_FIRST: Final[Mapping[BillingPeriod, Callable[[date], date]]] = {
    BillingPeriod.DAILY: lambda day: day,
    BillingPeriod.WEEKLY: lambda day: day - day.weekday() * _ONE_DAY,
    BillingPeriod.MONTHLY: _first_of_month,
}
_NEXT: Final[Mapping[BillingPeriod, Callable[[date], date]]] = {
    BillingPeriod.DAILY: lambda first: first + _ONE_DAY,
    BillingPeriod.WEEKLY: lambda first: first + _ONE_WEEK,
    BillingPeriod.MONTHLY: _next_month,
}
