"""Half-open periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from kernel.clock import NaiveInstant
from kernel.interval import EmptyInterval, Interval

DAY = datetime(2024, 10, 4, tzinfo=UTC)


def hours(start: int, end: int) -> Interval:
    return Interval(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


def test_the_start_belongs_to_an_interval_and_the_end_does_not() -> None:
    assert hours(10, 18).start in hours(10, 18)
    assert hours(10, 18).end not in hours(10, 18)
    assert hours(10, 18).end - timedelta(microseconds=1) in hours(10, 18)
    assert hours(9, 10).start not in hours(10, 18)


def test_an_interval_is_kept_in_utc() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    same = Interval(hours(10, 18).start.astimezone(kolkata), hours(10, 18).end.astimezone(kolkata))
    assert same == hours(10, 18)
    assert same.start.tzinfo is UTC
    assert same.duration == timedelta(hours=8)


@pytest.mark.parametrize("end", [10, 9])
def test_an_interval_that_does_not_end_after_its_start_is_refused(end: int) -> None:
    with pytest.raises(EmptyInterval, match="is empty"):
        hours(10, end)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(NaiveInstant):
        Interval(DAY, datetime(2024, 10, 5))  # noqa: DTZ001  naive on purpose


@pytest.mark.parametrize(
    ("other", "common"),
    [
        (hours(10, 18), hours(10, 18)),
        (hours(12, 13), hours(12, 13)),
        (hours(8, 11), hours(10, 11)),
        (hours(17, 20), hours(17, 18)),
        (hours(0, 24), hours(10, 18)),
        (hours(8, 10), None),
        (hours(18, 20), None),
        (hours(0, 1), None),
    ],
)
def test_intervals_overlap_where_they_share_an_instant(other: Interval, common: Interval | None) -> None:
    assert hours(10, 18).intersection(other) == other.intersection(hours(10, 18)) == common
    assert hours(10, 18).overlaps(other) == other.overlaps(hours(10, 18)) == (common is not None)


@pytest.mark.parametrize(
    ("parts", "covered"),
    [
        ([hours(10, 18)], True),
        ([hours(14, 18), hours(10, 14)], True),
        ([hours(9, 15), hours(10, 12), hours(14, 20)], True),
        ([], False),
        ([hours(10, 17)], False),
        ([hours(11, 18)], False),
        ([hours(10, 13), hours(14, 18)], False),
        ([hours(18, 20)], False),
        ([hours(8, 10)], False),
    ],
)
def test_an_interval_is_covered_when_its_parts_leave_nothing_out(
    parts: list[Interval], *, covered: bool
) -> None:
    assert hours(10, 18).covered_by(parts) is covered
