"""Rules on time, on both sides of each threshold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final

import pytest

from metering.doubt import Reason
from metering.quality import DERIVED, ESTIMATED_BY_REFERENCE_DAY
from metering.vee.days import LocalDate
from metering.vee.evidence import Arrival, DeviceClock, Evidence, SetAside, Slot
from metering.vee.finding import Flaw
from metering.vee.rules.registry import RULES

QUARTER: Final = 900
START: Final = 1_773_446_400  # 2026-03-14T00:00Z
END: Final = START + 86_400


def day(**changes: object) -> Evidence:
    slots = [Slot(at, at + QUARTER, 250) for at in range(START, END, QUARTER)]
    return replace(
        Evidence(start=START, end=END, now=END, interval_seconds=QUARTER, slots=slots),
        **changes,  # type: ignore[arg-type]
    )


def without(evidence: Evidence, first: int, last: int) -> Evidence:
    slots = [slot for number, slot in enumerate(evidence.slots) if not first <= number < last]
    return replace(evidence, slots=slots)


def found(code: str, evidence: Evidence, **settings: int) -> list[Flaw]:
    rule = RULES[code]
    return list(rule.check(evidence, {**rule.settings, **settings}))


def periods(flaws: list[Flaw]) -> list[tuple[int, int]]:
    return [((flaw.start - START) // QUARTER, (flaw.end - START) // QUARTER) for flaw in flaws]


def test_a_whole_day_breaks_no_rule_at_all() -> None:
    assert {code: found(code, day()) for code in RULES} == {code: [] for code in RULES}


def test_every_rule_says_what_it_means_and_where_it_comes_from() -> None:
    assert [code for code, rule in RULES.items() if not (rule.meaning and rule.source)] == []


def test_a_missing_stretch_is_one_gap_with_its_count() -> None:
    flaws = found("GAP", without(day(), 10, 13))
    assert periods(flaws) == [(10, 13)]
    assert flaws[0].sentence == "3 interval(s) missing"


def test_gaps_at_both_ends_of_the_day_are_found() -> None:
    assert periods(found("GAP", without(without(day(), 95, 96), 0, 1))) == [(0, 1), (95, 96)]


def test_a_gap_tells_what_was_set_aside_in_it() -> None:
    at = START + 10 * QUARTER
    aside = SetAside(at, at + QUARTER, Reason.NEGATIVE, "the value -1 is negative")
    assert found("GAP", without(day(set_aside=[aside]), 10, 11))[0].sentence == (
        "1 interval(s) missing; readings were set aside: NEGATIVE"
    )


def test_a_gap_as_long_as_is_tolerated_is_let_pass() -> None:
    assert found("GAP", without(day(), 10, 12), tolerated_seconds=2 * QUARTER) == []
    assert found("GAP", without(day(), 10, 12), tolerated_seconds=2 * QUARTER - 1) != []


@pytest.mark.parametrize(("now", "missing"), [(QUARTER * 41, 1), (QUARTER * 41 - 1, 0)])
def test_what_is_not_over_yet_is_not_missing(now: int, missing: int) -> None:
    assert len(found("GAP", without(day(now=START + now), 40, 96))) == missing


@pytest.mark.parametrize(
    ("on", "zone", "quarters"),
    [
        (date(2026, 3, 29), "Europe/Berlin", 92),
        (date(2026, 10, 25), "Europe/Berlin", 100),
        (date(2026, 3, 29), "Europe/London", 92),
        (date(2026, 10, 25), "Europe/London", 100),
        (date(2026, 3, 8), "America/New_York", 92),
        (date(2026, 11, 1), "America/New_York", 100),
        (date(2026, 3, 29), "Asia/Kolkata", 96),
    ],
)
def test_a_day_of_the_clock_change_has_no_false_gap(on: date, zone: str, quarters: int) -> None:
    period = LocalDate(on, zone).period
    start, end = int(period.start.timestamp()), int(period.end.timestamp())
    slots = [Slot(at, at + QUARTER, 250) for at in range(start, end, QUARTER)]
    whole = day(start=start, end=end, now=end, slots=slots)
    assert len(slots) == quarters
    assert [*found("GAP", whole), *found("ALIGNMENT", whole), *found("INTERVAL_SIZE", whole)] == []
    assert len(found("GAP", replace(whole, slots=slots[:-1]))) == 1


def test_hourly_intervals_of_a_zone_half_an_hour_off_are_on_the_grid() -> None:
    period = LocalDate(date(2026, 3, 14), "Asia/Kolkata").period
    start, end = int(period.start.timestamp()), int(period.end.timestamp())
    slots = [Slot(at, at + 3600, 250) for at in range(start, end, 3600)]
    hourly = day(start=start, end=end, now=end, slots=slots, interval_seconds=3600)
    assert found("ALIGNMENT", hourly) == []


def test_intervals_of_another_length_are_one_finding_for_each_run() -> None:
    evidence = day(interval_seconds=1800)
    assert periods(found("INTERVAL_SIZE", evidence)) == [(0, 96)]
    assert periods(found("INTERVAL_SIZE", without(evidence, 10, 12))) == [(0, 10), (12, 96)]


def test_a_part_of_an_interval_that_straddles_midnight_has_no_wrong_length() -> None:
    part = Slot(START, START + 300, 80, DERIVED)
    later = [Slot(at, at + QUARTER, 250) for at in range(START + 300, END, QUARTER)]
    assert periods(found("INTERVAL_SIZE", day(slots=[part]))) == []
    assert found("ALIGNMENT", day(slots=[part, *later]))[0].sentence == (
        "96 intervals start 300 s after the grid of 900 s"
    )


def test_a_meter_of_no_known_length_has_no_wrong_one() -> None:
    assert found("INTERVAL_SIZE", day(interval_seconds=None)) == []
    assert found("ALIGNMENT", day(interval_seconds=None)) == []


def test_an_interval_of_no_length_that_was_set_aside_is_told_until_a_good_one_comes() -> None:
    at = START + 10 * QUARTER
    aside = SetAside(at, at, Reason.EMPTY_PERIOD, "interval energy with a duration of 0 flowed at no time")
    assert len(found("INTERVAL_SIZE", without(day(set_aside=[aside]), 10, 11))) == 1
    good = Arrival(at, at + QUARTER, 250, None, END)
    assert found("INTERVAL_SIZE", day(set_aside=[aside], arrivals=[good])) == []


@pytest.mark.parametrize(("ahead", "flaws"), [(120, 0), (121, 1)])
def test_a_reading_may_be_so_far_ahead_of_our_clock_and_no_more(ahead: int, flaws: int) -> None:
    assert len(found("FUTURE", day(now=END - ahead))) == flaws


def test_a_reading_of_the_future_that_was_set_aside_is_told() -> None:
    aside = SetAside(END - QUARTER, END, Reason.FUTURE, "it ends 500 s further in the future")
    assert len(found("FUTURE", without(day(set_aside=[aside]), 95, 96))) == 1


@pytest.mark.parametrize(("late", "flaws"), [(365 * 86_400, 0), (365 * 86_400 + 1, 1)])
def test_a_reading_may_come_so_late_and_no_later(late: int, flaws: int) -> None:
    arrival = Arrival(START, START + QUARTER, 250, None, START + QUARTER + late)
    assert len(found("TOO_OLD", day(arrivals=[arrival]))) == flaws


def test_a_correction_is_told_with_both_values() -> None:
    arrivals = [
        Arrival(START, START + QUARTER, 250, None, END),
        Arrival(START + QUARTER, START + 2 * QUARTER, 260, 250, END),
        Arrival(START + 2 * QUARTER, START + 3 * QUARTER, 250, 250, END),
    ]
    flaws = found("DUPLICATE", day(arrivals=arrivals))
    assert [flaw.sentence for flaw in flaws] == ["corrected from 250 to 260 Wh"]
    assert found("DUPLICATE", day(arrivals=arrivals), tolerated_watt_hours=10) == []
    assert len(found("DUPLICATE", day(arrivals=arrivals), tolerated_watt_hours=9)) == 1


def test_two_values_for_one_time_are_told_though_one_of_them_counts() -> None:
    aside = SetAside(START, START + QUARTER, Reason.CONTRADICTION, "the document gives two values")
    assert periods(found("DUPLICATE", day(set_aside=[aside]))) == [(0, 1)]


@pytest.mark.parametrize(
    ("offset", "quality", "flaws"),
    [(120, 6, 0), (-120, 3, 0), (121, 3, 1), (-121, 3, 1), (0, 7, 1), (121, 7, 2)],
)
def test_a_meters_clock_is_near_ours_and_coordinated(offset: int, quality: int, flaws: int) -> None:
    assert len(found("TIME_CHECK", day(clock=DeviceClock(offset, quality)))) == flaws


def estimated(first: int, last: int) -> list[Slot]:
    return [
        Slot(at, at + QUARTER, 250, ESTIMATED_BY_REFERENCE_DAY)
        for at in range(START + first * QUARTER, START + last * QUARTER, QUARTER)
    ]


@pytest.mark.parametrize(("count", "flaws"), [(4, 0), (5, 1)])
def test_estimates_in_a_row_are_counted_across_midnight(count: int, flaws: int) -> None:
    measured = [Slot(at, at + QUARTER, 250) for at in range(START + 2 * QUARTER, END, QUARTER)]
    evidence = day(slots=[*estimated(0, 2), *measured], slots_before=estimated(2 - count, 0))
    said = found("PROLONGED_ESTIMATION", evidence, longest_seconds=4 * QUARTER)
    assert periods(said) == [(0, 2)] * flaws


def test_a_measurement_or_a_gap_ends_a_row_of_estimates() -> None:
    measured = Slot(START + 3 * QUARTER, START + 4 * QUARTER, 250)
    apart = [*estimated(0, 3), measured, *estimated(4, 7), *estimated(8, 11)]
    assert found("PROLONGED_ESTIMATION", day(slots=apart), longest_seconds=3 * QUARTER) == []
    assert len(found("PROLONGED_ESTIMATION", day(slots=apart), longest_seconds=2 * QUARTER)) == 3


def test_estimates_that_ended_before_the_day_are_the_day_befores() -> None:
    evidence = day(slots_before=estimated(-8, 0))
    assert found("PROLONGED_ESTIMATION", evidence, longest_seconds=QUARTER) == []
