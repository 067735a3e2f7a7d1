"""From codes and multipliers to exact watt-hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from metering import quality
from metering.documents import Reading, ReadingType
from metering.doubt import Doubt, Reason
from metering.energy import Direction, Measurement, Scale, measure, scale_of
from metering.timeliness import DEFAULT_TIME_LIMITS, LONGEST_INTERVAL_SECONDS, TimeGate
from tests.support.metering_documents import DELTA, DELTA_EXPORT, NOW, START, SUMMATION, reading, stand


def _measure(taken: Reading, kind: ReadingType = DELTA) -> Measurement | Doubt:
    scale = scale_of(kind)
    assert isinstance(scale, Scale)
    return measure(taken, scale)


def _watt_hours(taken: Reading, **changes: Any) -> int:
    measurement = _measure(taken, replace(DELTA, **changes))
    assert isinstance(measurement, Measurement)
    return measurement.watt_hours


def _reason(outcome: Measurement | Scale | Doubt | None) -> Reason:
    assert isinstance(outcome, Doubt)
    return outcome.reason


@pytest.mark.parametrize(
    ("value", "power", "watt_hours"),
    [(7, 0, 7), (7, 3, 7000), (800_000, -3, 800), (0, -9, 0), (10**9, -9, 1), (1, 9, 10**9), (12, -0, 12)],
)
def test_the_multiplier_is_applied_exactly(value: int, power: int, watt_hours: int) -> None:
    assert _watt_hours(reading(value), power_of_ten_multiplier=power) == watt_hours


def test_interval_energy_lies_in_its_period_and_keeps_its_flags() -> None:
    taken = reading(5, quarter=2, quality=quality.VALID, tou_tier=1, consumption_block=2)
    assert _measure(taken, DELTA_EXPORT) == Measurement(
        Direction.EXPORT, 1, 2, START + 1800, START + 2700, 5, quality.VALID
    )


def test_interval_energy_finer_than_a_watt_hour_is_not_rounded() -> None:
    assert _reason(_measure(reading(1500), replace(DELTA, power_of_ten_multiplier=-3))) is (
        Reason.FINER_THAN_WATT_HOUR
    )


def test_a_stand_is_rounded_down_and_belongs_to_the_end_of_its_period() -> None:
    fine = replace(SUMMATION, power_of_ten_multiplier=-3)
    measurement = _measure(reading(1999, quarter=0), fine)
    assert isinstance(measurement, Measurement)
    assert (measurement.start, measurement.end, measurement.watt_hours) == (START + 900, START + 900, 1)
    assert measurement.is_snapshot
    snapshot = _measure(stand(1999, quarter=1), fine)
    assert snapshot == measurement


def test_a_register_that_says_cumulative_is_a_register() -> None:
    scale = scale_of(replace(SUMMATION, accumulation_behaviour=3))
    assert isinstance(scale, Scale)
    assert scale.is_register


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"uom": 38}, Reason.NOT_WATT_HOURS),
        ({"uom": 0}, Reason.NOT_WATT_HOURS),
        ({"uom": 71}, Reason.NOT_WATT_HOURS),
        ({"commodity": 2}, Reason.NOT_ELECTRICITY),
        ({"commodity": 7}, Reason.NOT_ELECTRICITY),
        ({"accumulation_behaviour": 0}, Reason.NOT_ENERGY),
        ({"accumulation_behaviour": 12}, Reason.NOT_ENERGY),
        ({"kind": 37}, Reason.NOT_ENERGY),
        ({"data_qualifier": 8}, Reason.NOT_ENERGY),
        ({"phase": 128}, Reason.ONE_PHASE),
        ({"flow_direction": 0}, Reason.NO_DIRECTION),
    ],
)
def test_a_reading_type_that_is_not_energy_says_why(changes: dict[str, int], reason: Reason) -> None:
    doubt = scale_of(replace(DELTA, **changes))
    assert _reason(doubt) is reason
    assert isinstance(doubt, Doubt)
    assert str(next(iter(changes.values()))) in doubt.sentence


@pytest.mark.parametrize(
    ("taken", "reason"),
    [
        (reading(None), Reason.NO_VALUE),
        (Reading(value=1, time_period=None), Reason.NO_PERIOD),
        (reading(1, duration=0), Reason.EMPTY_PERIOD),
        (reading(-1), Reason.NEGATIVE),
    ],
)
def test_a_reading_that_cannot_be_settled_says_why(taken: Reading, reason: Reason) -> None:
    assert _reason(_measure(taken)) is reason


def test_more_energy_than_any_meter_counts_is_set_aside() -> None:
    outcome = _measure(reading(2**47), replace(DELTA, power_of_ten_multiplier=9))
    assert _reason(outcome) is Reason.TOO_LARGE


def test_a_stand_below_nought_is_set_aside() -> None:
    assert _reason(_measure(stand(-1, quarter=0), SUMMATION)) is Reason.NEGATIVE


def _at(start: int, end: int) -> Doubt | None:
    gate = TimeGate.at(NOW, DEFAULT_TIME_LIMITS)
    return gate.doubt(Measurement(Direction.IMPORT, 0, 0, start, end, 1, 0))


def test_a_meters_clock_may_be_two_minutes_ahead_and_no_more() -> None:
    now = int(NOW.timestamp())
    assert _at(now - 900, now + 120) is None
    assert _reason(_at(now - 900, now + 121)) is Reason.FUTURE
    assert _reason(_at(2**62, 2**62 + 900)) is Reason.FUTURE


def test_readings_are_welcome_up_to_the_horizon() -> None:
    earliest = int((NOW - timedelta(days=427)).timestamp())
    assert _at(earliest, earliest + 900) is None
    assert _reason(_at(earliest - 1, earliest + 900)) is Reason.TOO_OLD
    assert _reason(_at(-(2**62), -(2**62) + 900)) is Reason.TOO_OLD


def test_an_interval_has_a_greatest_length() -> None:
    start = START - LONGEST_INTERVAL_SECONDS
    assert _at(start, START) is None
    assert _reason(_at(start - 1, START)) is Reason.TOO_LONG


def test_two_qualities_are_valid_only_together_and_doubted_alone() -> None:
    valid, questionable = quality.VALID, quality.QUESTIONABLE
    assert quality.combined(valid, valid) == valid
    assert quality.combined(valid, 0) == 0
    assert quality.combined(valid, valid | questionable) == valid | questionable
