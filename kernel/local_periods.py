"""The hours, days, weeks and months of a market, each between two instants of its own clock and calendar."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import count, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from kernel.interval import Interval
from kernel.local_days import LocalDay, find_zone, local_days, start_of_day

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)  # of the calendar; never added to an instant
_WEEK: Final = timedelta(days=7)  # of the calendar
_SECOND: Final = timedelta(seconds=1)
_MONTHS: Final = 12
_LONGEST_MONTH: Final = 31


class Cadence(StrEnum):
    """How often a period of the clock or the calendar begins."""

    HOURLY = "HOURLY"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


class AnchorInvalid(ValueError):
    """A day on which no month could begin."""


class SlotInvalid(ValueError):
    """A slot that would take no time."""


@dataclass(frozen=True, slots=True, order=True)
class LocalPeriod:
    """A period with the local date on which it begins, and its place among those of the same date."""

    date: date
    number: int
    period: Interval


def check_anchor(day: int) -> None:
    """Refuse a day on which no month could begin. Raises: AnchorInvalid."""
    if not 1 <= day <= _LONGEST_MONTH:
        raise AnchorInvalid(f"a month begins on a day from 1 to {_LONGEST_MONTH}, not on {day}")


def local_periods(window: Interval, *, zone: str, cadence: Cadence, anchor_day: int = 1) -> list[LocalPeriod]:
    """Return the whole periods that `window` touches, in order and without a gap between them.

    Weeks begin on Monday; months on `anchor_day`, or on their last day where they are too short for it,
    each counted from the calendar: after 28 February comes 31 March.
    Raises: ZoneUnknown; AnchorInvalid.
    """
    check_anchor(anchor_day)
    tz = find_zone(zone)
    if cadence is Cadence.HOURLY:
        return _within_days(window, zone=zone, split=lambda day: _hours(day, tz))
    if cadence is Cadence.DAILY:
        return [LocalPeriod(day.date, 1, day.period) for day in local_days(window, zone=zone)]
    if cadence is Cadence.WEEKLY:
        return _between_dates(_mondays, window, tz)
    return _between_dates(lambda around: _anchors(around, day=anchor_day), window, tz)


def local_slots(window: Interval, *, zone: str, length: timedelta) -> list[LocalPeriod]:
    """Return the slots of `length` that `window` touches, laid from the first instant of each local day.

    The last slot of a day is shorter where the day is no multiple of `length`.
    Raises: ZoneUnknown; SlotInvalid.
    """
    if length <= timedelta(0):
        raise SlotInvalid(f"a slot takes time, not {length}")
    return _within_days(window, zone=zone, split=lambda day: _steps(day, length))


def _within_days(
    window: Interval, *, zone: str, split: Callable[[LocalDay], Iterator[datetime]]
) -> list[LocalPeriod]:
    """Return the parts of each day that begin at the instants of `split` and touch `window`."""
    return [
        LocalPeriod(day.date, number, part)
        for day in local_days(window, zone=zone)
        for number, part in enumerate(_parts(split(day), day.period.end), start=1)
        if part.overlaps(window)
    ]


def _parts(starts: Iterator[datetime], end: datetime) -> Iterator[Interval]:
    for start, following in pairwise((*starts, end)):
        yield Interval(start, following)


def _steps(day: LocalDay, length: timedelta) -> Iterator[datetime]:
    at = day.period.start
    while at < day.period.end:
        yield at
        at += length


def _hours(day: LocalDay, tz: ZoneInfo) -> Iterator[datetime]:
    """Yield where the hours of a day begin: where the clock strikes, and wherever it is changed.

    So an hour that comes twice is two, and where the clocks are moved by half an hour, what is left of
    the hour on either side of the change is one by itself.
    """
    at = day.period.start
    while at < day.period.end:
        yield at
        at = _end_of_hour(at, tz)


def _end_of_hour(at: datetime, tz: ZoneInfo) -> datetime:
    local = at.astimezone(tz)
    strike = at + _HOUR - timedelta(minutes=local.minute, seconds=local.second)
    offset = local.utcoffset()
    if strike.astimezone(tz).utcoffset() == offset:
        return strike
    seconds = range(int((strike - at) / _SECOND))
    change = bisect_left(seconds, True, key=lambda s: (at + s * _SECOND).astimezone(tz).utcoffset() != offset)
    return at + change * _SECOND


def _between_dates(
    dates_from: Callable[[date], Iterator[date]], window: Interval, tz: ZoneInfo
) -> list[LocalPeriod]:
    """Return the periods between the dates that `dates_from` yields: the first lies before its argument."""
    dates = dates_from(window.start.astimezone(tz).date())
    begins = next(dates)
    start = start_of_day(begins, tz)
    found: list[LocalPeriod] = []
    while start < window.end:
        ends = next(dates)
        end = start_of_day(ends, tz)
        if window.start < end:
            found.append(LocalPeriod(begins, 1, Interval(start, end)))
        begins, start = ends, end
    return found


def _mondays(around: date) -> Iterator[date]:
    monday = around - around.weekday() * _DAY
    while True:
        yield monday
        monday += _WEEK


def _anchors(around: date, *, day: int) -> Iterator[date]:
    month_before = around.year * _MONTHS + around.month - 2
    return (_clamped(*divmod(month, _MONTHS), day) for month in count(month_before))


def _clamped(year: int, months: int, day: int) -> date:
    return date(year, months + 1, min(day, monthrange(year, months + 1)[1]))
