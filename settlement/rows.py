"""Cycles and bills as rows of their tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.ids import derived_id
from kernel.interval import Interval
from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus
from settlement.corrections import BillCorrection, CorrectionKind
from settlement.cycles import FIRST_RUN, CycleStatus, SettlementCycle
from settlement.lines import LineItem
from settlement.runs import Revision

NOUGHT: dict[str, Any] = {
    "status": CycleStatus.PENDING,
    "amount_minor": 0,
    "delivered_wh": 0,
    "lines": None,
    "explanation": None,
    "basis": None,
}
"""What every cycle begins with."""


def cycle_key(contract_id: str, cycle_id: str) -> UUID:
    return derived_id("settlement-cycle", contract_id, cycle_id, str(FIRST_RUN))


def bill_key(contract_id: str, bill_id: str) -> UUID:
    return derived_id("billing-cycle", contract_id, bill_id)


def correction_key(correction: BillCorrection) -> UUID:
    return derived_id("bill-correction", correction.contract_id, correction.bill_id, str(correction.run))


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
        "basis": cycle.basis,
    }


def cycle_from(row: RowMapping) -> SettlementCycle:
    """Return the cycle of a row."""
    standing = standing_from(row)
    lines = tuple(LineItem.from_record(line, standing.amount.currency) for line in row["lines"] or ())
    return replace(standing, lines=lines, explanation=row.get("explanation"))


def standing_from(row: RowMapping) -> SettlementCycle:
    """Return the cycle of a row that has neither its lines nor its explanation."""
    currency = Currency(row["currency"])
    return SettlementCycle(
        contract_id=row["contract_id"],
        cycle_id=row["cycle_id"],
        period=Interval(row["period_start"], row["period_end"]),
        metered=Interval(row["metered_start"], row["metered_end"]),
        status=CycleStatus(row["status"]),
        amount=Money(row["amount_minor"], currency),
        delivered=Energy(row["delivered_wh"]),
        run=row["run"],
        basis=row["basis"],
    )


def run_row(revision: Revision) -> dict[str, Any]:
    """Return the next run of a cycle as a row; when it came is for the caller to add."""
    run = revision.revised
    return {
        "cycle": cycle_key(run.contract_id, run.cycle_id),
        "run": run.run,
        "amount_minor": run.amount.minor,
        "delivered_wh": run.delivered.watt_hours,
        "delta_minor": revision.delta.minor,
        "delta_wh": revision.delta_wh,
        "lines": [line.to_record() for line in run.lines],
        "explanation": run.explanation,
        "basis": run.basis,
    }


def correction_row(correction: BillCorrection) -> dict[str, Any]:
    """Return the correction as a row; when it came is for the caller to add."""
    return {
        "id": correction_key(correction),
        "bill": bill_key(correction.contract_id, correction.bill_id),
        "run": correction.run,
        "kind": correction.kind,
        "amount_minor": correction.amount.minor,
        "reverses": correction.reverses,
        "explanation": correction.explanation,
    }


def correction_from(row: RowMapping) -> BillCorrection:
    """Return the correction of a row that also has its bill's contract, id and currency, and `carried`."""
    return BillCorrection(
        contract_id=row["contract_id"],
        bill_id=row["cycle_id"],
        run=row["run"],
        kind=CorrectionKind(row["kind"]),
        amount=Money(row["amount_minor"], Currency(row["currency"])),
        explanation=row["explanation"],
        reverses=row["reverses"],
        carried=int(row["carried"]),
    )


def bill_row(bill: BillingCycle) -> dict[str, Any]:
    """Return the bill as a row; when it was issued is for the caller to add."""
    return {
        "id": bill_key(bill.contract_id, bill.cycle_id),
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
        settlement_cycle_ids=tuple(row["gathered"] or ()),
        period=Interval(row["period_start"], row["period_end"]),
        status=BillStatus(row["status"]),
        currency=currency,
        lines=tuple(LineItem.from_record(line, currency) for line in row["lines"]),
        explanation=row["explanation"],
    )
