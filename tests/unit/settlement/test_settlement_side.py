"""One meter's readings in order: what they add up to, and where there are none."""

from __future__ import annotations

from datetime import timedelta

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.side import Side
from tests.support.agreements import WINDOW, readings

HOUR = timedelta(hours=1)


def part(first: int, last: int) -> Interval:
    """Return the window from one of its hours to another."""
    return Interval(WINDOW.start + first * HOUR, WINDOW.start + last * HOUR)


def hours(*numbers: int) -> Side:
    """Return a side that knows these hours of the window, at so many kWh each."""
    return Side.of([(part(number, number + 1), Energy(1_000 * number)) for number in numbers], window=WINDOW)


def test_a_total_counts_what_has_ended() -> None:
    side = hours(1, 2, 5)
    assert side.total_by(WINDOW.start) == 0
    assert side.total_by(WINDOW.start + 2 * HOUR) == 1_000
    assert side.total_by(WINDOW.start + 3 * HOUR - timedelta(seconds=1)) == 1_000
    assert side.total_by(WINDOW.end) == 8_000
    assert side.ended_in(part(2, 6)) == [(part(2, 3), 2_000), (part(5, 6), 5_000)]


def test_gaps_are_what_no_interval_tells_of() -> None:
    side = hours(1, 2, 5)
    assert side.gaps_in(part(0, 8)) == [part(0, 1), part(3, 5), part(6, 8)]
    assert side.gaps_in(part(1, 3)) == []
    assert side.gaps_in(part(2, 6)) == [part(3, 5)]
    assert side.gaps_in(part(3, 5)) == [part(3, 5)]
    assert side.gaps_in(part(4, 6)) == [part(4, 5)]
    assert side.gaps_in(part(6, 8)) == [part(6, 8)]


def test_a_silent_meter_is_all_gap() -> None:
    silent = Side.of([], window=WINDOW)
    assert silent.total_by(WINDOW.end) == 0
    assert silent.gaps_in(WINDOW) == [WINDOW]


def test_intervals_side_by_side_are_known_as_one() -> None:
    assert Side.of(readings(["1"] * 4), window=WINDOW).known == (WINDOW,)
