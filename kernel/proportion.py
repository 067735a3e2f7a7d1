"""Proportions without loss: whole numbers shared out, and times measured by others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Final

_TICK: Final = timedelta(microseconds=1)
"""The finest that a time is told in."""


def split_whole(amount: int, weights: Sequence[int]) -> list[int]:
    """Return shares of `amount` in proportion to `weights` that add up to it exactly.

    What is left after rounding down goes to the largest remainders, the earlier first.
    Raises: ValueError, if a weight is negative or all are nought.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError(f"weights must be positive: {list(weights)}")
    floors = [amount * weight // total for weight in weights]
    remainders = [amount * weight % total for weight in weights]
    missing = amount - sum(floors)
    for index in sorted(range(len(weights)), key=lambda i: -remainders[i])[:missing]:
        floors[index] += 1
    return floors


def ratio(time: timedelta, unit: timedelta) -> Fraction:
    """Return how many times `unit` a time is, exactly."""
    return Fraction(time // _TICK, unit // _TICK)
