"""Who is silent again and again is left alone for a while; then one question tries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bpp.provider.breaker import MOST_SILENCES, Breaker

NOW = datetime(2026, 1, 9, 8, tzinfo=UTC)
REST = timedelta(seconds=30)


def silenced() -> Breaker:
    breaker = Breaker(rest=REST)
    told = [breaker.missed(NOW) for _ in range(MOST_SILENCES)]
    assert told == [False, False, True]
    return breaker


def test_somebody_is_asked_until_it_was_silent_often_enough() -> None:
    breaker = Breaker(rest=REST)
    for _ in range(MOST_SILENCES):
        assert breaker.lets_through(NOW)
        breaker.missed(NOW)
    assert not breaker.lets_through(NOW)


def test_an_answer_in_between_is_forgiving() -> None:
    breaker = Breaker(rest=REST)
    for _ in range(MOST_SILENCES):
        breaker.missed(NOW)
        breaker.heard()
    assert breaker.lets_through(NOW)


def test_after_the_rest_one_question_tries_alone() -> None:
    breaker = silenced()
    assert not breaker.lets_through(NOW + REST - timedelta(seconds=1))
    assert breaker.lets_through(NOW + REST)
    assert not breaker.lets_through(NOW + REST)


def test_an_answer_ends_the_rest() -> None:
    breaker = silenced()
    assert breaker.lets_through(NOW + REST)
    breaker.heard()
    assert all(breaker.lets_through(NOW + REST) for _ in range(5))


def test_another_silence_begins_another_rest() -> None:
    breaker = silenced()
    later = NOW + REST + timedelta(seconds=5)
    assert breaker.lets_through(NOW + REST)
    assert not breaker.missed(later)  # told before
    assert not breaker.lets_through(later + REST - timedelta(seconds=1))
    assert breaker.lets_through(later + REST)


def test_a_trial_that_nobody_hears_of_is_followed_by_another() -> None:
    breaker = silenced()
    assert breaker.lets_through(NOW + REST)
    assert breaker.lets_through(NOW + 2 * REST)
