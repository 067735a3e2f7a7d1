"""Buckets that fill and are emptied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from node import buckets
from node.buckets import Buckets, Terms, whole_seconds

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
TWO = Terms(per_second=2, most=2)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_full_bucket_gives_what_it_holds_and_then_tells_the_wait() -> None:
    levels = Buckets()
    assert [levels.take("a", TWO, now=NOW) for _ in range(3)] == [0, 0, 0.5]
    assert levels.take("b", TWO, now=NOW) == 0
    assert levels.take("a", TWO, now=after(0.25)) == 0.25
    assert levels.take("a", TWO, now=after(0.5)) == 0


def test_after_a_long_time_it_holds_no_more_than_it_can() -> None:
    levels = Buckets()
    assert [levels.take("a", TWO, now=after(3600)) for _ in range(3)] == [0, 0, 0.5]


def test_what_is_given_back_can_be_taken_again() -> None:
    levels, one = Buckets(), Terms(per_second=0.1, most=1)
    assert levels.take("a", one, now=NOW) == 0
    levels.give_back("a", one, now=NOW)
    levels.give_back("a", one, now=NOW)  # never more than it holds
    assert levels.take("a", one, now=NOW) == 0
    assert levels.take("a", one, now=NOW) == pytest.approx(10)


def test_a_clock_that_is_set_back_fills_nothing() -> None:
    levels = Buckets()
    assert [levels.take("a", TWO, now=after(10)) for _ in range(2)] == [0, 0]
    assert levels.take("a", TWO, now=NOW) == 0.5
    assert levels.take("a", TWO, now=after(10.4)) == pytest.approx(0.1)


def test_those_unused_the_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MOST_NAMES", 2)
    levels, one = Buckets(), Terms(per_second=1, most=1)
    assert [levels.take(name, one, now=NOW) for name in ("a", "b", "a", "c", "b")] == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(("pause", "seconds"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.0000001, 1), (3.3, 4)])
def test_a_pause_is_told_in_whole_seconds(pause: float, seconds: int) -> None:
    assert whole_seconds(pause) == seconds
