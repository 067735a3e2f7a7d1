"""Laying quantities over intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from trading.availability.buckets import (
    Bucket,
    BucketsOverlap,
    after,
    in_order,
    lay,
    lay_again,
    room,
    span_of,
    touching,
)

TEN = datetime(2026, 1, 9, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(start: float, end: float) -> Interval:
    """Return the interval between two hours of the clock."""
    return Interval(TEN + (start - 10) * HOUR, TEN + (end - 10) * HOUR)


def bucket(start: float, end: float) -> Bucket:
    return Bucket(interval=hours(start, end), available=Energy(1))


def test_intervals_stand_in_the_order_of_time() -> None:
    assert in_order([bucket(12, 13), bucket(10, 12)]) == (bucket(10, 12), bucket(12, 13))
    with pytest.raises(BucketsOverlap, match="from 2026-01-09T10:00:00Z and from 2026-01-09T11:00:00Z share"):
        in_order([bucket(11, 13), bucket(10, 12)])


@pytest.mark.parametrize(
    ("left", "interval", "window", "found"),
    [
        (5, None, hours(10, 11), 5),
        (5, hours(10, 11), None, 5),
        (5, hours(10, 11), hours(10, 12), 5),
        (5, hours(10, 11), hours(10.5, 12), 2),  # half of it, whole watt-hours
        (5, hours(10, 11), hours(11, 12), 0),
        (-5, hours(10, 11), hours(10, 12), 0),
    ],
)
def test_of_a_part_of_an_interval_so_much_can_be_had(
    left: int, interval: Interval | None, window: Interval | None, found: int
) -> None:
    assert room(left, interval, window) == found


def test_a_quantity_is_laid_in_proportion_to_what_is_left() -> None:
    assert lay(Energy(10), [10, 0, 5]) == [7, 0, 3]
    assert lay(Energy(15), [10, 0, 5]) == [10, 0, 5]
    assert lay(Energy(16), [10, 0, 5]) is None
    assert lay(Energy(1), []) is None


def test_what_is_held_goes_to_the_intervals_that_it_shares_time_with() -> None:
    assert lay_again(9, hours(10, 13), [hours(9, 11), hours(11, 13)]) == [3, 6]
    assert lay_again(9, hours(10, 13), [hours(13, 14)]) is None
    assert lay_again(9, hours(10, 13), [None]) == [9]
    assert lay_again(9, hours(10, 13), []) is None


def test_a_part_flows_where_its_contract_and_its_interval_meet() -> None:
    assert span_of(None, hours(10, 12)) == hours(10, 12)
    assert span_of(hours(11, 13), hours(10, 12)) == hours(11, 12)
    assert span_of(hours(13, 14), hours(10, 12)) == hours(13, 14)  # its window has changed since


def test_what_comes_later_of_a_part_is_rounded_down() -> None:
    assert after(7, hours(10, 12), TEN + HOUR) == 3
    assert after(7, hours(10, 12), TEN) == 7
    assert after(7, hours(10, 12), TEN - HOUR) == 7
    assert after(7, hours(10, 12), TEN + 2 * HOUR) == 0


@pytest.mark.parametrize("start", [8.5, 9, 9.5, 10, 11, 12.5, 14, 20])
@pytest.mark.parametrize("lasting", [0.5, 1, 1.5, 3, 12])
def test_those_that_share_time_with_a_span_are_found_among_ordered_ones(start: float, lasting: float) -> None:
    ordered = [hours(9, 10), hours(10, 11), hours(12, 14), hours(14, 15), hours(18, 20)]
    span = hours(start, start + lasting)
    first, last = touching(ordered, span)
    assert ordered[first:last] == [each for each in ordered if each.overlaps(span)]
    assert touching([None], span) == (0, 1)
