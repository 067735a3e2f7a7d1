"""Which power is told of a delivery, and as what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bpp.accounts.telemetry import MOST_EVENTS, telemetry_of
from metering.energy import Direction
from metering.power_store import PowerReading
from metering.quality import ESTIMATED_BY_INTERPOLATION, FORECAST, QUESTIONABLE, VALID
from trading.delivery import MetricName

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NET, FED_IN = 1, 19  # flow directions of 2030.5
READING = PowerReading(
    register="A1",
    start=NOON,
    end=NOON + MINUTE,
    watts=Decimal(1500),
    direction=FED_IN,
    phase=0,
    qualifier=2,
    quality=VALID,
    revision=0,
    received_at=NOON,
)


def told(*readings: PowerReading) -> list[tuple[datetime, Decimal]]:
    return [(event.at, event.metrics[0].value) for event in telemetry_of(readings)]


def test_power_is_told_in_kilowatts_at_the_end_of_its_period() -> None:
    [event] = telemetry_of([READING])
    [metric] = event.metrics
    assert (event.at, metric.name, metric.unit_code) == (NOON + MINUTE, MetricName.POWER, "KW")
    assert str(metric.value) == "1.5"


@pytest.mark.parametrize(
    ("watts", "direction", "kilowatts"),
    [
        ("-1500.5", NET, "1.5005"),
        ("300", NET, "-0.3"),
        ("0", NET, "0"),
        ("0.000", FED_IN, "0"),
        ("3000000.000", FED_IN, "3000"),
        ("-20", FED_IN, "-0.02"),
        ("140737488355327.000000001", FED_IN, "140737488355.327000000001"),
    ],
)
def test_what_the_source_feeds_in_is_positive_and_exact(watts: str, direction: int, kilowatts: str) -> None:
    [(_, value)] = told(replace(READING, watts=Decimal(watts), direction=direction))
    assert f"{value:f}" == kilowatts == str(value)


@pytest.mark.parametrize(
    "change",
    [
        {"quality": ESTIMATED_BY_INTERPOLATION},
        {"quality": FORECAST | VALID},
        {"quality": QUESTIONABLE},
        {"phase": 128},
        {"qualifier": 8},
        {"direction": 0},
    ],
)
def test_what_was_not_measured_so_is_not_told(change: dict[str, int]) -> None:
    assert told(replace(READING, **change)) == []  # type: ignore[arg-type]


def test_a_register_of_what_is_fed_in_goes_before_one_of_net_power() -> None:
    net = replace(READING, direction=NET, watts=Decimal(-1400))
    assert told(net, READING) == told(READING)


def test_of_a_time_that_two_registers_speak_of_nothing_is_told() -> None:
    other = replace(READING, register="A2", watts=Decimal(900))
    later = replace(READING, start=NOON + MINUTE, end=NOON + 2 * MINUTE)
    assert told(READING, other, later) == told(later)


def test_only_the_newest_are_told_in_order() -> None:
    readings = [
        replace(READING, start=NOON + number * MINUTE, end=NOON + (number + 1) * MINUTE)
        for number in range(30)
    ]
    assert told(*readings) == told(*readings[-MOST_EVENTS:])
    assert len(told(*readings)) == MOST_EVENTS


def test_a_meter_that_counts_for_both_sides_tells_what_it_hands_over_as_positive() -> None:
    [event] = telemetry_of([replace(READING, direction=NET)], given=Direction.IMPORT)
    assert event.metrics[0].value == Decimal("1.5")
