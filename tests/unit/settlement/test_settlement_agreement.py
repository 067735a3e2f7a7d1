"""What can be settled at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.local_days import ZoneUnknown
from kernel.local_periods import AnchorInvalid
from settlement.agreement import LONGEST_WINDOW, AgreementInvalid
from tests.support.agreements import WINDOW, agree, between


def test_a_negative_quantity_is_refused() -> None:
    assert agree(kwh="0").contracted == Energy(0)
    with pytest.raises(AgreementInvalid, match="not negative"):
        agree(kwh="-0.001")


def test_a_window_without_a_sensible_end_is_refused() -> None:
    longest = Interval(WINDOW.start, WINDOW.start + LONGEST_WINDOW)
    assert agree(window=longest).window == longest
    with pytest.raises(AgreementInvalid, match="3660 days at most"):
        agree(window=replace(longest, end=longest.end + timedelta(seconds=1)))


@pytest.mark.parametrize(
    "window",
    [
        between("9999-12-31T10:00:00Z", "9999-12-31T18:00:00Z"),
        Interval(datetime(1, 1, 1, 10, tzinfo=UTC), datetime(1, 1, 1, 18, tzinfo=UTC)),
    ],
)
def test_a_window_at_the_end_of_the_calendar_is_refused(window: Interval) -> None:
    with pytest.raises(AgreementInvalid, match="no calendar"):
        agree(window=window)


def test_an_unknown_zone_is_refused_before_anything_is_settled() -> None:
    with pytest.raises(ZoneUnknown):
        agree(zone="Asia/Nowhere")


@pytest.mark.parametrize("curtailed", ["-0.001", "10.001"])
def test_no_more_is_cut_from_a_contract_than_it_has(curtailed: str) -> None:
    with pytest.raises(AgreementInvalid, match="cannot be cut"):
        agree(kwh="10", curtailed=curtailed)


@pytest.mark.parametrize("seconds", [0, -60, 59, 3601])
def test_a_metering_interval_takes_from_a_minute_to_an_hour(seconds: int) -> None:
    for length in (timedelta(minutes=1), timedelta(hours=1)):
        assert replace(agree(), metering_interval=length).metering_interval == length
    with pytest.raises(AgreementInvalid, match="from 0:01:00 to 1:00:00"):
        replace(agree(), metering_interval=timedelta(seconds=seconds))


def test_a_month_begins_on_a_day_that_it_has() -> None:
    with pytest.raises(AnchorInvalid):
        agree(anchor_day=32)
