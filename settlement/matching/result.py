"""What matching comes to: what is settled in each interval, on both meters, and how it was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kernel.interval import Interval
from settlement.allocation.rules import AppliedRule


class MatchingMethod(StrEnum):
    """Over which time both sides are compared; a term of the contract."""

    INTERVAL = "INTERVAL"
    """The lesser of both in each interval: what flows at one time is matched by nothing at another."""
    WINDOW = "WINDOW"
    """The lesser of both totals over the whole window."""


class Side(StrEnum):
    """One end of a contract."""

    SOURCE = "SOURCE"
    TARGET = "TARGET"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedInterval:
    """What is settled in one interval, in Wh: what was sent, what of it arrived, what of it is billed."""

    period: Interval
    sent_wh: int
    arrived_wh: int
    billed_wh: int

    @property
    def lost_wh(self) -> int:
        """What was sent and did not arrive."""
        return self.sent_wh - self.arrived_wh


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """What is settled under a contract.

    `intervals`, in order of time, are what prices by time of day go by: those that either side reported where
    each is matched, else those of the source. `on_source` and `on_target` are what of each meter's intervals
    is settled, in Wh, which no retailer bills again.
    `missing` are the intervals that a side did not report and that count as nought.
    """

    method: MatchingMethod
    billed_side: Side
    source_rule: AppliedRule
    target_rule: AppliedRule
    intervals: tuple[MatchedInterval, ...]
    on_source: Mapping[Interval, int]
    on_target: Mapping[Interval, int]
    missing: tuple[tuple[Interval, Side], ...]

    @property
    def billed_wh(self) -> int:
        return sum(each.billed_wh for each in self.intervals)

    @property
    def sent_wh(self) -> int:
        return sum(each.sent_wh for each in self.intervals)

    @property
    def arrived_wh(self) -> int:
        return sum(each.arrived_wh for each in self.intervals)

    @property
    def lost_wh(self) -> int:
        return self.sent_wh - self.arrived_wh
