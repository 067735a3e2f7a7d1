"""One meter's energy over time, interval by interval, over contracts that each have their own window.

Intervals are taken in the order of time. A contract with a quantity for its whole window claims what it
has not been given yet. So what a contract is given depends on nothing later, under FIFO on no contract
that was traded after it, and under STATIC_KEY on no other contract at all.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final, TypeAlias

from kernel.energy import Energy
from kernel.interval import Interval
from settlement.allocation.quantity import Quantity
from settlement.allocation.rules import (
    AllocationInvalid,
    AllocationRule,
    AppliedRule,
    Policy,
    check_shares,
    share_of,
)
from settlement.allocation.slot import Claim, allocate
from settlement.side import MeteredInterval, ReadingsInvalid

Series: TypeAlias = Sequence[MeteredInterval]

FIRST_IN_FIRST_OUT: Final = Policy()
FIXED_SHARES: Final = Policy(rule=AllocationRule.STATIC_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """What a contract may take of a meter, within its window. A cancelled one's window ends earlier."""

    contract_id: str
    traded_at: datetime
    window: Interval
    quantity: Quantity
    share_percent: Decimal | None = None
    community: str | None = None

    @property
    def precedence(self) -> tuple[datetime, str]:
        """What goes before what: the earlier trade, and of two at the same time the lower id."""
        return self.traded_at, self.contract_id

    def holds_in(self, period: Interval) -> bool:
        """Say whether an interval of the meter lies within the contract's window."""
        return self.window.start <= period.start and period.end <= self.window.end

    def claim(self, period: Interval, taken: int) -> Claim:
        """Return what the contract claims in `period` when `taken` Wh were given to it before."""
        return Claim(
            contract_id=self.contract_id,
            traded_at=self.traded_at,
            watt_hours=self.quantity.ask(period, taken),
            share_percent=self.share_percent,
            community=self.community,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocated:
    """What one side gives a contract, interval by interval in order of time, and by which rule."""

    applied: AppliedRule
    intervals: tuple[MeteredInterval, ...]

    @property
    def watt_hours(self) -> int:
        return sum(energy.watt_hours for _, energy in self.intervals)


def share_meter(
    metered: Series, entitlements: Collection[Entitlement], policy: Policy
) -> dict[str, Allocated]:
    """Return what each contract gets of one meter, by its id.

    A contract has every interval of the meter that lies within its window, those of nought too; one that
    reaches beyond the window gives it nothing: cut readings at the windows' edges before.
    Raises: ReadingsInvalid, AllocationInvalid.
    """
    given: dict[str, list[MeteredInterval]] = {each.contract_id: [] for each in entitlements}
    if len(given) < len(entitlements):
        raise AllocationInvalid("a contract claims a meter twice")
    if policy.rule is AllocationRule.STATIC_KEY:
        return _share_by_key(in_order(metered), entitlements)
    taken = dict.fromkeys(given, 0)
    waiting = sorted(entitlements, key=lambda each: each.window.start, reverse=True)
    running: list[Entitlement] = []
    for period, energy in in_order(metered):
        while waiting and waiting[-1].window.start <= period.start:
            running.append(waiting.pop())
        running = [each for each in running if each.window.end >= period.end]
        claims = [each.claim(period, taken[each.contract_id]) for each in running]
        for contract_id, watt_hours in allocate(energy.watt_hours, claims, policy).items():
            taken[contract_id] += watt_hours
            given[contract_id].append((period, Energy(watt_hours)))
    return {
        contract_id: Allocated(applied=policy.applied, intervals=tuple(intervals))
        for contract_id, intervals in given.items()
    }


def fixed_share(metered: Series, percent: Decimal) -> list[MeteredInterval]:
    """Return a fixed share of a meter, interval by interval: so many per cent of what it counted.

    By the end of each interval it is the share of all that was counted since the first, rounded down to
    whole Wh: a fraction of a Wh is given in the interval in which it becomes whole, and none is lost or
    given twice. Shares of no more than the whole so never add up to more than was counted until then; in
    one interval they may be up to one Wh each more. Raises: ReadingsInvalid, AllocationInvalid.
    """
    check_shares({"the contract": percent})
    given: list[MeteredInterval] = []
    counted = before = 0
    for period, energy in in_order(metered):
        counted += energy.watt_hours
        now = share_of(counted, percent)
        given.append((period, Energy(now - before)))
        before = now
    return given


def _share_by_key(metered: Series, entitlements: Collection[Entitlement]) -> dict[str, Allocated]:
    """Return what each contract takes of its fixed share; what it does not take is lost to the others."""
    for period, _ in metered:
        holding = [each for each in entitlements if each.holds_in(period)]
        check_shares({each.contract_id: _share(each) for each in holding})
    return {each.contract_id: _take_of_share(metered, each) for each in entitlements}


def _take_of_share(metered: Series, entitlement: Entitlement) -> Allocated:
    within = [each for each in metered if entitlement.holds_in(each[0])]
    taken = 0
    intervals: list[MeteredInterval] = []
    for period, energy in fixed_share(within, _share(entitlement)):
        got = min(energy.watt_hours, entitlement.quantity.ask(period, taken))
        taken += got
        intervals.append((period, Energy(got)))
    return Allocated(applied=FIXED_SHARES.applied, intervals=tuple(intervals))


def _share(entitlement: Entitlement) -> Decimal:
    if entitlement.share_percent is None:
        raise AllocationInvalid(f"{entitlement.contract_id} has no share of the meter")
    return entitlement.share_percent


def left_over(metered: Series, earlier: Collection[Entitlement]) -> list[MeteredInterval]:
    """Return what of one meter is left to a contract that comes after all the `earlier` ones under FIFO.

    It is what `share_meter` gives to none of them, at a cost that does not grow with their number in
    every interval: no further contract is asked once nothing is left. Raises: ReadingsInvalid.
    """
    taken = {each.contract_id: 0 for each in earlier}
    waiting = sorted(earlier, key=lambda each: each.window.start, reverse=True)
    running: list[Entitlement] = []
    left: list[MeteredInterval] = []
    for period, energy in in_order(metered):
        while waiting and waiting[-1].window.start <= period.start:
            insort(running, waiting.pop(), key=lambda each: each.precedence)
        left.append((period, Energy(_take(running, taken, period, energy.watt_hours))))
    return left


def _take(running: list[Entitlement], taken: dict[str, int], period: Interval, left: int) -> int:
    """Let contracts take of an interval in their order; return what is left. Those that are done go out."""
    done = []
    for each in running:
        if not left:
            break
        so_far = taken[each.contract_id]
        if each.window.end < period.end or each.quantity.is_spent(period, so_far):
            done.append(each)
            continue
        got = min(left, each.quantity.ask(period, so_far))
        taken[each.contract_id] += got
        left -= got
    for each in done:
        running.remove(each)
    return left


def in_order(metered: Series) -> list[MeteredInterval]:
    """Return a meter's intervals in the order of time.

    Raises: ReadingsInvalid, if two overlap or an energy is negative.
    """
    ordered = sorted(metered)
    for (earlier, _), (later, _) in pairwise(ordered):
        if earlier.overlaps(later):
            raise ReadingsInvalid(f"energy would count twice from {later.start.isoformat()} on")
    for interval, energy in ordered:
        if energy.watt_hours < 0:
            raise ReadingsInvalid(f"{energy} from {interval.start.isoformat()} run backwards")
    return ordered


def watt_hours_by_period(intervals: Series) -> Mapping[Interval, int]:
    """Return the Wh of each interval."""
    return {period: energy.watt_hours for period, energy in intervals}
