"""What a sanctioned load leaves to be traded: by power, by energy in each period, beside what others have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bpp.utility.sanction import Sanction, Use, before, cut_back, peak, total
from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_periods import Cadence
from trading.curtailment import Curtailment
from trading.delivery import CurtailmentReason, Cut

DAY = datetime(2026, 1, 9, tzinfo=UTC)


def hours(start: float, end: float) -> Interval:
    return Interval(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


def use(start: float, end: float, watt_hours: int) -> Use:
    return Use(window=hours(start, end), quantity=Energy(watt_hours))


def test_times_count_exactly_where_no_float_tells_them() -> None:
    third = Interval(DAY, DAY + timedelta(minutes=20))
    assert use(0, 3, 9_000).within(hours(0, 1)) == 3_000
    assert Use(window=third, quantity=Energy(1_000)).watts == 3_000
    assert Sanction(watts=3_000).remaining(third, []) == Energy(1_000)
    assert Sanction(energy=Energy(1_000)).remaining(hours(21, 24), [use(-1, 2, 2_400)]) == Energy(0)
    assert before([use(0, 3, 9_000)], DAY + timedelta(hours=1)) == [use(0, 1, 3_000)]


def test_a_load_leaves_what_it_gives_over_the_window_beside_its_busiest_instant() -> None:
    sanction = Sanction(watts=5_000)
    uses = [use(8, 10, 4_000), use(9, 11, 2_000), use(12, 13, 5_000)]
    assert peak(hours(8, 11), uses) == 3_000
    assert sanction.remaining(hours(8, 11), uses) == Energy(6_000)
    assert sanction.remaining(hours(12, 13), uses) == Energy(0)
    assert sanction.remaining(hours(11, 12), uses) == Energy(5_000)


def test_trades_that_only_touch_do_not_add_up() -> None:
    uses = [use(8, 9, 5_000), use(9, 10, 5_000)]
    assert peak(hours(8, 10), uses) == 5_000
    assert Sanction(watts=5_000).remaining(hours(10, 11), uses) == Energy(5_000)


def test_the_busiest_instant_of_many_trades_is_found_at_once() -> None:
    count = 20_000  # each with each would be four hundred million sums
    uses = [use(number / count, number / count + 1, 1) for number in range(count)]
    assert peak(hours(0, 3), uses) == count
    assert peak(hours(0, 3), []) == 0


def test_what_began_before_the_window_counts_within_it() -> None:
    assert peak(hours(9, 10), [use(8, 12, 4_000)]) == 1_000


def test_energy_is_counted_in_each_period_of_the_utilitys_calendar() -> None:
    sanction = Sanction(energy=Energy(10_000), zone="Asia/Kolkata")
    evening = hours(17.5, 19.5)  # an hour on either side of midnight there
    assert [period.start.hour for period in sanction.periods(evening)] == [18, 18]
    assert sanction.remaining(evening, []) == Energy(20_000)
    assert sanction.remaining(evening, [use(10, 12, 6_000)]) == Energy(8_000)


def test_the_stricter_of_both_limits_holds() -> None:
    sanction = Sanction(watts=5_000, energy=Energy(8_000), every=Cadence.MONTHLY)
    assert sanction.remaining(hours(8, 10), []) == Energy(8_000)
    assert sanction.remaining(hours(8, 9), []) == Energy(5_000)
    assert sanction.remaining(hours(8, 10), [use(400, 401, 7_500)]) == Energy(500)


def test_what_is_left_is_told_in_whole_watt_hours_and_what_is_used_rounded_up() -> None:
    uses = [use(8, 11, 1_000)]
    assert Sanction(watts=1_000).remaining(hours(8, 9), uses) == Energy(666)
    load = Sanction(watts=1_000).load(hours(8, 9), uses)
    assert (load.total, load.used, load.remaining, load.unit) == (1_000, 334, 666, "W")
    energy = Sanction(energy=Energy(5_000)).load(hours(8, 9), uses)
    assert (energy.total, energy.used, energy.unit) == (5_000, 1_000, "Wh")


@pytest.mark.parametrize("over", [hours(8, 9), hours(8.25, 8.5)])
def test_a_limit_that_is_overdrawn_leaves_nothing(over: Interval) -> None:
    assert Sanction(watts=500).remaining(over, [use(8, 9, 1_000)]) == Energy(0)
    assert Sanction(watts=500).load(over, [use(8, 9, 1_000)]).remaining == 0


def cut(watt_hours: int, hour: float) -> Curtailment:
    what = Cut(quantity=Energy(watt_hours), reason=CurtailmentReason.OTHER)
    return Curtailment(cut=what, since=DAY + timedelta(hours=hour))


def test_what_is_cut_flows_less_from_then_on() -> None:
    once = cut_back(use(8, 12, 8_000), [cut(4_000, 9)])
    assert once == [use(8, 9, 2_000), use(9, 12, 2_000)]
    twice = cut_back(use(8, 12, 8_000), [cut(4_000, 9), cut(5_000, 10)])
    assert [piece.quantity.watt_hours for piece in twice] == [2_000, 667, 333]
    assert total(twice) == Energy(3_000)


@pytest.mark.parametrize(
    ("watt_hours", "hour", "left"),
    [
        (4_000, 7, [4_000]),  # before it began: evenly less
        (8_000, 8, []),
        (7_000, 9, [2_000]),  # more than was still to flow
        (4_000, 12, [8_000]),  # after it ended
    ],
)
def test_a_cut_at_the_edges_of_what_flows(watt_hours: int, hour: float, left: list[int]) -> None:
    pieces = cut_back(use(8, 12, 8_000), [cut(watt_hours, hour)])
    assert [piece.quantity.watt_hours for piece in pieces] == left


def test_what_flows_before_an_instant_is_told_in_whole_watt_hours() -> None:
    uses = [use(8, 11, 1_000), use(11, 12, 500)]
    assert before(uses, DAY + timedelta(hours=8)) == []
    assert before(uses, DAY + timedelta(hours=9)) == [use(8, 9, 334)]
    assert total(before(uses, DAY + timedelta(hours=12))) == Energy(1_500)
