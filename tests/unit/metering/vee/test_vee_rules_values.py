"""Rules on shape, size, registers and comparisons, on both sides of each threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest

from metering.doubt import Reason
from metering.vee.evidence import Arrival, Evidence, RegisterSum, Rescaling, SetAside, Slot, Stand
from metering.vee.finding import Flaw
from metering.vee.rules.registry import RULES

QUARTER: Final = 900
START: Final = 1_773_446_400  # 2026-03-14T00:00Z
END: Final = START + 86_400


def quarters(*values: int) -> list[Slot]:
    return [Slot(START + at * QUARTER, START + (at + 1) * QUARTER, value) for at, value in enumerate(values)]


def day(*values: int, **more: Any) -> Evidence:
    return Evidence(start=START, end=END, now=END, interval_seconds=QUARTER, slots=quarters(*values), **more)


def whole_day(total: int, **more: Any) -> Evidence:
    each, left = divmod(total, 96)
    return day(*[each + left] + [each] * 95, **more)


def found(code: str, evidence: Evidence, **settings: int) -> list[Flaw]:
    rule = RULES[code]
    return list(rule.check(evidence, {**rule.settings, **settings}))


def register(*stands: int, step: int = QUARTER) -> dict[str, Sequence[Stand]]:
    return {"R": [Stand(START + at * step, value) for at, value in enumerate(stands)]}


@pytest.mark.parametrize(("greatest", "flaws"), [(2800, 0), (2801, 1)])
def test_a_spike_is_more_than_180_percent_above_the_third_greatest(greatest: int, flaws: int) -> None:
    assert len(found("SPIKE", day(900, 1000, 1500, greatest))) == flaws


def test_a_spike_is_judged_against_the_third_and_not_the_second_greatest() -> None:
    assert found("SPIKE", day(5000, 5000, 100))[0].sentence == (
        "5000 Wh is 4900 % above the day's third greatest, 100 Wh; 180 % are allowed"
    )


@pytest.mark.parametrize("values", [(0, 5000, 100), (5000, 100), (0, 0, 0)])
def test_fewer_than_three_intervals_above_nought_have_no_shape(values: tuple[int, ...]) -> None:
    assert found("SPIKE", day(*values)) == []


@pytest.mark.parametrize(("greatest", "flaws"), [(999, 0), (1000, 1)])
def test_what_is_small_is_no_spike(greatest: int, flaws: int) -> None:
    assert len(found("SPIKE", day(1, 1, greatest))) == flaws


def test_an_interval_of_another_length_takes_no_part_in_the_shape() -> None:
    hour = Slot(START + 10 * QUARTER, START + 14 * QUARTER, 4000)
    evidence = Evidence(
        start=START, end=END, now=END, interval_seconds=QUARTER, slots=[*quarters(900, 900, 1000), hour]
    )
    assert found("SPIKE", evidence) == []


@pytest.mark.parametrize(("after", "flaws"), [(1899, 0), (1900, 1)])
def test_nought_and_then_about_double_may_be_one_value_for_two(after: int, flaws: int) -> None:
    assert len(found("HELD_BACK", day(1000, 0, after, 1000))) == flaws


def test_the_hour_that_amsreader_repeated_is_seen() -> None:
    assert found("HELD_BACK", day(4030, 0, 8056))[0].start == START + QUARTER


@pytest.mark.parametrize("values", [(1000, 1, 2000), (0, 0, 2000), (200, 0, 499)])
def test_what_is_no_nought_or_little_is_not_held_back(values: tuple[int, ...]) -> None:
    assert found("HELD_BACK", day(*values)) == []


@pytest.mark.parametrize(("usual", "flaws"), [(999, 0), (1000, 1)])
def test_a_whole_day_of_nought_is_told_where_something_is_usual(usual: int, flaws: int) -> None:
    assert len(found("SILENT", whole_day(0, same_days=[usual, usual]))) == flaws


def test_a_day_with_a_gap_or_without_its_like_is_not_silent() -> None:
    assert found("SILENT", day(0, 0, 0, same_days=[9000, 9000])) == []
    assert found("SILENT", whole_day(0, same_days=[9000])) == []


@pytest.mark.parametrize(("watt_hours", "flaws"), [(1499, 0), (1500, 1)])
def test_less_than_120_percent_of_the_connection_can_flow(watt_hours: int, flaws: int) -> None:
    assert len(found("PHYSICAL_MAXIMUM", day(watt_hours, sanctioned_watts=5000))) == flaws


def test_what_nobody_sanctioned_has_no_maximum() -> None:
    assert found("PHYSICAL_MAXIMUM", day(10**9)) == []


@pytest.mark.parametrize(("watt_hours", "flaws"), [(0, 0), (-1, 1)])
def test_energy_is_not_negative(watt_hours: int, flaws: int) -> None:
    assert len(found("NEGATIVE", day(watt_hours))) == flaws


def test_a_negative_reading_that_was_set_aside_is_told_until_it_is_replaced() -> None:
    aside = SetAside(START, START + QUARTER, Reason.NEGATIVE, "the value -5 is negative", received_at=END)
    before, since = (Arrival(START, START + QUARTER, 250, None, at) for at in (END - 1, END))
    assert len(found("NEGATIVE", day(set_aside=[aside]))) == 1
    assert len(found("NEGATIVE", day(250, set_aside=[aside], arrivals=[before]))) == 1
    assert found("NEGATIVE", day(250, set_aside=[aside], arrivals=[before, since])) == []


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        (Reason.REGISTER_FELL, "REGISTER_RESET"),
        (Reason.BEYOND_MODULUS, "REGISTER_RESET"),
        (Reason.REGISTER_LEAPT, "PHYSICAL_MAXIMUM"),
    ],
)
def test_a_stand_that_was_set_aside_is_told_until_its_own_register_is_read(reason: Reason, rule: str) -> None:
    aside = SetAside(START + QUARTER, START + QUARTER, reason, "it cannot be", register="R")
    interval = Arrival(START, START + 2 * QUARTER, 250, None, END, "I")
    other = Arrival(START + QUARTER, START + QUARTER, 900, None, END, "S")
    own = Arrival(START + QUARTER, START + QUARTER, 900, None, END, "R")
    assert len(found(rule, day(250, 250, set_aside=[aside], arrivals=[interval, other]))) == 1
    assert found(rule, day(250, 250, set_aside=[aside], arrivals=[interval, other, own])) == []


def test_a_register_that_rolls_over_is_told_and_is_no_reset() -> None:
    evidence = day(stands=register(99_990, 40), modulus=100_000, sanctioned_watts=5000)
    assert found("ROLLOVER", evidence)[0].sentence == (
        "the register went from 99990 over 100000 to 40 Wh: 50 Wh"
    )
    assert found("REGISTER_RESET", evidence) == []


@pytest.mark.parametrize(("stand", "is_reset"), [(2490, False), (2491, True)])
def test_a_rollover_brings_less_than_the_connection_can_carry(stand: int, is_reset: bool) -> None:
    evidence = day(stands=register(99_990, stand), modulus=100_000, sanctioned_watts=5000)
    assert bool(found("REGISTER_RESET", evidence)) is is_reset
    assert bool(found("ROLLOVER", evidence)) is not is_reset


@pytest.mark.parametrize("known", [{}, {"modulus": 100_000}, {"modulus": 90_000, "sanctioned_watts": 5000}])
def test_a_fall_that_nothing_explains_is_a_reset(known: dict[str, int]) -> None:
    assert len(found("REGISTER_RESET", day(stands=register(99_990, 40), **known))) == 1


def test_a_stand_that_fell_and_was_set_aside_is_told() -> None:
    aside = SetAside(START, START, Reason.REGISTER_FELL, "the register fell from 5000 to 0 Wh")
    evidence = Evidence(start=START, end=END, now=END, set_aside=[aside])
    assert len(found("REGISTER_RESET", evidence)) == 1


@pytest.mark.parametrize(("last", "flaws"), [(2899, 0), (2900, 1)])
def test_the_same_stand_twice_and_then_double_is_stale(last: int, flaws: int) -> None:
    assert len(found("STALE_REGISTER", day(stands=register(0, 1000, 1000, last)))) == flaws


def test_a_value_is_held_back_over_midnight() -> None:
    before = [
        Slot(START + at * QUARTER, START + (at + 1) * QUARTER, value) for at, value in ((-2, 1000), (-1, 0))
    ]
    assert len(found("HELD_BACK", day(2000, 1000, slots_before=before))) == 1
    assert found("HELD_BACK", day(1000, 1000, slots_before=[Slot(START - 3600, START, 4000), *before])) == []


def test_a_register_that_is_read_once_a_day_can_be_stale() -> None:
    days = {
        "R": [
            Stand(START + at * 86_400, value) for at, value in ((-2, 0), (-1, 9000), (0, 9000), (1, 27_000))
        ]
    }
    assert len(found("STALE_REGISTER", day(stands=days))) == 1


def test_what_a_register_did_before_the_day_is_the_day_befores() -> None:
    stale = {
        "R": [Stand(START + at * QUARTER, value) for at, value in ((-3, 0), (-2, 900), (-1, 900), (0, 2700))]
    }
    fell = {"R": [Stand(START - 2, 900), Stand(START - 1, 100), Stand(END, 1000)]}
    assert found("STALE_REGISTER", day(stands=stale)) == []
    assert found("REGISTER_RESET", day(stands=fell)) == []


def test_a_register_that_rests_or_is_read_unevenly_is_not_stale() -> None:
    assert found("STALE_REGISTER", day(stands=register(1000, 1000, 1000, 3000))) == []
    uneven = {
        "R": [Stand(START + at, value) for at, value in ((0, 0), (900, 1000), (1800, 1000), (9000, 3000))]
    }
    assert found("STALE_REGISTER", day(stands=uneven)) == []


def test_another_power_of_ten_is_told_from_when_it_counts() -> None:
    flaws = found("MULTIPLIER_CHANGE", day(rescalings=[Rescaling(START + QUARTER, 0, 3)]))
    assert [(flaw.start, flaw.end) for flaw in flaws] == [(START + QUARTER, END)]


def test_a_register_of_energy_that_counts_something_else_is_told() -> None:
    def aside(*, counts: bool) -> SetAside:
        return SetAside(START, START + QUARTER, Reason.NOT_WATT_HOURS, "unit of measure 38 is not Wh", counts)

    def seen(*, counts: bool) -> list[Flaw]:
        return found("UNIT_CHANGE", Evidence(start=START, end=END, now=END, set_aside=[aside(counts=counts)]))

    assert len(seen(counts=True)) == 1
    assert seen(counts=False) == []


@pytest.mark.parametrize(
    ("by_intervals", "unit", "flaws"),
    [
        (100_100, 1, 0),
        (100_101, 1, 1),
        (99_900, 1, 0),
        (99_899, 1, 1),
        (101_000, 1000, 0),
        (101_001, 1000, 1),
    ],
)
def test_intervals_add_up_to_the_register_within_a_unit_or_a_thousandth(
    by_intervals: int, unit: int, flaws: int
) -> None:
    pair = RegisterSum(START, END, 100_000, by_intervals, unit)
    assert len(found("SUM_CHECK", day(sums=[pair]))) == flaws


def test_one_watt_hour_is_let_pass_where_a_thousandth_is_less() -> None:
    assert found("SUM_CHECK", day(sums=[RegisterSum(START, END, 10, 11, 1)])) == []
    assert len(found("SUM_CHECK", day(sums=[RegisterSum(START, END, 10, 12, 1)]))) == 1


@pytest.mark.parametrize(("total", "flaws"), [(30_000, 0), (30_001, 1)])
def test_a_day_is_high_above_three_times_the_same_weekdays(total: int, flaws: int) -> None:
    assert len(found("HIGH_USAGE", whole_day(total, same_days=[8_000, 12_000]))) == flaws


@pytest.mark.parametrize(("total", "flaws"), [(2_000, 0), (1_999, 1)])
def test_a_day_is_low_below_a_fifth_of_the_same_weekdays(total: int, flaws: int) -> None:
    assert len(found("LOW_USAGE", whole_day(total, same_days=[8_000, 12_000]))) == flaws


def test_too_few_days_say_nothing() -> None:
    assert found("HIGH_USAGE", whole_day(90_000, same_days=[10_000])) == []
    assert found("LOW_USAGE", whole_day(0, same_days=[10_000])) == []


def test_little_energy_is_neither_high_nor_low() -> None:
    assert found("HIGH_USAGE", whole_day(1_999, same_days=[100, 100])) == []
    assert found("LOW_USAGE", whole_day(0, same_days=[1_999, 1_999])) == []


def test_a_day_with_a_gap_is_not_low() -> None:
    assert found("LOW_USAGE", day(1, 1, same_days=[10_000, 10_000])) == []


@pytest.mark.parametrize(("other", "flaws"), [(9_801, 0), (9_800, 1), (10_199, 0), (10_200, 1)])
def test_a_check_meter_differs_by_less_than_twice_its_class(other: int, flaws: int) -> None:
    assert len(found("CHECK_METER", whole_day(10_000, check_watt_hours=other))) == flaws


def test_two_meters_that_counted_nothing_agree() -> None:
    assert found("CHECK_METER", whole_day(0, check_watt_hours=0)) == []
