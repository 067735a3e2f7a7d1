"""Comparing what both sides give a contract, and settling the lesser.

What a source gives is compared as it arrives, after losses. Nothing beyond what is contracted, less what
was cut, is billed, be it counted where it is sent or where it arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from kernel.interval import Interval
from settlement.allocation.quantity import Quantity
from settlement.allocation.series import Allocated, in_order, watt_hours_by_period
from settlement.matching.result import MatchedInterval, Matching, MatchingMethod, Side
from trading.matching import NO_LOSSES, Losses


class IntervalsDiffer(ValueError):
    """Two meters of a contract count by other intervals, so that nothing can be compared in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingTerms:
    """How a contract compares its two sides."""

    method: MatchingMethod
    losses: Losses = NO_LOSSES
    billed_side: Side = Side.TARGET


def match_sides(
    *,
    source: Allocated,
    target: Allocated,
    quantity: Quantity,
    terms: MatchingTerms,
    expected: Collection[Interval] = (),
) -> Matching:
    """Return what is settled of what both sides give a contract of `quantity`.

    `expected` are intervals that both meters should have reported; what one reported is expected of the
    other, too, where they are compared interval by interval.
    Raises: ReadingsInvalid; IntervalsDiffer, where intervals are compared that overlap but are not the same.
    """
    source_series, target_series = in_order(source.intervals), in_order(target.intervals)
    sides = _Sides(
        sent=watt_hours_by_period(source_series),
        received=watt_hours_by_period(target_series),
        expected=frozenset(expected),
        quantity=quantity,
        terms=terms,
    )
    settled = METHODS[terms.method](sides)
    return Matching(
        method=terms.method,
        billed_side=terms.billed_side,
        source_rule=source.applied,
        target_rule=target.applied,
        intervals=settled.intervals,
        on_source={each.period: each.sent_wh for each in settled.intervals if each.sent_wh},
        on_target=settled.on_target,
        missing=sides.missing(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """Both sides' Wh by interval, in order of time, and what they are compared by."""

    sent: Mapping[Interval, int]
    received: Mapping[Interval, int]
    expected: frozenset[Interval]
    quantity: Quantity
    terms: MatchingTerms

    def missing(self) -> tuple[tuple[Interval, Side], ...]:
        wanted = self.expected
        if self.terms.method is MatchingMethod.INTERVAL:
            wanted = wanted | self.sent.keys() | self.received.keys()
        reported = {Side.SOURCE: self.sent, Side.TARGET: self.received}
        return tuple(
            (period, side) for period in sorted(wanted) for side in Side if period not in reported[side]
        )

    def most_arriving(self, may_bill: int) -> int:
        """Return how much may arrive when so much may be billed."""
        return may_bill if self.terms.billed_side is Side.TARGET else self.terms.losses.arriving(may_bill)

    def matched(self, period: Interval, *, sent: int, arrived: int) -> MatchedInterval:
        billed = arrived if self.terms.billed_side is Side.TARGET else sent
        return MatchedInterval(period=period, sent_wh=sent, arrived_wh=arrived, billed_wh=billed)


@dataclass(frozen=True, slots=True)
class _Settled:
    intervals: tuple[MatchedInterval, ...]
    on_target: Mapping[Interval, int]


def _match_by_interval(sides: _Sides) -> _Settled:
    """Settle the lesser of both sides in each interval, as long as the contract's quantity lasts."""
    periods = sorted(sides.sent.keys() | sides.received.keys())
    for earlier, later in pairwise(periods):
        if earlier.overlaps(later):
            raise IntervalsDiffer(f"the meters count by other intervals from {later.start.isoformat()} on")
    losses = sides.terms.losses
    billed = 0
    matched: list[MatchedInterval] = []
    for period in periods:
        may_bill = min(sides.quantity.ask(period, billed), sides.quantity.total - billed)
        most = sides.most_arriving(may_bill)
        arrived = min(losses.arriving(sides.sent.get(period, 0)), sides.received.get(period, 0), most)
        matched.append(sides.matched(period, sent=losses.needed(arrived), arrived=arrived))
        billed += matched[-1].billed_wh
    return _Settled(tuple(matched), {each.period: each.arrived_wh for each in matched if each.arrived_wh})


def _match_by_window(sides: _Sides) -> _Settled:
    """Settle the lesser of both totals, laid on each meter's intervals in the order of time."""
    losses = sides.terms.losses
    arrived = min(
        losses.arriving(sum(sides.sent.values())),
        sum(sides.received.values()),
        sides.most_arriving(sides.quantity.total),
    )
    sent = _laid_on(sides.sent, losses.needed(arrived))
    arriving = [min(losses.arriving(total), arrived) for total in accumulate(sent.values())]
    matched = tuple(
        sides.matched(period, sent=watt_hours, arrived=by_now - before)
        for (period, watt_hours), (before, by_now) in zip(sent.items(), pairwise([0, *arriving]), strict=True)
    )
    on_target = _laid_on(sides.received, arrived)
    return _Settled(matched, {period: watt_hours for period, watt_hours in on_target.items() if watt_hours})


def _laid_on(intervals: Mapping[Interval, int], total: int) -> dict[Interval, int]:
    laid: dict[Interval, int] = {}
    for period, watt_hours in intervals.items():
        laid[period] = min(watt_hours, total)
        total -= laid[period]
    return laid


METHODS: Final[Mapping[MatchingMethod, Callable[[_Sides], _Settled]]] = {
    MatchingMethod.INTERVAL: _match_by_interval,
    MatchingMethod.WINDOW: _match_by_window,
}
