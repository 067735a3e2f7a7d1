"""Which of a contract's settlement cycles and bills are told, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from settlement.bills import BillingCycle
from settlement.cycles import SettlementCycle
from trading.contract import Contract
from trading.delivery import BillingCycleView, LineItemView, SettlementCycleView
from trading.lifecycle import ContractStatus

MOST_CYCLES: Final = 100
"""Settlement cycles of a contract that are told; an hourly one of a year has 8760."""


def still_due(contract: Contract, cycles: Sequence[SettlementCycle]) -> list[SettlementCycle]:
    """Return the cycles without those that a cancelled or moved contract does not reach any more."""
    is_over = contract.status is ContractStatus.TERMINATED and contract.refresh_at is None
    if is_over or contract.never_began:
        return [cycle for cycle in cycles if cycle.is_settled]
    return [cycle for cycle in cycles if cycle.is_settled or cycle.period.overlaps(contract.window)]


def newest(cycles: Sequence[SettlementCycle]) -> Sequence[SettlementCycle]:
    """Return the cycles that are told: at most `MOST_CYCLES`, up to the first that is not settled.

    Where there are fewer before that one, those after it make up for them.
    """
    settled = sum(cycle.is_settled for cycle in cycles)
    first = max(0, min(settled + 1, len(cycles)) - MOST_CYCLES)
    return cycles[first : first + MOST_CYCLES]


def cycle_view(cycle: SettlementCycle) -> SettlementCycleView:
    """Return a settlement cycle as it is told."""
    return SettlementCycleView(
        cycle_id=cycle.cycle_id, period=cycle.period, status=cycle.status.value, amount=cycle.amount
    )


def bill_view(bill: BillingCycle) -> BillingCycleView:
    """Return a bill as it is told."""
    return BillingCycleView(
        cycle_id=bill.cycle_id,
        period=bill.period,
        status=bill.status.value,
        total=bill.total,
        lines=tuple(LineItemView(title=line.told_title, amount=line.amount) for line in bill.lines),
    )
