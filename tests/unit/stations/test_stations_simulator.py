"""A simulated car draws fast, then slowly, and never more than it takes in."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from stations.simulator import charged_within, wish_of

HOUR = timedelta(hours=1)


def test_a_car_draws_the_full_power_until_it_is_nearly_full() -> None:
    assert charged_within(timedelta(0), watts=22_000, wish=40_000) == 0
    assert charged_within(HOUR, watts=22_000, wish=40_000) == 22_000
    assert charged_within(HOUR / 2, watts=22_000, wish=40_000) == 11_000


def test_it_draws_less_and_less_and_stops_when_it_is_full() -> None:
    drawn = [charged_within(minutes * HOUR / 60, watts=22_000, wish=20_000) for minutes in range(0, 200, 10)]
    rises = [later - earlier for earlier, later in pairwise(drawn)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(rises))  # save for a rounded Wh
    assert drawn[-1] == 20_000


@pytest.mark.parametrize("wish", [15_001, 33_333, 59_999])
def test_it_takes_in_exactly_what_it_wishes(wish: int) -> None:
    assert charged_within(100 * HOUR, watts=11_000, wish=wish) == wish


def test_what_a_car_takes_in_follows_from_the_seed() -> None:
    assert wish_of(7, "simulated-1") == wish_of(7, "simulated-1")
    assert len({wish_of(seed, "simulated-1") for seed in range(10)}) > 5
    assert all(15_000 <= wish_of(seed, "x") <= 60_000 for seed in range(100))
