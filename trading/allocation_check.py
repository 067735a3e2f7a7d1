"""What a utility says was delivered beside what our own meters say: whether both agree. Pure.

A utility's word never changes a bill: readings do, of meters that are registered or read from a utility's
server. Where both differ by more than the fractions of a Wh that its shares leave out, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kernel.energy import Energy
from kernel.interval import Interval
from trading.grid_statement import Allocation, Allocations


class Verdict(StrEnum):
    """Whether two accounts of the same energy agree."""

    AGREES = "AGREES"
    DIFFERS = "DIFFERS"
    NOT_METERED = "NOT_METERED"
    """Our own meters have told nothing yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a utility says of a period, and what our meters say of it; None if those told nothing."""

    period: Interval
    said: Energy
    metered: Energy | None
    fractions: int = 1
    allocation: Allocation | None = None

    @property
    def difference(self) -> Energy | None:
        """How much more the utility says than our meters do."""
        return None if self.metered is None else self.said - self.metered

    @property
    def verdict(self) -> Verdict:
        if self.difference is None:
            return Verdict.NOT_METERED
        is_near = abs(self.difference.watt_hours) <= self.fractions
        return Verdict.AGREES if is_near else Verdict.DIFFERS


def instants_of(told: Allocations, window: Interval) -> list[datetime]:
    """Return up to when our own account has to be known for a comparison, in order of time."""
    edges = {edge for each in told.by_period for edge in (each.period.start, each.period.end)}
    return sorted({*edges, _until(told, window)})


def compare(
    told: Allocations, window: Interval, *, metered: Mapping[datetime, Energy] | None
) -> tuple[Comparison | None, tuple[Comparison, ...]]:
    """Return the comparison of all that was delivered, if the utility says that, and those of its periods.

    `metered` is what our meters say was delivered by each instant of `instants_of`; None if they told nothing
    yet.
    """
    periods = tuple(_compare_periods(told, metered))
    if told.delivered is None:
        return None, periods
    until = _until(told, window)
    whole = Comparison(
        period=Interval(window.start, until) if until > window.start else window,
        said=told.delivered,
        metered=None if metered is None else metered[until],
        fractions=max(1, len(periods)),
    )
    return whole, periods


def _compare_periods(told: Allocations, metered: Mapping[datetime, Energy] | None) -> Iterator[Comparison]:
    for each in told.by_period:
        ours = None if metered is None else metered[each.period.end] - metered[each.period.start]
        yield Comparison(period=each.period, said=each.allocated, metered=ours, allocation=each)


def _until(told: Allocations, window: Interval) -> datetime:
    """Return up to when a utility says what was delivered in all: the end of its last period, or its word."""
    if told.by_period:
        return max(each.period.end for each in told.by_period)
    return min(max(told.said_at, window.start), window.end)
