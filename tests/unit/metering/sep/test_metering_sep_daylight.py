"""Daylight saving as devices are told it: zones on both sides of the globe, and those that are odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.sep.daylight import DaylightSaving, daylight_saving

WINTER, SUMMER = datetime(2026, 1, 9, 10, tzinfo=UTC), datetime(2026, 7, 9, 10, tzinfo=UTC)
HOUR = 3_600


@pytest.mark.parametrize(("name", "hours"), [("UTC", 0), ("Asia/Kolkata", 5.5), ("America/Phoenix", -7)])
def test_a_zone_without_daylight_saving_has_no_season(name: str, hours: float) -> None:
    rule = daylight_saving(ZoneInfo(name), now=SUMMER)
    assert rule == DaylightSaving(tz_offset=int(hours * HOUR))
    assert not rule.is_on(SUMMER)


@pytest.mark.parametrize(
    ("name", "offset", "now", "start", "end"),
    [
        ("Europe/Berlin", 1, WINTER, (2026, 3, 29, 1), (2026, 10, 25, 1)),
        ("Europe/Berlin", 1, SUMMER, (2026, 3, 29, 1), (2026, 10, 25, 1)),
        ("Europe/Dublin", 0, SUMMER, (2026, 3, 29, 1), (2026, 10, 25, 1)),  # by law winter is the exception
        ("America/New_York", -5, SUMMER, (2026, 3, 8, 7), (2026, 11, 1, 6)),
        ("Australia/Sydney", 10, WINTER, (2025, 10, 4, 16), (2026, 4, 4, 16)),
        ("Australia/Sydney", 10, SUMMER, (2026, 10, 3, 16), (2027, 4, 3, 16)),
    ],
)
def test_the_season_under_way_or_else_the_next_is_told(
    name: str, offset: int, now: datetime, start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    rule = daylight_saving(ZoneInfo(name), now=now)
    assert (rule.tz_offset, rule.dst_offset) == (offset * HOUR, HOUR)
    assert (rule.start, rule.end) == (datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC))  # type: ignore[misc,arg-type]


def test_a_season_may_add_half_an_hour() -> None:
    assert daylight_saving(ZoneInfo("Australia/Lord_Howe"), now=WINTER).dst_offset == HOUR // 2


def test_a_zone_that_moved_for_good_has_no_season() -> None:
    turkey = daylight_saving(ZoneInfo("Europe/Istanbul"), now=datetime(2016, 12, 1, tzinfo=UTC))
    assert turkey == DaylightSaving(tz_offset=3 * HOUR)


@given(
    st.sampled_from(
        ["Europe/London", "Europe/Dublin", "America/New_York", "Australia/Sydney", "Asia/Kolkata"]
    ),
    st.integers(-11 * 365 * 86_400, 9 * 365 * 86_400),
)
def test_what_a_device_makes_of_the_rule_is_the_time_on_the_wall(name: str, seconds: int) -> None:
    now, zone = WINTER + timedelta(seconds=seconds), ZoneInfo(name)
    rule = daylight_saving(zone, now=now)
    reckoned = rule.tz_offset + (rule.dst_offset if rule.is_on(now) else 0)
    assert timedelta(seconds=reckoned) == now.astimezone(zone).utcoffset()
