"""Local days: 92, 96 or 100 quarter hours, and the odd ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from kernel.interval import Interval
from kernel.local_days import LocalDay, ZoneUnknown, find_zone, local_days

QUARTER_HOUR = timedelta(minutes=15)
HALF_DAY = timedelta(hours=12)


def the_day(day: str, zone: str) -> LocalDay:
    """Return the local day of that date, found by its noon."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=find_zone(zone))
    (found,) = local_days(Interval(noon, noon + timedelta(minutes=1)), zone=zone)
    return found


@pytest.mark.parametrize(
    ("zone", "day", "start", "quarter_hours"),
    [
        ("UTC", "2024-10-04", "2024-10-04T00:00", 96),
        ("Asia/Kolkata", "2024-10-04", "2024-10-03T18:30", 96),
        ("Europe/Berlin", "2026-01-15", "2026-01-14T23:00", 96),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00", 92),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00", 100),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00", 92),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00", 100),
        ("Europe/London", "2026-03-29", "2026-03-29T00:00", 92),
        ("Europe/London", "2026-10-25", "2026-10-24T23:00", 100),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04T13:00", 98),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30", 94),
        # No midnight: the clocks jump from 00:00 to 01:00.
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00", 92),
        # Midnight comes twice in Havana; in Cairo the hour before it does.
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", 100),
        ("Africa/Cairo", "2026-10-29", "2026-10-28T21:00", 100),
        # The jump began before midnight: 23:30 became 00:30.
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30", 94),
    ],
)
def test_a_local_day_runs_from_its_first_instant_to_the_next_days(
    zone: str, day: str, start: str, quarter_hours: int
) -> None:
    found = the_day(day, zone)
    assert found.date == date.fromisoformat(day)
    assert found.period.start == datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert found.period.duration == quarter_hours * QUARTER_HOUR


def test_a_window_touches_every_day_that_it_shares_an_instant_with() -> None:
    window = Interval(
        datetime(2024, 10, 4, 18, 29, 59, tzinfo=UTC), datetime(2024, 10, 5, 18, 30, 1, tzinfo=UTC)
    )
    days = local_days(window, zone="Asia/Kolkata")
    assert [day.date.day for day in days] == [4, 5, 6]
    assert all(day.period.overlaps(window) for day in days)
    assert all(earlier.period.end == later.period.start for earlier, later in pairwise(days))


def test_a_window_that_ends_at_midnight_does_not_touch_the_next_day() -> None:
    window = Interval(datetime(2024, 10, 3, 18, 30, tzinfo=UTC), datetime(2024, 10, 4, 18, 30, tzinfo=UTC))
    assert [day.period for day in local_days(window, zone="Asia/Kolkata")] == [window]


def test_a_date_that_was_skipped_is_no_day() -> None:
    noon = datetime(2011, 12, 29, 22, tzinfo=UTC)
    days = local_days(Interval(noon, noon + 2 * timedelta(days=1)), zone="Pacific/Apia")
    assert [day.date for day in days] == [date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]
    assert all(earlier.period.end == later.period.start for earlier, later in pairwise(days))


def test_an_hour_that_falls_back_over_midnight_belongs_to_the_day_that_had_begun() -> None:
    # St John's, 2010-11-07: at 00:01 the clocks went back to 23:01 of the day before.
    again = datetime(2010, 11, 7, 3, 0, tzinfo=UTC)
    assert again.astimezone(find_zone("America/St_Johns")).date() == date(2010, 11, 6)
    (day,) = local_days(Interval(again, again + QUARTER_HOUR), zone="America/St_Johns")
    assert day.date == date(2010, 11, 7)
    assert again in day.period


@pytest.mark.parametrize("zone", ["", "Kolkata", "America", "../etc/passwd", "/etc/passwd", "Asia/Kolkata\0"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ZoneUnknown, match="is no IANA time zone"):
        find_zone(zone)
