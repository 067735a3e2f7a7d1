"""How much each cycle of a window brought."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.quantities import CycleQuantities, delivered_by, quantities_by_cycle
from settlement.side import MeteredInterval, ReadingsInvalid
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, between, readings

THREE_DAYS = between("2024-10-03T18:30:00Z", "2024-10-06T18:30:00Z")  # local midnights of Kolkata


def by_day(
    exported: list[MeteredInterval],
    imported: list[MeteredInterval],
    *,
    kwh: str = "10",
    window: Interval = WINDOW,
    zone: str = "UTC",
) -> list[CycleQuantities]:
    agreement = agree(window=window, zone=zone, kwh=kwh)
    return quantities_by_cycle(agreement, exported=exported, imported=imported)


def daily(*energies: str) -> list[MeteredInterval]:
    return readings(energies, start=THREE_DAYS.start, every=THREE_DAYS.duration / 3)


def test_the_window_is_matched_as_a_whole_and_not_interval_by_interval() -> None:
    each = zip(readings(SOURCE_KWH), readings(TARGET_KWH), strict=True)
    assert sum(min(out.watt_hours, into.watt_hours) for (_, out), (_, into) in each) == 9_500
    (day,) = by_day(readings(SOURCE_KWH), readings(TARGET_KWH))
    assert day.delivered == Energy(10_000)
    assert (day.exported.energy, day.imported.energy) == (Energy(10_000), Energy(10_000))
    assert day.is_complete
    assert day.cycle.metered == WINDOW
    assert day.cycle.period == between("2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z")


@pytest.mark.parametrize(
    ("exported", "imported", "kwh", "delivered"),
    [("12", "11", "10", "10"), ("9", "11", "10", "9"), ("12", "8", "10", "8"), ("12", "11", "0", "0")],
)
def test_delivered_is_the_least_of_export_import_and_contract(
    exported: str, imported: str, kwh: str, delivered: str
) -> None:
    whole = WINDOW.duration
    (day,) = by_day(readings([exported], every=whole), readings([imported], every=whole), kwh=kwh)
    assert day.delivered == Energy.from_kwh(delivered)


def test_a_day_delivers_what_it_adds_to_the_least_total() -> None:
    days = by_day(daily("5", "0", "9"), daily("2", "4", "9"), window=THREE_DAYS, zone="Asia/Kolkata")
    # To date: export 5, 5, 14; import 2, 6, 15; contract 10.
    assert [day.delivered.watt_hours for day in days] == [2_000, 3_000, 5_000]
    assert [day.before.total.watt_hours for day in days] == [0, 2_000, 5_000]
    assert [day.exported.energy.watt_hours for day in days] == [5_000, 0, 9_000]
    assert [day.imported.to_date.watt_hours for day in days] == [2_000, 6_000, 15_000]


def test_once_the_contract_is_filled_later_days_deliver_nothing() -> None:
    days = by_day(daily("8", "8", "8"), daily("8", "8", "8"), window=THREE_DAYS, zone="Asia/Kolkata")
    assert [day.delivered.watt_hours for day in days] == [8_000, 2_000, 0]


def test_an_interval_over_midnight_counts_whole_for_the_day_in_which_it_ends() -> None:
    over_midnight = [
        (between("2024-10-04T18:00:00Z", "2024-10-04T19:00:00Z"), Energy(3_000)),
        (between("2024-10-05T18:00:00Z", "2024-10-05T18:30:00Z"), Energy(1_000)),
    ]
    days = by_day(over_midnight, over_midnight, window=THREE_DAYS, zone="Asia/Kolkata")
    assert [day.exported.energy.watt_hours for day in days] == [0, 4_000, 0]


def test_an_interval_over_midnight_leaves_no_gap_in_either_day() -> None:
    whole = [(THREE_DAYS, Energy(9_000))]
    days = by_day(whole, whole, window=THREE_DAYS, zone="Asia/Kolkata")
    assert [day.is_complete for day in days] == [True, True, True]
    assert [day.delivered.watt_hours for day in days] == [0, 0, 9_000]


@pytest.mark.parametrize(
    "outside",
    [
        between("2024-10-04T09:00:00Z", "2024-10-04T10:00:00Z"),
        between("2024-10-04T18:00:00Z", "2024-10-04T19:00:00Z"),
        between("2024-10-04T09:30:00Z", "2024-10-04T10:30:00Z"),
        between("2024-10-04T17:30:00Z", "2024-10-04T18:30:00Z"),
        between("2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z"),
    ],
)
def test_an_interval_that_reaches_beyond_the_window_counts_for_nothing(outside: Interval) -> None:
    (day,) = by_day([(outside, Energy(5_000))], [(outside, Energy(5_000))])
    assert day.delivered == Energy(0)
    assert not day.is_complete


@pytest.mark.parametrize(
    ("exported", "imported", "complete"),
    [
        (SOURCE_KWH, TARGET_KWH, True),
        (SOURCE_KWH, TARGET_KWH[:3], False),
        (SOURCE_KWH[:3], TARGET_KWH, False),
        (SOURCE_KWH, (), False),
        ((), (), False),
    ],
)
def test_a_day_is_complete_when_neither_meter_leaves_a_gap(
    exported: tuple[str, ...], imported: tuple[str, ...], *, complete: bool
) -> None:
    (day,) = by_day(readings(exported), readings(imported))
    assert day.is_complete is complete


def test_energy_that_would_count_twice_is_refused() -> None:
    twice = [*readings(SOURCE_KWH), (WINDOW, Energy(10_000))]
    with pytest.raises(ReadingsInvalid, match="overlap"):
        by_day(twice, readings(TARGET_KWH))
    with pytest.raises(ReadingsInvalid, match="overlap"):
        by_day(readings(SOURCE_KWH), readings(TARGET_KWH) * 2)


def test_energy_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ReadingsInvalid, match="-1 Wh from 2024-10-04T10:00:00"):
        by_day(readings(["-0.001"]), [])


def test_what_was_delivered_by_an_instant_is_the_lesser_of_what_was_given_and_taken_until_then() -> None:
    instants = [WINDOW.start, WINDOW.start + timedelta(hours=6), WINDOW.end]
    given, taken = readings(SOURCE_KWH), readings(TARGET_KWH)
    found = delivered_by(agree(), exported=given, imported=taken, instants=instants)
    assert found == [Energy(0), Energy(1_500), Energy(10_000)]
