"""A day in its zone: how long it is, when it is closed, and when which rate holds."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from settlement.engines.calendar import DayOpen, DayUnknown, find_day, require_closed
from tests.support.naive_settlement import Deal, band_at
from tests.support.settlement_days import NIGHT_AND_DAY, SmallDay, load


def day_of(zone: str, on: date) -> SmallDay:
    day = find_day(on, zone=zone)
    start, end = (int(edge.timestamp()) for edge in (day.period.start, day.period.end))
    deals = tuple(
        Deal(
            contract=f"c{number}", source="AA", target="BB", traded=0, quantity=1, start=start,
            end=end, rate="5" if number != 1 else "", bands=bands,
        )
        for number, bands in enumerate(NIGHT_AND_DAY)
    )  # fmt: skip
    return SmallDay(zone=zone, day=day, readings=(), deals=deals)


@pytest.mark.parametrize(
    ("zone", "on", "quarters"),
    [
        ("Asia/Kolkata", date(2026, 3, 14), 96),
        ("Europe/Berlin", date(2026, 3, 29), 92),
        ("Europe/Berlin", date(2026, 10, 25), 100),
        ("Australia/Lord_Howe", date(2026, 4, 5), 98),
        ("Africa/Cairo", date(2026, 4, 24), 92),
    ],
)
def test_every_quarter_of_a_day_has_the_rate_of_its_local_start(
    tmp_path: Path, zone: str, on: date, quarters: int
) -> None:
    day = day_of(zone, on)
    contracts, calendar = load(day, tmp_path)
    starts = range(day.start, day.end, 900)
    assert len(starts) == quarters
    for number, deal in enumerate(day.deals):
        layout = calendar.layout_of[number]
        found = [int(calendar.bands[layout, calendar.run_at(second)]) for second in starts]
        assert found == [band_at(deal, second, zone) for second in starts]
    assert (calendar.since, calendar.day_start, calendar.end) == (day.start, day.start, day.end)
    assert len(contracts) == len(day.deals)


def test_a_day_is_open_until_its_readings_have_been_waited_for() -> None:
    day = find_day(date(2026, 3, 14), zone="Asia/Kolkata")
    closes = day.period.end + timedelta(hours=24)
    require_closed(day, now=closes)
    with pytest.raises(DayOpen, match="2026-03-14 is open until 2026-03-15T18:30:00") as refused:
        require_closed(day, now=closes - timedelta(seconds=1))
    assert refused.value.retryable


def test_a_date_that_was_skipped_is_no_day() -> None:
    with pytest.raises(DayUnknown, match="there was no 2011-12-30 in Pacific/Apia"):
        find_day(date(2011, 12, 30), zone="Pacific/Apia")
