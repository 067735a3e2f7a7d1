"""Cycles and bills in PostgreSQL, within one unit of work.

A cycle is kept from the first time it is seen, and settled once: recording an outcome again, or twice
at the same time, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip

from kernel.currency import Currency
from kernel.energy import Energy
from kernel.ids import derived_id
from kernel.interval import Interval
from kernel.money import Money
from settlement.bills import BillingCycle, BillStatus, LineItem
from settlement.cycles import CycleEvent, CycleStatus, SettlementCycle, next_cycle_status
from settlement.explanation import Explanation
from settlement.settle import SettlementOutcome
from settlement.tables import billing_cycles, settlement_cycles
from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A cycle that is settled, and what the same day comes to by the readings of now."""

    settled: SettlementCycle
    recomputed: SettlementCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """What recording an outcome changed, and what it found that may not be changed."""

    newly_settled: list[SettlementCycle]
    needs_correction: list[Discrepancy]


async def record_outcome(outcome: SettlementOutcome, *, uow: UnitOfWork, now: datetime) -> RecordResult:
    """Keep the outcome's cycles, and settle and bill those that are closed and were not settled before.

    A settled cycle is never edited. Where revised readings give its day another delivery or amount,
    it stays as it is and comes back in `needs_correction`, for the caller to tell of; later days
    are settled by the revised readings, so their sum is right once the correction is made.
    """
    rows = [_open_row(cycle, now=now) for cycle in outcome.cycles]
    await uow.connection.execute(insert_or_skip(settlement_cycles).on_conflict_do_nothing(), rows)
    kept = await _cycles_of(outcome.contract_id, uow=uow, lock=True)
    stored = {cycle.cycle_id: cycle for cycle in kept}
    bills = {bill.settlement_cycle_id: bill for bill in outcome.bills}
    newly_settled: list[SettlementCycle] = []
    needs_correction: list[Discrepancy] = []
    for cycle in outcome.cycles:
        if not cycle.is_settled:
            continue
        before = stored[cycle.cycle_id]
        if not before.is_settled:
            await _settle(cycle, bills[cycle.cycle_id], before=before.status, uow=uow, now=now)
            newly_settled.append(cycle)
        elif (cycle.delivered, cycle.amount) != (before.delivered, before.amount):
            needs_correction.append(Discrepancy(settled=before, recomputed=cycle))
    return RecordResult(newly_settled=newly_settled, needs_correction=needs_correction)


async def find_cycles(contract_id: str, *, uow: UnitOfWork) -> list[SettlementCycle]:
    """Return the contract's settlement cycles in order of time; none before its first recording."""
    return await _cycles_of(contract_id, uow=uow, lock=False)


async def find_bills(contract_id: str, *, uow: UnitOfWork) -> list[BillingCycle]:
    """Return the contract's bills in order of time."""
    query = (
        select(billing_cycles, settlement_cycles.c.cycle_id.label("settled_as"))
        .join(settlement_cycles)
        .where(billing_cycles.c.contract_id == contract_id)
        .order_by(billing_cycles.c.period_start, billing_cycles.c.cycle_id)
    )
    return [_bill_from(row) for row in (await uow.connection.execute(query)).mappings()]


async def _cycles_of(contract_id: str, *, uow: UnitOfWork, lock: bool) -> list[SettlementCycle]:
    query = (
        select(settlement_cycles)
        .where(settlement_cycles.c.contract_id == contract_id)
        .order_by(settlement_cycles.c.period_start, settlement_cycles.c.cycle_id)
    )
    rows = await uow.connection.execute(query.with_for_update() if lock else query)
    return [_cycle_from(row) for row in rows.mappings()]


async def _settle(
    cycle: SettlementCycle, bill: BillingCycle, *, before: CycleStatus, uow: UnitOfWork, now: datetime
) -> None:
    this_cycle = update(settlement_cycles).where(settlement_cycles.c.id == _cycle_key(cycle))
    if before is CycleStatus.FAILED:
        before = next_cycle_status(before, CycleEvent.REQUEUED)
        await uow.connection.execute(this_cycle.values(status=before))
    settled = _cycle_row(cycle) | {"status": next_cycle_status(before, CycleEvent.POSTED), "settled_at": now}
    await uow.connection.execute(this_cycle.values(settled))
    row = _bill_row(bill, settlement_cycle=_cycle_key(cycle), issued_at=now)
    await uow.connection.execute(insert(billing_cycles).values(row))


def _cycle_key(cycle: SettlementCycle) -> UUID:
    return derived_id("settlement-cycle", cycle.contract_id, cycle.cycle_id, str(cycle.run))


def _cycle_row(cycle: SettlementCycle) -> dict[str, Any]:
    return {
        "id": _cycle_key(cycle),
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
        "explanation": None if cycle.explanation is None else cycle.explanation.to_record(),
    }


def _open_row(cycle: SettlementCycle, *, now: datetime) -> dict[str, Any]:
    """Return the row that a cycle begins with, settled or not."""
    nought = {"status": CycleStatus.PENDING, "amount_minor": 0, "delivered_wh": 0, "explanation": None}
    return _cycle_row(cycle) | nought | {"created_at": now}


def _cycle_from(row: RowMapping) -> SettlementCycle:
    explanation = row["explanation"]
    return SettlementCycle(
        contract_id=row["contract_id"],
        cycle_id=row["cycle_id"],
        period=Interval(row["period_start"], row["period_end"]),
        metered=Interval(row["metered_start"], row["metered_end"]),
        status=CycleStatus(row["status"]),
        amount=Money(row["amount_minor"], Currency(row["currency"])),
        delivered=Energy(row["delivered_wh"]),
        explanation=None if explanation is None else Explanation.from_record(explanation),
        run=row["run"],
    )


def _bill_row(bill: BillingCycle, *, settlement_cycle: UUID, issued_at: datetime) -> dict[str, Any]:
    return {
        "id": derived_id("billing-cycle", bill.contract_id, bill.cycle_id),
        "contract_id": bill.contract_id,
        "cycle_id": bill.cycle_id,
        "settlement_cycle": settlement_cycle,
        "period_start": bill.period.start,
        "period_end": bill.period.end,
        "status": bill.status,
        "total_minor": bill.total.minor,
        "currency": bill.currency.code,
        "lines": [{"title": line.title, "minor": line.amount.minor} for line in bill.lines],
        "issued_at": issued_at,
    }


def _bill_from(row: RowMapping) -> BillingCycle:
    currency = Currency(row["currency"])
    return BillingCycle(
        contract_id=row["contract_id"],
        cycle_id=row["cycle_id"],
        settlement_cycle_id=row["settled_as"],
        period=Interval(row["period_start"], row["period_end"]),
        status=BillStatus(row["status"]),
        currency=currency,
        lines=tuple(
            LineItem(title=line["title"], amount=Money(line["minor"], currency)) for line in row["lines"]
        ),
    )
