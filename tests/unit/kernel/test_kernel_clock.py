"""Clocks, and instants as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from kernel.clock import (
    InstantOutOfRange,
    ManualClock,
    NaiveInstant,
    SystemClock,
    format_instant,
    parse_instant,
    utc,
)

NOON = datetime(2024, 10, 4, 12, tzinfo=UTC)
KOLKATA = timezone(timedelta(hours=5, minutes=30))


def test_the_system_clock_tells_utc_and_does_not_run_backwards() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.tzinfo is UTC
    assert first <= second


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    assert clock.advance(timedelta(minutes=15)) == clock.now() == NOON + timedelta(minutes=15)


def test_a_manual_clock_is_set_in_any_zone_and_tells_utc() -> None:
    clock = ManualClock(NOON)
    clock.set(datetime(2024, 10, 5, 5, 30, tzinfo=KOLKATA))
    assert clock.now() == datetime(2024, 10, 5, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_a_manual_clock_refuses_an_instant_without_a_zone() -> None:
    clock = ManualClock(NOON)
    with pytest.raises(NaiveInstant):
        clock.set(datetime(2024, 10, 4))  # noqa: DTZ001  naive on purpose
    assert clock.now() == NOON


class ZoneWithoutOffset(tzinfo):
    """A zone that does not know its offset: what carries it is as naive as without it."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    dst = utcoffset

    def tzname(self, _: datetime | None) -> None:
        return None


@pytest.mark.parametrize("zone", [None, ZoneWithoutOffset()])
def test_an_instant_without_an_offset_is_refused(zone: tzinfo | None) -> None:
    with pytest.raises(NaiveInstant, match="has no time zone; write it with an offset or Z"):
        utc(datetime(2024, 10, 4, tzinfo=zone))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-10-04T12:00:00Z", NOON),
        ("2024-10-04T17:30:00+05:30", NOON),
        ("2024-10-04T12:00:00.250Z", NOON + timedelta(milliseconds=250)),
        ("2024-10-04T12:00:00-00:00", NOON),
    ],
)
def test_an_instant_is_read_in_any_offset(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["", "noon", "2024-10-04", "2024-10-04T12:00:00", "2024-13-04T12:00:00Z", "2024-10-04T12:00:61Z"]
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+05:30", "9999-12-31T23:59:59-05:30"])
def test_an_instant_beyond_the_calendar_is_refused_like_any_other_bad_one(text: str) -> None:
    with pytest.raises(InstantOutOfRange, match="outside the years 1 to 9999"):
        parse_instant(text)


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [
        (0, "2024-10-04T12:00:00Z"),
        (250_000, "2024-10-04T12:00:00.250Z"),
        (1_999, "2024-10-04T12:00:00.001Z"),
        (999, "2024-10-04T12:00:00Z"),
    ],
)
def test_an_instant_is_written_to_the_millisecond(microsecond: int, text: str) -> None:
    assert format_instant(NOON.replace(microsecond=microsecond)) == text


def test_an_instant_of_any_zone_is_written_in_utc() -> None:
    assert format_instant(NOON.astimezone(KOLKATA)) == "2024-10-04T12:00:00Z"
