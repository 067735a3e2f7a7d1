"""How complete a local day is: 92, 96 or 100 quarter hours of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_days import LocalDay, days_between
from metering.completeness import DayCompleteness, count_day
from metering.energy import Direction
from metering.quality import ESTIMATED_BY_INTERPOLATION
from metering.series import IntervalEnergy

QUARTER = timedelta(minutes=15)


def _the_day(day: str, zone: str) -> LocalDay:
    (found,) = days_between(date.fromisoformat(day), date.fromisoformat(day), zone=zone)
    return found


def _intervals(day: LocalDay, length: timedelta = QUARTER, *, quality: int = 0) -> list[IntervalEnergy]:
    count = day.period.duration // length
    starts = [day.period.start + number * length for number in range(count)]
    return [
        IntervalEnergy(period=Interval(start, start + length), energy=Energy(1), quality=quality, revision=0)
        for start in starts
    ]


def _count(day: LocalDay, intervals: list[IntervalEnergy], seconds: int = 900) -> DayCompleteness:
    return count_day(day, intervals, direction=Direction.IMPORT, interval_seconds=seconds)


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        ("2026-03-29", "Europe/London", 92),
        ("2026-10-25", "Europe/London", 100),
        ("2026-03-29", "Europe/Berlin", 92),
        ("2026-10-25", "Europe/Berlin", 100),
        ("2026-03-08", "America/New_York", 92),
        ("2026-11-01", "America/New_York", 100),
        ("2026-03-29", "Asia/Kolkata", 96),
        ("2026-07-01", "Europe/London", 96),
    ],
)
def test_a_day_has_as_many_quarter_hours_as_its_clocks_let_it(day: str, zone: str, expected: int) -> None:
    local = _the_day(day, zone)
    full = _count(local, _intervals(local))
    assert (full.expected, full.measured, full.missing) == (expected, expected, 0)
    empty = _count(local, [])
    assert (empty.expected, empty.missing) == (expected, expected)


def test_a_day_in_kolkata_begins_at_half_past_six_in_the_evening_utc() -> None:
    period = _the_day("2026-03-29", "Asia/Kolkata").period
    assert (period.start.isoformat(), period.duration) == ("2026-03-28T18:30:00+00:00", timedelta(days=1))


def test_days_follow_each_other_from_one_date_to_another() -> None:
    days = days_between(date(2026, 3, 28), date(2026, 3, 30), zone="Europe/Berlin")
    assert [day.period.duration // QUARTER for day in days] == [96, 92, 96]
    assert [day.period.end for day in days[:-1]] == [day.period.start for day in days[1:]]
    assert days_between(date(2011, 12, 29), date(2011, 12, 31), zone="Pacific/Apia")[1].date.day == 31


def test_what_is_estimated_is_told_apart_from_what_is_measured_and_what_is_missing() -> None:
    day = _the_day("2026-07-01", "Europe/London")
    measured, estimated = _intervals(day), _intervals(day, quality=ESTIMATED_BY_INTERPOLATION)
    found = _count(day, [*measured[:40], *estimated[40:43], *measured[50:]])
    assert (found.measured, found.estimated, found.missing) == (86, 3, 7)


def test_longer_intervals_cover_several_and_half_an_interval_is_missing() -> None:
    day = _the_day("2026-07-01", "Europe/London")
    hours = _intervals(day, timedelta(hours=1))
    assert _count(day, hours).measured == 96
    shifted = Interval(day.period.start + QUARTER / 2, day.period.start + 2 * QUARTER)
    half = IntervalEnergy(period=shifted, energy=Energy(1), quality=0, revision=0)
    assert _count(day, [half]).measured == 1


def test_intervals_that_do_not_divide_the_day_leave_a_shorter_last_one() -> None:
    day = _the_day("2026-07-01", "Europe/London")
    found = _count(day, _intervals(day), seconds=7 * 3600)
    assert (found.expected, found.measured) == (4, 4)
