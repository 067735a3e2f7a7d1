"""Durations as peers write them in `context.ttl`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocol.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT30S", timedelta(seconds=30)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("PT5M", timedelta(minutes=5)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P1D", timedelta(days=1)),
        ("P2W", timedelta(days=14)),
        ("P1M", timedelta(days=30)),
        ("P1Y2M3DT4H5M6S", timedelta(days=365 + 60 + 3, hours=4, minutes=5, seconds=6)),
        ("PT0S", timedelta()),
    ],
)
def test_a_duration_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "P1DT", "30", "30S", "PT30", "PT-5S", "-PT5S", "P1H", "PT1D", "pt30s", "PT30S\n", "PT٣S"],
)
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="PT30S"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["P9999999999D", f"P{'9' * 400}D"])
def test_a_duration_beyond_all_calendars_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than any message lives"):
        parse_duration(text)


def test_a_duration_is_written_in_whole_seconds() -> None:
    assert format_duration(timedelta(minutes=2, milliseconds=900)) == "PT120S"
