"""`Retry-After`: how long a peer asks to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol.retry_after import LONGEST_WAIT, read_retry_after

NOW = datetime(2026, 1, 9, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta()),
        (" 120 ", timedelta(minutes=2)),
        ("999999999", LONGEST_WAIT),
        ("Fri, 09 Jan 2026 10:00:30 GMT", timedelta(seconds=30)),
        ("Fri, 09 Jan 2026 10:00:30 -0000", timedelta(seconds=30)),
        ("Fri, 09 Jan 2026 09:00:00 GMT", timedelta()),
        ("Fri, 09 Jan 2126 10:00:00 GMT", LONGEST_WAIT),
    ],
)
def test_seconds_and_dates_are_read_and_bounded(value: str, wait: timedelta) -> None:
    assert read_retry_after(value, now=NOW) == wait


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-1", "1.5", "9999999999", "١٢", "Fri, 99 Jan 2026 10:00:00 GMT"]
)
def test_what_says_nothing_readable_is_passed_over(value: str | None) -> None:
    assert read_retry_after(value, now=NOW) is None
