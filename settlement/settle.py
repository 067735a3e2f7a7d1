"""What a contract's readings come to, as known at one instant: the decision itself, pure.

A local day is closed once its part of the window is over and either both meters' readings leave no
gap in it, or collecting has ended. Days close in order: what a later one delivers depends on the
earlier ones. A closed day is settled and billed; an open one is pending, at nought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.money import Money
from settlement.agreement import Agreement
from settlement.bills import BillingCycle, issue_bill
from settlement.cycles import CycleEvent, CycleStatus, SettlementCycle, cycle_id_of, next_cycle_status
from settlement.explanation import ClosedBy, explain
from settlement.quantities import DayQuantities, MeteredInterval, quantities_by_day

COLLECTION_DEADLINE: Final = timedelta(hours=24)
"""How long after a day's metered part readings are waited for, unless it is said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementOutcome:
    """The cycles of every local day of a contract in order, and the bills of those that are settled."""

    contract_id: str
    cycles: tuple[SettlementCycle, ...]
    bills: tuple[BillingCycle, ...]
    delivered: Energy
    """By the settled days."""
    delivered_so_far: Energy
    """By all readings at hand, those of open days included; may change until it is final."""

    @property
    def is_final(self) -> bool:
        """Every day is settled: nothing more is expected."""
        return all(cycle.is_settled for cycle in self.cycles)


def settle_contract(
    agreement: Agreement,
    *,
    exported: Sequence[MeteredInterval],
    imported: Sequence[MeteredInterval],
    now: datetime,
    collection_deadline: timedelta = COLLECTION_DEADLINE,
) -> SettlementOutcome:
    """Return what `agreement` comes to, from what its source exported and its target imported.

    Raises: ReadingsInvalid, if intervals of one side overlap or an energy is negative.
    """
    days = quantities_by_day(
        window=agreement.window,
        zone=agreement.zone,
        contracted=agreement.deliverable,
        exported=exported,
        imported=imported,
    )
    cycles: list[SettlementCycle] = []
    bills: list[BillingCycle] = []
    for day in days:
        pending = _pending(day, agreement)
        earlier_are_closed = len(bills) == len(cycles)
        closed_by = _closing(day, now=now, deadline=collection_deadline)
        if closed_by is None or not earlier_are_closed:
            cycles.append(pending)
            continue
        bill = issue_bill(agreement, day)
        bills.append(bill)
        cycles.append(
            replace(
                pending,
                status=next_cycle_status(pending.status, CycleEvent.POSTED),
                amount=bill.total,
                delivered=day.delivered,
                explanation=explain(agreement, day, closed_by=closed_by),
            )
        )
    return SettlementOutcome(
        contract_id=agreement.contract_id,
        cycles=tuple(cycles),
        bills=tuple(bills),
        delivered=sum((cycle.delivered for cycle in cycles), ZERO_ENERGY),
        delivered_so_far=days[-1].delivered_to_date,
    )


def _closing(day: DayQuantities, *, now: datetime, deadline: timedelta) -> ClosedBy | None:
    if now < day.metered.end:
        return None
    if day.is_complete:
        return ClosedBy.COMPLETE_READINGS
    return ClosedBy.DEADLINE if now >= day.metered.end + deadline else None


def _pending(day: DayQuantities, agreement: Agreement) -> SettlementCycle:
    return SettlementCycle(
        contract_id=agreement.contract_id,
        cycle_id=cycle_id_of(day.day.date),
        period=day.day.period,
        metered=day.metered,
        status=CycleStatus.PENDING,
        amount=Money.zero(agreement.terms.currency),
        delivered=ZERO_ENERGY,
    )
