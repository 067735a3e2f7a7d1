"""The months that the demo plays back, and how much of them is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from degnode.demo.month import last_month, name_of
from degnode.demo.readings import thinned
from kernel.clock import format_instant, parse_instant


@pytest.mark.parametrize(
    ("now", "start", "end", "name"),
    [
        ("2026-11-27T10:00:00Z", "2026-09-30T18:30:00Z", "2026-10-31T18:30:00Z", "October 2026"),
        ("2026-10-31T18:29:59Z", "2026-08-31T18:30:00Z", "2026-09-30T18:30:00Z", "September 2026"),
        ("2026-10-31T18:30:00Z", "2026-09-30T18:30:00Z", "2026-10-31T18:30:00Z", "October 2026"),
        ("2028-03-01T00:00:00Z", "2028-01-31T18:30:00Z", "2028-02-29T18:30:00Z", "February 2028"),
    ],
)
def test_the_newest_month_that_is_over_is_one_of_the_place(now: str, start: str, end: str, name: str) -> None:
    month = last_month(parse_instant(now))
    assert (format_instant(month.start), format_instant(month.end)) == (start, end)
    assert name_of(month) == name


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (1, 1), (12, 12), (13, 7), (100, 12), (101, 11)])
def test_a_dozen_readings_at_most_are_shown_and_no_flow_is_lost(count: int, kept: int) -> None:
    readings: list[dict[str, Any]] = [{"timestamp": at, "energyFlow": Decimal(at)} for at in range(count)]
    shown = thinned(readings)
    assert len(shown) == kept
    assert sum(row["energyFlow"] for row in shown) == sum(row["energyFlow"] for row in readings)
    assert (shown[:1], [row["timestamp"] for row in shown[-1:]]) == (
        readings[:1],
        [row["timestamp"] for row in readings[-1:]],
    )
