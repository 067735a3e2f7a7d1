"""What a utility says was delivered, as its buyer is told: its last word on each time."""

from __future__ import annotations

from datetime import timedelta

from kernel.energy import Energy
from kernel.interval import Interval
from tests.unit.trading.test_trading_contract import WINDOW
from trading.utility_account import MOST_TOLD, Allotted, last_words


def hour(number: int, watt_hours: int, *, hours: int = 1) -> Allotted:
    """Return what is allotted from an hour of the window on."""
    start = WINDOW.start + timedelta(hours=number)
    return Allotted(period=Interval(start, start + timedelta(hours=hours)), energy=Energy(watt_hours))


def test_a_later_word_on_a_time_takes_the_place_of_all_that_it_overlaps() -> None:
    newest_first = [hour(1, 5), hour(0, 1, hours=2), hour(1, 2), hour(3, 7), hour(2, 4)]
    assert last_words(newest_first) == (hour(1, 5), hour(2, 4), hour(3, 7))


def test_periods_that_touch_do_not_overlap_and_come_in_order_of_time() -> None:
    assert last_words([hour(0, 1), hour(1, 2)]) == last_words([hour(1, 2), hour(0, 1)])


def test_no_more_periods_are_told_than_a_buyer_can_take() -> None:
    told = last_words(hour(number, number) for number in reversed(range(MOST_TOLD + 5)))
    assert told == tuple(hour(number, number) for number in range(5, MOST_TOLD + 5))
