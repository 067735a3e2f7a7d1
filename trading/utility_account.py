"""What a utility says was delivered of a contract, as its buyer is told: its last word on each time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kernel.energy import Energy
from kernel.interval import Interval

MOST_TOLD: Final = 100
"""Periods of a utility that a buyer is told, those of its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotted:
    """What a utility counts for a contract in a period."""

    period: Interval
    energy: Energy


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilityAccount:
    """What a utility says was delivered: in all so far, None if it does not say, and in periods.

    `said_at` is when it spoke last. No bill depends on it.
    """

    utility_id: str
    said_at: datetime
    delivered: Energy | None = None
    periods: tuple[Allotted, ...] = ()


def last_words(told: Iterable[Allotted]) -> tuple[Allotted, ...]:
    """Return what was said last of each time, in order of time: at most `MOST_TOLD` periods.

    `told` begins with what was said last. What overlaps a later word holds no more.
    """
    kept: list[Allotted] = []
    for each in told:
        if len(kept) == MOST_TOLD:
            break
        if not any(each.period.overlaps(later.period) for later in kept):
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: each.period.start))
