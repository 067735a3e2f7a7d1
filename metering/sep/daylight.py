"""When daylight saving begins and ends in a time zone, as 2030.5 tells devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_YEAR_DAYS: Final = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class DaylightSaving:
    """The zone's offset without daylight saving, what that adds, and the season under way or next.

    Units: offsets in seconds, positive to the east. Without daylight saving, nothing is added and
    there is no season.
    """

    tz_offset: int
    dst_offset: int = 0
    start: datetime | None = None
    end: datetime | None = None

    def is_on(self, now: datetime) -> bool:
        """Say whether the season is under way."""
        return self.start is not None and self.end is not None and self.start <= now < self.end


def daylight_saving(zone: ZoneInfo, *, now: datetime) -> DaylightSaving:
    """Return the rule of `zone` around `now`.

    The lesser of a year's offsets is taken for standard time, whatever the zone itself calls it: in
    Ireland the law has it the other way round, which no device expects.
    """
    days = [now + number * _DAY for number in range(-_YEAR_DAYS, _YEAR_DAYS + 1)]
    offsets = [_offset(zone, day) for day in days]
    around = offsets[_YEAR_DAYS // 2 : _YEAR_DAYS + _YEAR_DAYS // 2]
    standard, summer = min(around), max(around)
    if standard == summer:
        return DaylightSaving(tz_offset=standard)
    changes = [
        (_moment_of_change(zone, one, other), after > before)
        for one, other, before, after in zip(days, days[1:], offsets, offsets[1:], strict=False)
        if before != after
    ]
    end = min((moment for moment, begins in changes if not begins and moment > now), default=None)
    start = max(
        (moment for moment, begins in changes if begins and (end is None or moment < end)), default=None
    )
    if start is None or end is None:  # the zone has moved for good
        return DaylightSaving(tz_offset=_offset(zone, now))
    return DaylightSaving(tz_offset=standard, dst_offset=summer - standard, start=start, end=end)


def _offset(zone: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(zone).utcoffset()
    return 0 if offset is None else offset // _SECOND


def _moment_of_change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first second, between two times that a day parts, from which the later offset holds."""
    old = _offset(zone, before)
    first = before.replace(microsecond=0)
    low, high = 0, (after - first) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, first + middle * _SECOND) == old:
            low = middle
        else:
            high = middle
    return first + high * _SECOND
