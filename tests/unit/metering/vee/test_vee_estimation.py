"""How a gap is filled, where the ends of a line or the days like it may not be used."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from metering.quality import DERIVED, ESTIMATED_BY_INTERPOLATION, MANUALLY_EDITED, QUESTIONABLE
from metering.vee.days import DayType, LocalDate, LocalDayInvalid, dates_between
from metering.vee.estimation import Method, apportion, cells_of, rounded, shape_by_days, shape_by_line
from metering.vee.evidence import Slot
from metering.vee.filling import Gap, plan

QUARTER: Final = 900
HOUR: Final = 3600


def line(count: int, *, before: Slot | None, after_quality: int = 0) -> list[Fraction] | None:
    cells = cells_of(QUARTER, QUARTER + count * QUARTER, origin=0, length=QUARTER)
    after = Slot(cells[-1][1], cells[-1][1] + QUARTER, 100 + 10 * (count + 1), after_quality)
    shape = shape_by_line(cells, before, after)
    return None if shape is None else list(shape.watt_hours)


def test_a_line_goes_in_even_steps_from_end_to_end() -> None:
    assert line(3, before=Slot(0, QUARTER, 100)) == [Fraction(value) for value in (110, 120, 130)]


@pytest.mark.parametrize(("count", "drawn"), [(8, True), (9, False)])
def test_a_line_is_two_hours_long_at_most(count: int, drawn: bool) -> None:
    assert (line(count, before=Slot(0, QUARTER, 100)) is not None) is drawn


@pytest.mark.parametrize(
    ("quality", "drawn"),
    [
        (0, True),
        (MANUALLY_EDITED, True),
        (QUESTIONABLE, False),
        (ESTIMATED_BY_INTERPOLATION, False),
        (DERIVED, False),
    ],
)
def test_only_what_was_measured_and_is_not_in_doubt_ends_a_line(quality: int, drawn: bool) -> None:
    assert (line(2, before=Slot(0, QUARTER, 100, quality)) is not None) is drawn
    assert (line(2, before=Slot(0, QUARTER, 100), after_quality=quality) is not None) is drawn


def test_a_line_needs_both_ends_and_they_touch_the_gap() -> None:
    assert line(2, before=None) is None
    assert line(2, before=Slot(-QUARTER, 0, 100)) is None


def test_an_end_of_another_length_counts_by_its_power() -> None:
    cells = cells_of(HOUR, HOUR + 3 * QUARTER, origin=0, length=QUARTER)
    shape = shape_by_line(cells, Slot(0, HOUR, 400), Slot(cells[-1][1], cells[-1][1] + QUARTER, 100))
    assert shape is not None
    assert list(shape.watt_hours) == [100, 100, 100]


def day_of(on: date, zone: str, value: int) -> tuple[str, list[Slot]]:
    period = LocalDate(on, zone).period
    start, end = int(period.start.timestamp()), int(period.end.timestamp())
    return on.isoformat(), [Slot(at, at + QUARTER, value) for at in range(start, end, QUARTER)]


def cells_at(on: datetime, count: int) -> list[tuple[int, int]]:
    start = int(on.timestamp())
    return cells_of(start, start + count * QUARTER, origin=start, length=QUARTER)


def test_days_of_before_are_read_by_the_clock_on_the_wall() -> None:
    zone, berlin = ZoneInfo("Europe/Berlin"), "Europe/Berlin"
    name, slots = day_of(date(2026, 3, 22), berlin, 0)
    by_hour = [Slot(slot.start, slot.end, datetime.fromtimestamp(slot.start, zone).hour) for slot in slots]
    cells = cells_at(datetime(2026, 3, 29, 15, tzinfo=zone), 12)  # after the clocks went forward
    shape = shape_by_days(cells, [(name, by_hour)], zone=zone, origin=cells[0][0], length=QUARTER)
    assert shape is not None
    assert list(shape.watt_hours) == [15] * 4 + [16] * 4 + [17] * 4


def test_the_hour_that_comes_twice_is_taken_twice_from_a_day_that_has_it_once() -> None:
    zone, berlin = ZoneInfo("Europe/Berlin"), "Europe/Berlin"
    cells = cells_at(datetime(2026, 10, 25, 2, tzinfo=zone), 8)
    days = [day_of(date(2026, 10, 18), berlin, 70)]
    shape = shape_by_days(cells, days, zone=zone, origin=cells[0][0], length=QUARTER)
    assert shape is not None
    assert list(shape.watt_hours) == [70] * 8


def test_a_day_without_the_hour_that_is_wanted_is_no_reference() -> None:
    zone, berlin = ZoneInfo("Europe/Berlin"), "Europe/Berlin"
    cells = cells_at(datetime(2026, 4, 5, 2, tzinfo=zone), 12)
    days = [day_of(date(2026, 3, 29), berlin, 9), day_of(date(2026, 3, 22), berlin, 50)]
    shape = shape_by_days(cells, days, zone=zone, origin=cells[0][0], length=QUARTER)
    assert shape is not None
    assert list(shape.used) == ["2026-03-22"]


def test_no_more_than_the_four_nearest_days_are_averaged() -> None:
    cells = cells_at(datetime(2026, 3, 14, 12, tzinfo=UTC), 12)
    days = [day_of(date(2026, 3, 14) - timedelta(days=back), "UTC", back) for back in range(1, 7)]
    shape = shape_by_days(cells, days, zone=ZoneInfo("UTC"), origin=cells[0][0], length=QUARTER)
    assert shape is not None
    assert list(shape.watt_hours) == [Fraction(10, 4)] * 12


def test_a_part_of_an_interval_takes_its_part_of_the_energy() -> None:
    start = int(datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp())
    cells = cells_of(start + 600, start + 2 * QUARTER, origin=start, length=QUARTER)
    days = [day_of(date(2026, 3, 13), "UTC", 90)]
    shape = shape_by_days(cells, days, zone=ZoneInfo("UTC"), origin=start, length=QUARTER)
    assert shape is not None
    assert list(shape.watt_hours) == [30, 90]


def test_what_is_left_goes_to_the_largest_remainders_the_earlier_first() -> None:
    assert apportion([Fraction(1), Fraction(1), Fraction(1)], 5) == [2, 2, 1]
    assert apportion([Fraction(3), Fraction(1)], 3) == [2, 1]
    assert apportion([Fraction(0), Fraction(0)], 3) == [2, 1]


def test_halves_are_rounded_up() -> None:
    assert [rounded(Fraction(number, 2)) for number in range(5)] == [0, 1, 1, 2, 2]


def test_a_gap_of_which_nothing_is_known_has_no_plan() -> None:
    assert plan([Gap([(0, QUARTER)])], [], step=1) == [None]


def test_a_gap_that_nothing_bounds_has_the_energy_of_its_shape() -> None:
    cells = cells_of(QUARTER, 3 * QUARTER, origin=0, length=QUARTER)
    shape = shape_by_line(cells, Slot(0, QUARTER, 1), Slot(3 * QUARTER, 4 * QUARTER, 3))
    (made,) = plan([Gap(cells, shape=shape)], [], step=1)
    assert made is not None
    assert (made.method, sum(made.watt_hours), made.bounds) == (Method.INTERPOLATION, 4, [])


@pytest.mark.parametrize(
    ("on", "holidays", "kind"),
    [
        (date(2026, 3, 13), [], DayType.WEEKDAY),
        (date(2026, 3, 14), [], DayType.SATURDAY),
        (date(2026, 3, 15), [], DayType.SUNDAY),
        (date(2026, 3, 13), [date(2026, 3, 13)], DayType.SUNDAY),
        (date(2026, 3, 14), [date(2026, 3, 14)], DayType.SUNDAY),
    ],
)
def test_days_are_of_three_types(on: date, holidays: list[date], kind: DayType) -> None:
    assert LocalDate(on, "UTC").kind(frozenset(holidays)) is kind


@pytest.mark.parametrize(
    ("first", "last", "zone"),
    [
        (date(2026, 3, 14), date(2026, 3, 13), "UTC"),
        (date(2026, 1, 1), date(2027, 12, 31), "UTC"),
        (date(1, 1, 1), date(1, 1, 1), "UTC"),
        (date(9999, 12, 31), date(9999, 12, 31), "UTC"),
        (date(2026, 3, 14), date(2026, 3, 14), "Mars/Base"),
    ],
)
def test_days_that_nobody_can_mean_are_refused(first: date, last: date, zone: str) -> None:
    with pytest.raises(LocalDayInvalid):
        dates_between(first, last, zone)


def test_a_day_that_a_zone_skipped_is_refused() -> None:
    with pytest.raises(LocalDayInvalid, match="there was no 2011-12-30"):
        _ = LocalDate(date(2011, 12, 30), "Pacific/Apia").period
