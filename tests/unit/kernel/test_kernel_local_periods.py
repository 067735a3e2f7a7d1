"""Hours, weeks and months of a market: what its clock and its calendar say, counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from kernel.interval import Interval
from kernel.local_days import LocalDay, find_zone, local_days
from kernel.local_periods import (
    AnchorInvalid,
    Cadence,
    LocalPeriod,
    SlotInvalid,
    local_periods,
    local_slots,
)

QUARTER_HOUR = timedelta(minutes=15)


def whole_day(day: str, zone: str) -> LocalDay:
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=find_zone(zone))
    (found,) = local_days(Interval(noon, noon + timedelta(minutes=1)), zone=zone)
    return found


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Interval:
    return Interval(instant(start), instant(end))


def starts(periods: list[LocalPeriod], zone: str = "UTC") -> list[str]:
    return [f"{period.period.start.astimezone(find_zone(zone)):%Y-%m-%d %H:%M}" for period in periods]


@pytest.mark.parametrize(
    ("zone", "day", "hours", "short", "slots"),
    [
        ("UTC", "2024-10-04", 24, {}, 96),
        ("Asia/Kolkata", "2024-10-04", 24, {}, 96),
        ("Europe/Berlin", "2026-03-29", 23, {}, 92),
        ("Europe/Berlin", "2026-10-25", 25, {}, 100),
        ("America/New_York", "2026-03-08", 23, {}, 92),
        ("America/New_York", "2026-11-01", 25, {}, 100),
        # 02:00 becomes 02:30: half an hour is left of that hour.
        ("Australia/Lord_Howe", "2026-10-04", 24, {3: 30}, 94),
        # 02:00 becomes 01:30: the half hour comes again.
        ("Australia/Lord_Howe", "2026-04-05", 25, {3: 30}, 98),
        ("Africa/Cairo", "2026-04-24", 23, {}, 92),
        ("Africa/Cairo", "2026-10-29", 25, {}, 100),
        ("America/Havana", "2026-11-01", 25, {}, 100),
        # 23:30 became 00:30: the day begins with half an hour.
        ("America/Toronto", "1919-03-31", 24, {1: 30}, 94),
        ("Pacific/Apia", "2011-12-31", 24, {}, 96),
        # 00:01 became 23:01 of the day before: a minute, an hour less a minute, and all of the day.
        ("America/St_Johns", "2010-11-07", 26, {1: 1, 2: 59}, 100),
    ],
)
def test_the_hours_and_quarter_hours_of_a_day(
    zone: str, day: str, hours: int, short: dict[int, int], slots: int
) -> None:
    whole = whole_day(day, zone)
    found = local_periods(whole.period, zone=zone, cadence=Cadence.HOURLY)
    assert [period.number for period in found] == list(range(1, hours + 1))
    assert {period.date for period in found} == {date.fromisoformat(day)}
    minutes = {
        period.number: int(period.period.duration / timedelta(minutes=1))
        for period in found
        if period.period.duration != timedelta(hours=1)
    }
    assert minutes == short
    quarters = local_slots(whole.period, zone=zone, length=QUARTER_HOUR)
    assert [quarter.number for quarter in quarters] == list(range(1, slots + 1))
    for periods in (found, quarters):
        assert (periods[0].period.start, periods[-1].period.end) == (whole.period.start, whole.period.end)
        assert all(one.period.end == other.period.start for one, other in pairwise(periods))


def test_an_hour_begins_where_the_local_clock_strikes() -> None:
    found = local_periods(
        span("2024-10-04T10:10", "2024-10-04T11:40"), zone="Asia/Kolkata", cadence=Cadence.HOURLY
    )
    assert starts(found, "Asia/Kolkata") == ["2024-10-04 15:00", "2024-10-04 16:00", "2024-10-04 17:00"]
    assert [period.number for period in found] == [16, 17, 18]


def test_hours_over_midnight_are_numbered_by_the_day_that_they_lie_in() -> None:
    found = local_periods(span("2024-10-04T23:00", "2024-10-05T01:00"), zone="UTC", cadence=Cadence.HOURLY)
    assert [(period.date.day, period.number) for period in found] == [(4, 24), (5, 1)]


def test_a_skipped_day_has_no_hours_and_no_days() -> None:
    window = span("2011-12-29T22:00", "2011-12-30T22:00")  # noon of the 29th to noon of the 31st
    days = local_periods(window, zone="Pacific/Apia", cadence=Cadence.DAILY)
    assert [day.date.day for day in days] == [29, 31]
    hours = local_periods(window, zone="Pacific/Apia", cadence=Cadence.HOURLY)
    assert [hour.date.day for hour in hours] == [29] * 12 + [31] * 12
    (week,) = local_periods(window, zone="Pacific/Apia", cadence=Cadence.WEEKLY)
    assert (week.date, week.period.duration) == (date(2011, 12, 26), timedelta(days=6))


@pytest.mark.parametrize(
    ("zone", "monday", "hours"),
    [
        ("UTC", "2026-03-23", 168),
        ("Europe/Berlin", "2026-03-23", 167),
        ("Europe/Berlin", "2026-10-19", 169),
        ("Africa/Cairo", "2026-04-20", 167),
    ],
)
def test_a_week_runs_from_monday_to_monday(zone: str, monday: str, hours: int) -> None:
    day = whole_day(monday, zone)
    (week,) = local_periods(day.period, zone=zone, cadence=Cadence.WEEKLY)
    assert (week.date, week.number) == (day.date, 1)
    assert week.period.start == day.period.start
    assert week.period.duration == timedelta(hours=hours)


def test_a_window_touches_the_weeks_on_both_sides_of_a_monday() -> None:
    found = local_periods(span("2026-03-29T23:59", "2026-03-30T00:01"), zone="UTC", cadence=Cadence.WEEKLY)
    assert [week.date.isoformat() for week in found] == ["2026-03-23", "2026-03-30"]


def test_months_begin_on_the_first() -> None:
    window = span("2026-01-15T00:00", "2026-04-01T00:00")
    found = local_periods(window, zone="UTC", cadence=Cadence.MONTHLY)
    assert starts(found) == ["2026-01-01 00:00", "2026-02-01 00:00", "2026-03-01 00:00"]


@pytest.mark.parametrize(
    ("anchor", "days"),
    [
        (31, ["2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (29, ["2025-12-29", "2026-01-29", "2026-02-28", "2026-03-29", "2026-04-29"]),
        (15, ["2026-01-15", "2026-02-15", "2026-03-15", "2026-04-15"]),
    ],
)
def test_an_anchor_is_remembered_over_a_month_that_is_too_short_for_it(anchor: int, days: list[str]) -> None:
    window = span("2026-01-20T00:00", "2026-05-01T00:00")
    found = local_periods(window, zone="UTC", cadence=Cadence.MONTHLY, anchor_day=anchor)
    assert [month.date.isoformat() for month in found] == days


def test_a_leap_year_has_its_day() -> None:
    window = span("2028-02-20T00:00", "2028-03-01T00:00")
    found = local_periods(window, zone="UTC", cadence=Cadence.MONTHLY, anchor_day=31)
    assert [month.date.isoformat() for month in found] == ["2028-01-31", "2028-02-29"]


@pytest.mark.parametrize("anchor", [0, 32, -1])
def test_no_month_begins_on_a_day_that_none_has(anchor: int) -> None:
    with pytest.raises(AnchorInvalid, match="from 1 to 31"):
        local_periods(
            span("2026-01-01T00:00", "2026-02-01T00:00"),
            zone="UTC",
            cadence=Cadence.MONTHLY,
            anchor_day=anchor,
        )


def test_the_last_slot_of_a_day_is_what_is_left_of_it() -> None:
    day = span("2026-01-01T00:00", "2026-01-02T00:00")
    slots = local_slots(day, zone="UTC", length=timedelta(hours=7))
    assert [slot.period.duration for slot in slots] == [timedelta(hours=h) for h in (7, 7, 7, 3)]


@pytest.mark.parametrize("length", [timedelta(0), timedelta(minutes=-15)])
def test_a_slot_takes_time(length: timedelta) -> None:
    with pytest.raises(SlotInvalid, match="takes time"):
        local_slots(span("2026-01-01T00:00", "2026-01-02T00:00"), zone="UTC", length=length)
