"""Sharing out whole numbers."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest

from kernel.proportion import ratio, split_whole


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (10, [1, 1], [5, 5]),
        (10, [1, 1, 1], [4, 3, 3]),
        (10, [0, 3, 1], [0, 8, 2]),  # 7.5 and 2.5: the earlier of two equal remainders
        (-7, [1, 1], [-3, -4]),
        (0, [5], [0]),
    ],
)
def test_shares_are_in_proportion_and_lose_nothing(
    amount: int, weights: list[int], shares: list[int]
) -> None:
    assert split_whole(amount, weights) == shares
    assert sum(shares) == amount


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_there_is_no_proportion_to_nothing_or_to_less(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights must be positive"):
        split_whole(1, weights)


def test_a_time_is_measured_exactly_by_another() -> None:
    minute = timedelta(minutes=1)
    assert ratio(timedelta(seconds=20), minute) == Fraction(1, 3)
    assert ratio(timedelta(hours=2, microseconds=1), minute) == 120 + Fraction(1, 60_000_000)
    assert ratio(timedelta(0), minute) == 0
