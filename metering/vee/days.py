"""A meter's local days, and which of them are used alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from kernel.errors import NodeError
from kernel.interval import Interval
from kernel.local_days import ZoneUnknown, days_between, find_zone, local_days

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_FIRST: Final = date(1971, 1, 1)
_LAST: Final = date(2200, 1, 1)
MOST_DAYS: Final = 400

Holidays = frozenset[date]
"""Days that are used like Sundays."""

_ZONES: Final = "Name a time zone of the IANA's list, and a day within the calendar."


class LocalDayInvalid(NodeError):
    """A time zone is unknown, or skipped that day."""

    code, http_status, retryable = "METER_DAY_INVALID", 422, False


class DayType(StrEnum):
    """Days that are used alike; a public holiday counts as a Sunday."""

    WEEKDAY = "weekday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday or holiday"


@dataclass(frozen=True, slots=True)
class LocalDate:
    """A calendar day in a zone."""

    date: date
    zone: str

    @property
    def period(self) -> Interval:
        """The instants of the day. Raises: LocalDayInvalid."""
        try:
            days = days_between(self.date, self.date, zone=self.zone)
        except (ZoneUnknown, OverflowError) as error:
            raise LocalDayInvalid(str(error), path="zone", hint=_ZONES) from error
        if not days:
            raise LocalDayInvalid(f"there was no {self.date.isoformat()} in {self.zone}", path="day")
        return days[0].period

    def earlier(self, days: int) -> LocalDate:
        return LocalDate(self.date - days * _DAY, self.zone)

    def kind(self, holidays: Holidays) -> DayType:
        """Return which days this one is used like."""
        weekday = self.date.weekday()
        if self.date in holidays or weekday > _SATURDAY:
            return DayType.SUNDAY
        return DayType.SATURDAY if weekday == _SATURDAY else DayType.WEEKDAY


def dates_between(first: date, last: date, zone: str) -> list[LocalDate]:
    """Return the local days from one to another, both included; a year and a month of them at most.

    Raises: LocalDayInvalid.
    """
    read_zone(zone)
    if not (_FIRST <= first <= last <= _LAST and (last - first).days < MOST_DAYS):
        raise LocalDayInvalid(
            f"from {first} to {last} is not 1 to {MOST_DAYS} days of the years in which meters count",
            path="last",
        )
    return [LocalDate(first + count * _DAY, zone) for count in range((last - first).days + 1)]


def read_zone(name: str) -> ZoneInfo:
    """Return the zone called `name` in the IANA database. Raises: LocalDayInvalid."""
    try:
        return find_zone(name)
    except ZoneUnknown as error:
        raise LocalDayInvalid(str(error), path="zone", hint=_ZONES) from error


def local_dates(window: Interval, zone: str) -> Iterator[LocalDate]:
    """Yield the local days that `window` shares an instant with, in order. Raises: LocalDayInvalid."""
    read_zone(zone)
    for day in local_days(window, zone=zone):
        yield LocalDate(day.date, zone)
