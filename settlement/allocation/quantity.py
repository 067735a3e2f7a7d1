"""What a contract may take in each interval: one quantity for its whole window, or one per interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from kernel.interval import Interval
from settlement.allocation.largest_remainder import apportion
from settlement.allocation.rules import AllocationInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Lump:
    """A quantity in Wh for the whole window, whenever it flows.

    `limits` are the totals, each from an instant on, that curtailments left of it.
    Raises: AllocationInvalid.
    """

    watt_hours: int
    limits: tuple[tuple[datetime, int], ...] = ()

    def __post_init__(self) -> None:
        if self.total < 0:
            raise AllocationInvalid(f"{self.total} Wh cannot be contracted")

    @property
    def total(self) -> int:
        """What is left to be delivered after all that was cut, in Wh."""
        return min((self.watt_hours, *(limit for _, limit in self.limits)))

    def ask(self, period: Interval, taken: int) -> int:
        """Return what may still be taken in `period` after `taken` was: a cut counts from its instant on."""
        limits = (limit for since, limit in self.limits if since < period.end)
        return max(0, min((self.watt_hours, *limits)) - taken)

    def is_spent(self, period: Interval, taken: int) -> bool:
        """Say whether nothing may be taken from `period` on after `taken` was."""
        return not self.ask(period, taken)

    def curtailed(self, within: Interval, watt_hours: int) -> Lump:
        """Return what is left when so much is cut from `within` on; what flowed before stays."""
        limits = (*self.limits, (within.start, self.total - _not_negative(watt_hours)))
        return replace(self, limits=limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A quantity in Wh for each interval; what did not flow in one cannot flow in another.

    Raises: AllocationInvalid.
    """

    by_period: Mapping[Interval, int]

    def __post_init__(self) -> None:
        if min(self.by_period.values(), default=0) < 0:
            raise AllocationInvalid("nothing negative can be contracted in an interval")

    @property
    def total(self) -> int:
        """What all intervals together may take, in Wh."""
        return sum(self.by_period.values())

    def ask(self, period: Interval, taken: int) -> int:
        """Return what may be taken in `period`; `taken` before does not matter."""
        return self.by_period.get(period, 0)

    def is_spent(self, period: Interval, taken: int) -> bool:
        """Say that something may be taken later: every interval has its own quantity."""
        return False

    def curtailed(self, within: Interval, watt_hours: int) -> Profile:
        """Return what is left when so much is cut from the intervals that `within` touches, in proportion.

        Raises: AllocationInvalid, if less than that was contracted in them.
        """
        touched = sorted(period for period in self.by_period if period.overlaps(within))
        contracted = [self.by_period[period] for period in touched]
        if _not_negative(watt_hours) > sum(contracted):
            raise AllocationInvalid(f"{watt_hours} Wh cannot be cut from {sum(contracted)} Wh")
        if not watt_hours:
            return self
        cut = dict(zip(touched, apportion(watt_hours, contracted), strict=True))
        return Profile(by_period={period: wh - cut.get(period, 0) for period, wh in self.by_period.items()})


Quantity: TypeAlias = Lump | Profile


def _not_negative(watt_hours: int) -> int:
    if watt_hours < 0:
        raise AllocationInvalid(f"{watt_hours} Wh cannot be cut")
    return watt_hours
