"""Cycles and bills as rows of their tables."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.ids import derived_id
from kernel.interval import Interval
from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.cycles import FIRST_RUN, CycleStatus, SettlementCycle
from settlement.lines import LineItem

NOUGHT: dict[str, Any] = {
    "status": CycleStatus.PENDING,
    "amount_minor": 0,
    "delivered_wh": 0,
    "lines": None,
    "explanation": None,
}
"""What every cycle begins with."""


def cycle_key(contract_id: str, cycle_id: str) -> UUID:
    return derived_id("settlement-cycle", contract_id, cycle_id, str(FIRST_RUN))


def bill_key(bill: BillingCycle) -> UUID:
    return derived_id("billing-cycle", bill.contract_id, bill.cycle_id)


def cycle_row(cycle: SettlementCycle) -> dict[str, Any]:
    """Return the cycle as a row; when it came and was settled is for the caller to add."""
    return {
        "id": cycle_key(cycle.contract_id, cycle.cycle_id),
        "contract_id": cycle.contract_id,
        "cycle_id": cycle.cycle_id,
        "run": cycle.run,
        "period_start": cycle.period.start,
        "period_end": cycle.period.end,
        "metered_start": cycle.metered.start,
        "metered_end": cycle.metered.end,
        "status": cycle.status,
        "amount_minor": cycle.amount.minor,
        "currency": cycle.amount.currency.code,
        "delivered_wh": cycle.delivered.watt_hours,
        "lines": [line.to_record() for line in cycle.lines],
        "explanation": cycle.explanation,
    }


def cycle_from(row: RowMapping) -> SettlementCycle:
    """Return the cycle of a row, which need not have its explanation."""
    currency = Currency(row["currency"])
    return SettlementCycle(
        contract_id=row["contract_id"],
        cycle_id=row["cycle_id"],
        period=Interval(row["period_start"], row["period_end"]),
        metered=Interval(row["metered_start"], row["metered_end"]),
        status=CycleStatus(row["status"]),
        amount=Money(row["amount_minor"], currency),
        delivered=Energy(row["delivered_wh"]),
        lines=tuple(LineItem.from_record(line, currency) for line in row.get("lines") or ()),
        explanation=row.get("explanation"),
        run=row["run"],
    )


def bill_row(bill: BillingCycle) -> dict[str, Any]:
    """Return the bill as a row; when it was issued is for the caller to add."""
    return {
        "id": bill_key(bill),
        "contract_id": bill.contract_id,
        "cycle_id": bill.cycle_id,
        "period_start": bill.period.start,
        "period_end": bill.period.end,
        "status": bill.status,
        "total_minor": bill.total.minor,
        "currency": bill.currency.code,
        "lines": [line.to_record() for line in bill.lines],
        "explanation": bill.explanation,
    }


def bill_from(row: RowMapping) -> BillingCycle:
    """Return the bill of a row that has the ids of its settlement cycles, in order, as `gathered`."""
    currency = Currency(row["currency"])
    return BillingCycle(
        contract_id=row["contract_id"],
        cycle_id=row["cycle_id"],
        settlement_cycle_ids=tuple(row["gathered"]),
        period=Interval(row["period_start"], row["period_end"]),
        status=BillStatus(row["status"]),
        currency=currency,
        lines=tuple(LineItem.from_record(line, currency) for line in row["lines"]),
        explanation=row["explanation"],
    )
