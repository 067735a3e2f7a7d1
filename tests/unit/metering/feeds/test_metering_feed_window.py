"""From when on a register is read: overlap, looking back, hints; and how often a server is polled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from metering.documents import TimePeriod
from metering.feeds.feed_file import Feed
from metering.feeds.poller import next_poll
from metering.feeds.window import Position, window_of
from metering.sep.resources import ServedSet
from tests.support.metering_documents import NOW, START

HOUR = 3600
DAY = 24 * HOUR


def feed(**settings: Any) -> Feed:
    return Feed.model_validate({"name": "north", "url": "https://north.example/dcap", **settings})


def reading_set(start: int | None, duration: int = DAY) -> ServedSet:
    period = None if start is None else TimePeriod(start=start, duration=duration)
    return ServedSet(mrid=None, version=0, time_period=period, readings="r")


FRESH = Position(newest_reading=START, longest_set=DAY, looked_back_at=NOW - timedelta(hours=1))


def test_what_was_never_read_is_read_whole() -> None:
    window = window_of(Position(), feed(), now=NOW)
    assert (window.since, window.sets_after, window.is_look_back) == (None, None, True)
    assert window.holds(reading_set(0))
    assert window.readings_after(reading_set(0)) is None


def test_a_poll_looks_a_little_before_the_newest_reading() -> None:
    window = window_of(FRESH, feed(), now=NOW)
    assert (window.since, window.is_look_back) == (START - 2 * HOUR, False)


@pytest.mark.parametrize("ago", [None, timedelta(hours=6)])
def test_now_and_then_it_looks_further_back(ago: timedelta | None) -> None:
    position = replace(FRESH, looked_back_at=None if ago is None else NOW - ago)
    window = window_of(position, feed(), now=NOW)
    assert (window.since, window.is_look_back) == (START - 3 * DAY, True)


def test_a_hint_of_something_older_is_followed_and_one_of_something_newer_takes_nothing_away() -> None:
    assert window_of(replace(FRESH, look_from=START - 9 * DAY), feed(), now=NOW).since == START - 9 * DAY - 1
    assert window_of(replace(FRESH, look_from=START + DAY), feed(), now=NOW).since == START - 2 * HOUR


def test_sets_that_began_before_the_window_and_reach_into_it_are_asked_for() -> None:
    window = window_of(FRESH, feed(), now=NOW)
    assert window.since is not None
    assert window.sets_after is not None
    assert window.sets_after < window.since - DAY
    assert window.holds(reading_set(window.since - DAY + 1))
    assert not window.holds(reading_set(window.since - DAY))


def test_a_set_that_does_not_say_when_it_ends_is_always_read() -> None:
    window = window_of(FRESH, feed(), now=NOW)
    assert window.holds(reading_set(None))
    assert window.holds(reading_set(START - 30 * DAY, duration=0))


def test_a_set_inside_the_window_is_asked_for_whole_so_that_its_pages_stay_the_same() -> None:
    window = window_of(FRESH, feed(), now=NOW)
    assert window.readings_after(reading_set(START)) is None
    assert window.readings_after(reading_set(START - DAY)) == window.since
    assert window.readings_after(reading_set(None)) == window.since


def test_nothing_before_1970_is_asked_for() -> None:
    window = window_of(replace(FRESH, newest_reading=HOUR), feed(), now=NOW)
    assert window.sets_after == 0
    assert window.readings_after(reading_set(None)) == 0


def test_a_position_goes_forward_only() -> None:
    older = FRESH.after(reading_set(START - 2 * DAY, duration=2 * DAY), newest=START - HOUR)
    assert (older.newest_reading, older.longest_set) == (START, 2 * DAY)
    assert FRESH.after(reading_set(START), newest=None).newest_reading == START


def test_a_set_that_says_it_lasts_for_ever_does_not_have_everything_read_each_time() -> None:
    assert FRESH.after(reading_set(START, duration=2**32 - 1), newest=START).longest_set == 400 * DAY


@pytest.mark.parametrize(
    ("rates", "settings", "seconds"),
    [
        ([], {}, 900),
        ([300, 60, 900], {}, 60),
        ([0], {}, 10),
        ([2**32 - 1], {}, DAY),
        ([60], {"poll_every": 5}, 5),
    ],
)
def test_a_server_is_polled_as_it_wishes_within_bounds(
    rates: Sequence[int], settings: dict[str, int], seconds: int
) -> None:
    assert next_poll(feed(**settings), rates, now=NOW) == NOW + timedelta(seconds=seconds)
