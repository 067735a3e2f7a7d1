"""The cycles that a contract settles and is billed in: clipped, and called the same for good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kernel.clock import parse_instant
from kernel.interval import Interval
from kernel.local_periods import Cadence
from settlement.periods import billing_periods, settlement_periods
from tests.support.agreements import WINDOW, agree, between
from trading.terms import SettlementType

YEAR = between("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z")


def cycle_ids(
    window: Interval, settles: SettlementType, *, zone: str = "UTC", anchor_day: int = 1
) -> list[str]:
    agreement = agree(window=window, settles=settles, zone=zone, anchor_day=anchor_day)
    return [cycle.id for cycle in settlement_periods(agreement)]


def bill_ids(window: Interval, billing: Cadence, *, zone: str = "UTC", anchor_day: int = 1) -> list[str]:
    agreement = agree(window=window, billing=billing, zone=zone, anchor_day=anchor_day)
    return [bill.id for bill in billing_periods(agreement)]


def test_a_cycle_names_its_whole_period_and_meters_its_part_of_the_window() -> None:
    (cycle,) = settlement_periods(agree())
    assert cycle.id == "settle-2024-10-04-001"
    assert cycle.period == between("2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z")
    assert cycle.metered == WINDOW
    (week,) = settlement_periods(agree(settles=SettlementType.WEEKLY))
    assert (week.id, week.metered) == ("settle-2024-09-30-001", WINDOW)
    assert week.period == between("2024-09-30T00:00:00Z", "2024-10-07T00:00:00Z")
    (month,) = settlement_periods(agree(settles=SettlementType.MONTHLY, anchor_day=5))
    assert (month.id, month.metered) == ("settle-2024-09-05-001", WINDOW)
    assert month.period == between("2024-09-05T00:00:00Z", "2024-10-05T00:00:00Z")


def test_first_and_last_are_clipped_and_not_stretched() -> None:
    window = between("2024-10-04T10:20:00Z", "2024-10-04T12:05:00Z")
    hours = settlement_periods(agree(window=window, settles=SettlementType.HOURLY))
    assert [hour.id for hour in hours] == [f"settle-2024-10-04-{number:03d}" for number in (11, 12, 13)]
    assert [hour.metered.duration for hour in hours] == [timedelta(minutes=n) for n in (40, 60, 5)]
    assert {hour.period.duration for hour in hours} == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("settles", "count"),
    [
        (SettlementType.REAL_TIME, 35_136),
        (SettlementType.HOURLY, 8_784),
        (SettlementType.DAILY, 366),
        (SettlementType.WEEKLY, 53),
        (SettlementType.MONTHLY, 12),
    ],
)
def test_a_leap_year_has_its_cycles_and_each_its_own_name(settles: SettlementType, count: int) -> None:
    ids = cycle_ids(YEAR, settles)
    assert len(ids) == len(set(ids)) == count


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia"])
@pytest.mark.parametrize("settles", SettlementType)
def test_a_name_does_not_depend_on_where_the_window_begins(zone: str, settles: SettlementType) -> None:
    whole = cycle_ids(between("2026-03-20T00:00:00Z", "2026-04-28T00:00:00Z"), settles, zone=zone)
    part = cycle_ids(between("2026-04-04T14:35:00Z", "2026-04-28T00:00:00Z"), settles, zone=zone)
    assert len(set(whole)) == len(whole)
    assert whole[-len(part) :] == part


def test_an_hour_that_comes_twice_is_two_cycles() -> None:
    ids = cycle_ids(
        between("2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"), SettlementType.HOURLY, zone="Europe/Berlin"
    )
    assert ids == ["settle-2026-10-25-003", "settle-2026-10-25-004"]


@pytest.mark.parametrize(
    ("billing", "first", "last", "count"),
    [
        (Cadence.MONTHLY, "bill-2024-01-001", "bill-2024-12-001", 12),
        (Cadence.WEEKLY, "bill-2024-01-001", "bill-2024-12-005", 53),
        (Cadence.DAILY, "bill-2024-01-001", "bill-2024-12-031", 366),
        (Cadence.HOURLY, "bill-2024-01-001", "bill-2024-12-744", 8_784),
    ],
)
def test_bills_are_named_after_their_month_and_numbered_within_it(
    billing: Cadence, first: str, last: str, count: int
) -> None:
    ids = bill_ids(YEAR, billing)
    assert (ids[0], ids[-1], len(set(ids))) == (first, last, count)


def test_a_bill_that_began_in_the_month_before_is_called_after_that() -> None:
    window = between("2026-01-02T00:00:00Z", "2026-01-06T00:00:00Z")
    assert bill_ids(window, Cadence.WEEKLY) == ["bill-2025-12-005", "bill-2026-01-001"]
    assert bill_ids(window, Cadence.MONTHLY, anchor_day=15) == ["bill-2025-12-001"]
    assert bill_ids(window, Cadence.DAILY) == [f"bill-2026-01-{day:03d}" for day in (2, 3, 4, 5)]


def test_months_are_those_of_the_markets_zone() -> None:
    window = between("2026-01-31T18:00:00Z", "2026-01-31T19:00:00Z")
    assert bill_ids(window, Cadence.MONTHLY, zone="Asia/Kolkata") == ["bill-2026-01-001", "bill-2026-02-001"]
    assert cycle_ids(window, SettlementType.DAILY, zone="Asia/Kolkata") == [
        "settle-2026-01-31-001",
        "settle-2026-02-01-001",
    ]


def test_a_bill_covers_its_part_of_the_window() -> None:
    agreement = agree(window=between("2026-01-20T00:00:00Z", "2026-02-03T00:00:00Z"))
    january, february = billing_periods(agreement)
    assert january.period == between("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    assert january.metered.start == parse_instant("2026-01-20T00:00:00Z")
    assert february.metered == between("2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z")
