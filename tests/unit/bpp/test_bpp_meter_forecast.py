"""What a meter lets expect of the hours to come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bpp.forecasts.from_meters import expect, forecast_hours, observed_span
from kernel.energy import Energy
from kernel.interval import Interval
from metering.series import IntervalEnergy
from trading.availability.source import MeterRule

HOUR = timedelta(hours=1)
MORNING = datetime(2026, 1, 9, 8, 30, tzinfo=UTC)
ALWAYS = Interval(MORNING - timedelta(days=100), MORNING + timedelta(days=100))
RULE = MeterRule(share_percent=Decimal(80), over_days=3, ahead_days=1, zone="UTC")


def flowed(start: datetime, watt_hours: int, *, lasting: timedelta = HOUR) -> IntervalEnergy:
    return IntervalEnergy(
        period=Interval(start, start + lasting), energy=Energy(watt_hours), quality=0, revision=0
    )


def at(hour: int, *, days_ago: int = 0) -> datetime:
    return datetime(2026, 1, 9, hour, tzinfo=UTC) - timedelta(days=days_ago)


def expected(readings: Iterable[IntervalEnergy], hour: int, rule: MeterRule = RULE) -> int:
    (bucket,) = expect(rule, list(readings), [Interval(at(hour), at(hour) + HOUR)], now=MORNING)
    return bucket.available.watt_hours


def test_it_is_a_share_of_the_mean_at_the_same_hour_rounded_down() -> None:
    readings = [flowed(at(12, days_ago=ago), amount) for ago, amount in ((1, 1_000), (2, 2_000), (3, 2_002))]
    noise = [flowed(at(13, days_ago=1), 9_000), flowed(at(12, days_ago=4), 9_000)]
    assert expected([*readings, *noise], 12) == 1_333  # of 1,333.87


def test_parts_of_an_hour_add_up_and_longer_intervals_count_in_part() -> None:
    quarter = timedelta(minutes=15)
    quarters = [flowed(at(12, days_ago=1) + number * quarter, 100, lasting=quarter) for number in range(4)]
    two_hours = [flowed(at(11, days_ago=2), 1_200, lasting=2 * HOUR)]
    assert expected([*quarters, *two_hours], 12) == 400  # of 500


def test_an_hour_with_a_gap_does_not_count_and_of_too_few_days_nothing_is_expected() -> None:
    whole = [flowed(at(12, days_ago=1), 1_000)]
    part = [flowed(at(12, days_ago=2), 10, lasting=timedelta(minutes=45))]
    assert expected([*whole, *part], 12) == 0  # known of one day of three
    assert expected([*whole, flowed(at(12, days_ago=3), 0)], 12) == 400
    assert expected([], 12) == 0


def test_days_are_those_of_the_zone_and_an_hour_lost_by_the_clocks_is_left_out() -> None:
    denver = MeterRule(share_percent=Decimal(100), over_days=1, ahead_days=1, zone="America/Denver")
    now = datetime(2026, 3, 8, 8, 30, tzinfo=UTC)  # 01:30: at 02:00 it will be 03:00
    assert observed_span(denver, now=now) == Interval(
        datetime(2026, 3, 7, 7, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC)
    )
    hours = forecast_hours(denver, ALWAYS, now=now)
    assert (hours[0].start.hour, len(hours)) == (9, 21 + 24)
    at_three = [flowed(datetime(2026, 3, 7, 10, tzinfo=UTC), 500)]  # of the day before
    assert expect(denver, at_three, hours[:1], now=now)[0].available == Energy(500)


def test_hours_begin_with_the_next_one_and_lie_in_the_production() -> None:
    assert forecast_hours(RULE, ALWAYS, now=MORNING)[0].start == at(9)
    assert len(forecast_hours(RULE, ALWAYS, now=MORNING)) == 15 + 24
    midday = Interval(at(10) + HOUR / 2, at(13))
    assert forecast_hours(RULE, midday, now=MORNING) == [
        Interval(at(11), at(12)),
        Interval(at(12), at(13)),
    ]
