"""The days of a market and its meters: between local midnights, whatever the clocks do in between."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from kernel.interval import Interval

_ONE_DAY: Final = timedelta(days=1)  # of the calendar; never added to an instant
_ONE_SECOND: Final = timedelta(seconds=1)


class ZoneUnknown(ValueError):
    """A name that is no IANA time zone."""


@dataclass(frozen=True, slots=True, order=True)
class LocalDay:
    """A date as it is lived in one zone: 92, 96 or 100 quarter hours, mostly."""

    date: date
    period: Interval


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone of that IANA name.

    Raises: ZoneUnknown.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:  # unknown, malformed, or a folder of zones
        raise ZoneUnknown(f"{name!r} is no IANA time zone; write it like Asia/Kolkata") from error


def local_days(window: Interval, *, zone: str) -> list[LocalDay]:
    """Return the whole local days that `window` touches, in order and without a gap between them.

    Raises: ZoneUnknown.
    """
    tz = find_zone(zone)
    days: list[LocalDay] = []
    day = window.start.astimezone(tz).date()
    start = start_of_day(day, tz)
    while start < window.end:
        day += _ONE_DAY
        end = start_of_day(day, tz)
        # A date that was skipped altogether has no instant (Apia, 2011-12-30); one whose last hour
        # comes back after midnight may lie before the window (St John's, until 2011).
        if window.start < end and start < end:
            days.append(LocalDay(day - _ONE_DAY, Interval(start, end)))
        start = end
    return days


def days_between(first: date, last: date, *, zone: str) -> list[LocalDay]:
    """Return the local days from one date to another, both included, without those that were skipped.

    Raises: ZoneUnknown.
    """
    tz = find_zone(zone)
    dates = [first + count * _ONE_DAY for count in range((last - first).days + 2)]
    starts = [start_of_day(day, tz) for day in dates]
    return [
        LocalDay(day, Interval(start, end))
        for day, (start, end) in zip(dates, pairwise(starts), strict=False)
        if start < end
    ]


def start_of_day(day: date, tz: ZoneInfo) -> datetime:
    """Return the first instant of `day`, in UTC: where midnight does not exist, the first that does.

    Where midnight comes twice, the day starts with the first.
    """
    midnight = datetime.combine(day, time.min, tzinfo=tz)
    start = midnight.astimezone(UTC)
    earliest = midnight.replace(fold=1).astimezone(UTC)
    if start <= earliest:
        return start
    # Only in a gap does the later fold come first: the clocks jump somewhere between the two.
    seconds = range(int((start - earliest) / _ONE_SECOND))
    jump = bisect_left(seconds, day, key=lambda s: (earliest + s * _ONE_SECOND).astimezone(tz).date())
    return earliest + jump * _ONE_SECOND
