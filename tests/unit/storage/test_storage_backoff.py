"""How long is waited after so many failures."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.backoff import Backoff

BACKOFF = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=60))


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (40, 60), (10_000, 60)]
)
def test_the_wait_doubles_up_to_its_bound(failures: int, seconds: int) -> None:
    assert BACKOFF.after(failures) == timedelta(seconds=seconds)


def test_jitter_stretches_the_wait_by_up_to_a_quarter() -> None:
    assert BACKOFF.after(3, jitter=0.5) == timedelta(seconds=4.5)
    assert BACKOFF.after(3, jitter=1) == timedelta(seconds=5)


def test_the_default_starts_at_half_a_second_and_ends_at_five_minutes() -> None:
    assert Backoff().after(1) == timedelta(milliseconds=500)
    assert Backoff().after(30) == timedelta(minutes=5)
