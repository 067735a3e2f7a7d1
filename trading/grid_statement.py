"""What a utility says of a trade unasked: what it cuts, and what its meters say was delivered. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, pairwise
from typing import Final

from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from trading.contract import Contract
from trading.curtailment import Curtailment
from trading.delivery import Cut
from trading.fields import Field
from trading.refusals import FieldInvalid, UpdateNotAllowed

MOST_PERIODS: Final = 1000
"""Periods that one statement tells of: ten days of quarter hours."""
MOST_PLACES: Final = 100
"""Lines, fulfilments or performances of an order in which one statement may stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What a utility counts for a trade in a period; `consumed` and `produced` are its whole meter's."""

    period: Interval
    allocated: Energy
    consumed: Energy | None = None
    produced: Energy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocations:
    """What a utility says was delivered of a trade: in all up to then, in periods, or both.

    `said_at` is when it said so, `delivered` is None where nothing is said of all.
    """

    said_at: datetime
    delivered: Energy | None = None
    by_period: tuple[Allocation, ...] = ()

    @property
    def in_periods(self) -> Energy:
        """What is said of the periods, together."""
        return sum((each.allocated for each in self.by_period), ZERO_ENERGY)

    @property
    def amounts(self) -> Iterator[Energy]:
        """All that is said of energy, in no order."""
        told = chain.from_iterable((each.allocated, each.consumed, each.produced) for each in self.by_period)
        return (amount for amount in (self.delivered, *told) if amount is not None)

    def says_the_same(self, other: Allocations) -> bool:
        """Say whether both tell the same of the same periods, whenever that was."""
        return (self.delivered, self.by_period) == (other.delivered, other.by_period)


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilityStatement:
    """What a utility says of the trade `order_id`.

    `cut` is what it cuts in all from `since` on; None for `since` is from when it says so. `note` is why, in
    words.
    """

    order_id: str
    said_at: datetime
    cut: Cut | None = None
    since: datetime | None = None
    note: str = ""
    allocations: Allocations | None = None

    def curtailment_in(self, window: Interval) -> Curtailment | None:
        """Return what is cut of what flows in a window: from its beginning on at the earliest."""
        if self.cut is None:
            return None
        since = self.since or max(self.said_at, window.start)
        return Curtailment(cut=self.cut, since=since)


def check_allocations(contract: Contract, said: Allocations) -> None:
    """Let pass what can have been delivered under a contract. Raises: UpdateNotAllowed, FieldInvalid."""
    if not contract.is_binding or contract.never_began:
        raise UpdateNotAllowed(f"nothing is delivered under the order {contract.id}", path=Field.ORDER_ID)
    check_allocated(said, of=contract.quantity, window=contract.window)


def check_allocated(said: Allocations, *, of: Energy, window: Interval) -> None:
    """Let pass what can be of a trade of so much energy within a window. Raises: FieldInvalid."""
    _check_periods(window, [each.period for each in said.by_period])
    if any(amount < ZERO_ENERGY for amount in said.amounts):
        raise FieldInvalid(
            "less than nothing is said to be delivered, taken or given",
            path=Field.QUANTITY,
            hint="Say what a meter gives and what it takes apart, neither below nought.",
        )
    counted = max(said.in_periods, said.delivered or ZERO_ENERGY)
    if counted > of:
        raise FieldInvalid(
            f"{counted} are said to be delivered of {of}",
            path=Field.QUANTITY,
            hint="Allocate to a trade what it is for at most.",
        )


def _check_periods(window: Interval, periods: list[Interval]) -> None:
    for period in periods:
        if period.start < window.start or period.end > window.end:
            raise FieldInvalid(
                f"the trade runs from {format_instant(window.start)} up to {format_instant(window.end)}, "
                f"and not from {format_instant(period.start)} up to {format_instant(period.end)}",
                path=Field.ORDER,
                hint="Allocate within the trade's window.",
            )
    for one, other in pairwise(sorted(periods)):
        if one.overlaps(other):
            raise FieldInvalid(
                f"the time from {format_instant(other.start)} on is told twice", path=Field.ORDER
            )
