"""What was decided of a contract, kept: cycles are settled once, and bills are issued once.

Recording an outcome again, or twice at the same time, changes nothing: whoever changes a contract's
account holds a lock on it until the unit of work ends.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, update

from settlement.bills import BillEvent, BillingCycle, BillStatus, issue_bills
from settlement.cycles import CycleEvent, CycleStatus, SettlementCycle, next_cycle_status
from settlement.events import ISSUED, Change, record_changes
from settlement.rows import NOUGHT, bill_key, bill_row, cycle_key, cycle_row
from settlement.settle import SettlementOutcome
from settlement.store import find_billed, find_cycles, find_standing, lock_account
from settlement.tables import billed_cycles, billing_cycles, settlement_cycles
from storage.unit_of_work import UnitOfWork

CLOSED: Final = "its period is closed"
_MOVE: Final = update(settlement_cycles).where(settlement_cycles.c.id == bindparam("key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """How a cycle was settled, and what the same period comes to by the readings of now."""

    settled: SettlementCycle
    recomputed: SettlementCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """What recording an outcome changed, and what it found that may not be changed."""

    newly_settled: list[SettlementCycle]
    issued: list[BillingCycle]
    needs_correction: list[Discrepancy]


async def record_outcome(outcome: SettlementOutcome, *, uow: UnitOfWork, now: datetime) -> RecordResult:
    """Keep the outcome's cycles, settle those that are closed and were not settled before, and bill.

    A settled cycle is never edited. Where revised readings give its period another delivery or amount,
    it stays as it is and comes back in `needs_correction`, for the caller to tell of; later cycles
    are settled by the revised readings, so their sum is right once the correction is made.
    """
    contract_id = outcome.contract_id
    await lock_account(contract_id, uow=uow)
    kept = {cycle.cycle_id: cycle for cycle in await find_standing(contract_id, uow=uow)}
    await _open([cycle for cycle in outcome.cycles if cycle.cycle_id not in kept], uow=uow, now=now)
    settled = {cycle.cycle_id: cycle for cycle in kept.values() if cycle.is_settled}
    closed = [cycle for cycle in outcome.cycles if cycle.is_settled]
    newly_settled = [cycle for cycle in closed if cycle.cycle_id not in settled]
    needs_correction = [
        Discrepancy(settled=settled[cycle.cycle_id], recomputed=cycle)
        for cycle in closed
        if cycle.cycle_id in settled and not _same(cycle, settled[cycle.cycle_id])
    ]
    failed = {cycle.cycle_id for cycle in kept.values() if cycle.status is CycleStatus.FAILED}
    changes = await _settle(newly_settled, failed, uow=uow, now=now)
    settled |= {cycle.cycle_id: cycle for cycle in newly_settled}
    issued = await _issue(outcome, settled, uow=uow, now=now)
    changes += [change for bill in issued for change in _issuing(bill)]
    if changes:
        await record_changes(contract_id, changes, uow=uow, now=now, reason=CLOSED)
    return RecordResult(newly_settled=newly_settled, issued=issued, needs_correction=needs_correction)


def _same(one: SettlementCycle, other: SettlementCycle) -> bool:
    return (one.delivered, one.amount) == (other.delivered, other.amount)


async def _open(cycles: Sequence[SettlementCycle], *, uow: UnitOfWork, now: datetime) -> None:
    """Keep cycles that were not seen before, as all of them begin."""
    if cycles:
        rows = [cycle_row(cycle) | NOUGHT | {"created_at": now} for cycle in cycles]
        await uow.connection.execute(insert(settlement_cycles), rows)


async def _settle(
    cycles: Sequence[SettlementCycle], failed: Container[str], *, uow: UnitOfWork, now: datetime
) -> list[Change]:
    """Settle the cycles, and return what changed; one that had failed is tried again by that."""
    again = [cycle for cycle in cycles if cycle.cycle_id in failed]
    if again:
        keys = [{"key": cycle_key(cycle.contract_id, cycle.cycle_id)} for cycle in again]
        await uow.connection.execute(_MOVE.values(status=CycleStatus.PENDING), keys)
    if cycles:
        rows = [{"key": row.pop("id"), **row, "settled_at": now} for row in map(cycle_row, cycles)]
        values: dict[str, Any] = {name: bindparam(name) for name in rows[0].keys() - {"key"}}
        await uow.connection.execute(_MOVE.values(values), rows)
    return [
        *(_step(cycle, CycleStatus.FAILED, CycleEvent.REQUEUED) for cycle in again),
        *(_step(cycle, CycleStatus.PENDING, CycleEvent.POSTED) for cycle in cycles),
    ]


def _step(cycle: SettlementCycle, status: CycleStatus, event: CycleEvent) -> Change:
    return Change(
        subject=cycle.cycle_id,
        event=event,
        old_status=status,
        new_status=next_cycle_status(status, event),
    )


async def _issue(
    outcome: SettlementOutcome,
    settled: Mapping[str, SettlementCycle],
    *,
    uow: UnitOfWork,
    now: datetime,
) -> list[BillingCycle]:
    """Keep the bills whose turn it is, of the cycles as they were settled, and return them."""
    billed = await find_billed(outcome.contract_id, uow=uow)
    standing = [settled.get(cycle.cycle_id, cycle) for cycle in outcome.cycles]
    due = issue_bills(outcome.agreement, standing, now=now, billed=billed)
    if not due:
        return []
    ids = {cycle_id for bill in due for cycle_id in bill.settlement_cycle_ids}
    whole = {cycle.cycle_id: cycle for cycle in await find_cycles(outcome.contract_id, uow=uow, among=ids)}
    cycles = [whole.get(cycle.cycle_id, cycle) for cycle in standing]
    bills = issue_bills(outcome.agreement, cycles, now=now, billed=billed)
    rows = [bill_row(bill) | {"issued_at": now} for bill in bills]
    await uow.connection.execute(insert(billing_cycles), rows)
    gathered = [
        {"settlement_cycle": cycle_key(bill.contract_id, cycle_id), "billing_cycle": bill_key(bill)}
        for bill in bills
        for cycle_id in bill.settlement_cycle_ids
    ]
    await uow.connection.execute(insert(billed_cycles), gathered)
    return bills


def _issuing(bill: BillingCycle) -> Iterator[Change]:
    """Yield what becomes of a bill as it is issued: one of nought is covered at once."""
    yield Change(subject=bill.cycle_id, event=ISSUED, old_status=None, new_status=BillStatus.PENDING)
    if bill.status is BillStatus.PAID:
        yield Change(
            subject=bill.cycle_id,
            event=BillEvent.COVERED,
            old_status=BillStatus.PENDING,
            new_status=bill.status,
        )
