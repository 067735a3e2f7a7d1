"""Local days: from midnight to midnight where the meter is, 23 to 25 hours of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kernel.errors import NodeError
from kernel.interval import Interval

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5

Holidays = frozenset[date]
"""Days that are used like Sundays."""


class ZoneInvalid(NodeError):
    """A time zone has a name that nobody knows."""

    code, http_status, retryable = "METER_ZONE_INVALID", 422, False


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
        """The instants of the day. Raises: ZoneInvalid."""
        zone = read_zone(self.zone)
        midnights = (datetime.combine(day, time(), zone) for day in (self.date, self.date + _DAY))
        return Interval(*(midnight.astimezone(UTC) for midnight in midnights))

    def earlier(self, days: int) -> LocalDate:
        return LocalDate(self.date - days * _DAY, self.zone)

    def kind(self, holidays: Holidays) -> DayType:
        """Return which days this one is used like."""
        weekday = self.date.weekday()
        if self.date in holidays or weekday > _SATURDAY:
            return DayType.SUNDAY
        return DayType.SATURDAY if weekday == _SATURDAY else DayType.WEEKDAY


def read_zone(name: str) -> ZoneInfo:
    """Return the zone called `name` in the IANA database. Raises: ZoneInvalid."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ZoneInvalid(
            f"{name[:64]!r} is no time zone", hint="Write it like Asia/Kolkata or Europe/Berlin."
        ) from error


def local_dates(window: Interval, zone: str) -> Iterator[LocalDate]:
    """Yield the local days that `window` shares an instant with, in order. Raises: ZoneInvalid."""
    where = read_zone(zone)
    day = window.start.astimezone(where).date()
    while (local := LocalDate(day, zone)).period.start < window.end:
        yield local
        day += _DAY
