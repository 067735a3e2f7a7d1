"""Guessing at API keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from node import guessing
from node.guessing import TRIES, GuessGuard, TriesExceeded

NOW = datetime(2026, 1, 9, 10, tzinfo=UTC)
HERE, THERE = "203.0.113.9", "198.51.100.1"


def exhaust(guard: GuessGuard, address: str, *, now: datetime = NOW) -> TriesExceeded:
    with pytest.raises(TriesExceeded) as caught:  # noqa: PT012  one of them is refused
        for _ in range(TRIES + 1):
            guard.count(address, now=now)
    return caught.value


def test_a_few_tries_a_minute_are_looked_at_from_each_address() -> None:
    guard = GuessGuard()
    refusal = exhaust(guard, HERE)
    assert (refusal.http_status, refusal.retry_after) == (429, 60 // TRIES)
    guard.count(THERE, now=NOW)
    guard.count(HERE, now=NOW + timedelta(seconds=60 / TRIES))


def test_an_address_of_the_same_household_is_no_other() -> None:
    guard = GuessGuard()
    exhaust(guard, "2001:db8::1")
    with pytest.raises(TriesExceeded):
        guard.count("2001:db8::2", now=NOW)


def test_a_right_key_does_not_count() -> None:
    guard = GuessGuard()
    for _ in range(3 * TRIES):
        guard.count(HERE, now=NOW)
        guard.succeed(HERE, now=NOW)


def test_a_burst_is_news_once_and_again_after_some_quiet() -> None:
    guard = GuessGuard()
    told = [guard.is_news(HERE, now=NOW + timedelta(seconds=second)) for second in (0, 30, 60, 150)]
    assert told == [True, False, False, True]
    assert guard.is_news(THERE, now=NOW)


def test_a_flood_from_everywhere_is_not_told_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "MOST_NAMES", 100)
    guard = GuessGuard()
    assert sum(guard.is_news(f"203.0.{number >> 8}.{number & 255}", now=NOW) for number in range(1_000)) == 60
