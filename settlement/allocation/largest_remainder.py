"""Sharing a whole number out in proportion, so that the parts are whole and add up to it."""

from __future__ import annotations

from collections.abc import Sequence


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Return parts of `total` in proportion to `weights`, none negative, that add up to it exactly.

    What is left after rounding down goes one by one to the largest remainders, the earlier first.
    `weights` must not be negative, nor all nought.
    """
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: -(total * weights[at] % whole))
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return parts
