"""What was decided of a contract, kept: cycles are settled once, bills are issued once, both are corrected.

Recording an outcome again, or twice at the same time, changes nothing: whoever changes a contract's
account holds a lock on it until the unit of work ends.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import bindparam, insert, update

from kernel.long_work import beside_loop
from settlement.bills import BillEvent, BillingCycle, BillStatus, issue_bills
from settlement.correcting import (
    changes_of_corrections,
    find_corrections,
    keep_carried,
    keep_corrections,
    keep_runs,
)
from settlement.corrections import (
    BillCorrection,
    CorrectionKind,
    bill_of_its_own,
    carry,
    changes_of_taxes,
    correct_bills,
)
from settlement.cycles import CycleEvent, CycleStatus, SettlementCycle, next_cycle_status
from settlement.events import ISSUED, Change, record_changes
from settlement.penalty_credits import SellerPenalty, credit_penalty, seller_penalty
from settlement.rows import NOUGHT, bill_key, bill_row, cycle_key, cycle_row
from settlement.runs import Revision, find_revisions
from settlement.settle import SettlementOutcome
from settlement.store import (
    find_billable,
    find_billed,
    find_bills,
    find_cycles,
    find_standing,
    lock_account,
)
from settlement.tables import billed_cycles, billing_cycles, settlement_cycles
from storage.many_rows import write_rows
from storage.unit_of_work import UnitOfWork

CLOSED: Final = "its period is closed"
REVISED: Final = "what it was computed from was revised"
FELL_SHORT: Final = "the seller fell short of what was agreed"
_MOVE: Final = update(settlement_cycles).where(settlement_cycles.c.id == bindparam("key"))
_SETTLE: Final = _MOVE.values(
    {
        column.name: bindparam(column.name)
        for column in settlement_cycles.c
        if column.name not in ("id", "created_at")
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordResult:
    """What recording an outcome changed, and what came too late to change anything."""

    newly_settled: list[SettlementCycle]
    issued: list[BillingCycle]
    revised: list[Revision]
    """Settled cycles that have a next run."""
    corrections: list[BillCorrection]
    """Of bills that were issued before, and what bills were issued with."""
    too_late: list[Revision]
    """Cycles beyond the horizon of corrections, which stay as they are."""
    owed: SellerPenalty | None = None
    """What the seller owes for its shortfall, once the cycle that says so is on a bill."""


async def lock_standing(contract_id: str, *, uow: UnitOfWork) -> list[SettlementCycle]:
    """Lock a contract's account, and return how its cycles stand, for `record_outcome` to go on from."""
    await lock_account(contract_id, uow=uow)
    return await find_standing(contract_id, uow=uow)


async def record_outcome(
    outcome: SettlementOutcome,
    *,
    uow: UnitOfWork,
    now: datetime,
    standing: Sequence[SettlementCycle] | None = None,
) -> RecordResult:
    """Keep the outcome's cycles, settle those that are closed and were not settled before, and bill.

    `standing` is what `lock_standing` returned in the same unit of work, if it was asked before.
    A settled cycle is never edited. Where revised readings give its period another delivery or amount, it
    gets a next run: its bill is made of that, or is corrected, if it is issued already.
    """
    contract_id = outcome.contract_id
    if standing is None:
        standing = await lock_standing(contract_id, uow=uow)
    kept = {cycle.cycle_id: cycle for cycle in standing}
    if outcome.agreement.seller_may_owe:
        last = await find_cycles(contract_id, uow=uow, among=[outcome.cycles[-1].cycle_id])
        kept |= {cycle.cycle_id: cycle for cycle in last}
    await _open([cycle for cycle in outcome.cycles if cycle.cycle_id not in kept], uow=uow, now=now)
    settled = {cycle.cycle_id: cycle for cycle in kept.values() if cycle.is_settled}
    closed = [cycle for cycle in outcome.cycles if cycle.is_settled]
    newly_settled = [cycle for cycle in closed if cycle.cycle_id not in settled]
    found = find_revisions(settled, closed)
    revised = [revision for revision in found if not revision.is_too_late(now=now)]
    failed = {cycle.cycle_id for cycle in kept.values() if cycle.status is CycleStatus.FAILED}
    billed = await find_billed(contract_id, uow=uow)
    waiting = await find_corrections(contract_id, uow=uow)
    taxes = await _changes_of_taxes(outcome, revised, billed, uow=uow)
    corrections = correct_bills(revised, billed, waiting, taxes=taxes)
    changes = await _settle(newly_settled, failed, uow=uow, now=now)
    revisions = await keep_runs(revised, uow=uow, now=now)
    revisions += await keep_corrections(corrections, uow=uow, now=now)
    settled |= {cycle.cycle_id: cycle for cycle in newly_settled}
    settled |= {revision.revised.cycle_id: revision.revised for revision in revised}
    owed = _owed(outcome, settled)
    credited = credit_penalty(owed, billed, [*waiting, *corrections])
    short = await keep_corrections(credited, uow=uow, now=now)
    turn = _Turn(outcome=outcome, billed=billed, waiting=[*waiting, *corrections, *credited], owed=owed)
    issued, noted = await _issue(turn, settled, uow=uow, now=now)
    changes += [change for bill in issued for change in _issuing(bill)]
    with_bills = changes_of_corrections(noted)
    for made, reason in (
        (revisions, REVISED),
        (short, FELL_SHORT),
        (changes, CLOSED),
        (with_bills, FELL_SHORT),
    ):
        if made:
            await record_changes(contract_id, made, uow=uow, now=now, reason=reason)
    return RecordResult(
        newly_settled=newly_settled,
        issued=issued,
        revised=revised,
        corrections=[*corrections, *credited, *noted],
        owed=owed if owed is not None and owed.cycle_id in billed | _bills_of_cycles(issued) else None,
        too_late=[revision for revision in found if revision.is_too_late(now=now)],
    )


async def _changes_of_taxes(
    outcome: SettlementOutcome, revised: Sequence[Revision], billed: Mapping[str, str], *, uow: UnitOfWork
) -> dict[str, int]:
    """Return what revisions make of the taxes of bills that were issued before, by bill."""
    terms = outcome.agreement.terms
    bills = {bill for revision in revised if (bill := billed.get(revision.previous.cycle_id))}
    if not bills or not terms.taxes:
        return {}
    among = [cycle_id for cycle_id, bill_id in billed.items() if bill_id in bills]
    cycles = await find_billable(outcome.contract_id, among, uow=uow)
    return changes_of_taxes(revised, billed, cycles, terms)


async def _open(cycles: Sequence[SettlementCycle], *, uow: UnitOfWork, now: datetime) -> None:
    """Keep cycles that were not seen before, as all of them begin."""
    rows = (cycle_row(cycle) | NOUGHT | {"created_at": now} for cycle in cycles)
    await write_rows(uow.connection, insert(settlement_cycles), rows)


async def _settle(
    cycles: Sequence[SettlementCycle], failed: Container[str], *, uow: UnitOfWork, now: datetime
) -> list[Change]:
    """Settle the cycles, and return what changed; one that had failed is tried again by that."""
    again = [cycle for cycle in cycles if cycle.cycle_id in failed]
    keys = ({"key": cycle_key(cycle.contract_id, cycle.cycle_id)} for cycle in again)
    await write_rows(uow.connection, _MOVE.values(status=CycleStatus.PENDING), keys)
    rows = ({"key": row.pop("id"), **row, "settled_at": now} for row in map(cycle_row, cycles))
    await write_rows(uow.connection, _SETTLE, rows)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What bills may have to be issued of."""

    outcome: SettlementOutcome
    billed: Mapping[str, str]
    waiting: Sequence[BillCorrection]
    owed: SellerPenalty | None


def _owed(outcome: SettlementOutcome, settled: Mapping[str, SettlementCycle]) -> SellerPenalty | None:
    """Return what the seller owes by the last cycle, which is settled with all that explains it."""
    last = settled.get(outcome.cycles[-1].cycle_id) if outcome.agreement.seller_may_owe else None
    return None if last is None else seller_penalty(last)


def _bills_of_cycles(bills: Sequence[BillingCycle]) -> dict[str, str]:
    return {cycle_id: bill.cycle_id for bill in bills for cycle_id in bill.settlement_cycle_ids}


async def _issue(
    turn: _Turn, settled: Mapping[str, SettlementCycle], *, uow: UnitOfWork, now: datetime
) -> tuple[list[BillingCycle], list[BillCorrection]]:
    """Keep the bills whose turn it is, of the cycles as they were settled, and return them.

    With the credit note that one of them is issued with: what the seller owes by its cycles.
    """
    contract_id = turn.outcome.contract_id
    standing = [settled.get(cycle.cycle_id, cycle) for cycle in turn.outcome.cycles]
    bills_of = partial(issue_bills, turn.outcome.agreement, now=now, billed=turn.billed)
    due = await beside_loop(partial(bills_of, standing), items=len(standing))
    if due:
        ids = {cycle_id for bill in due for cycle_id in bill.settlement_cycle_ids}
        whole = {cycle.cycle_id: cycle for cycle in await find_billable(contract_id, ids, uow=uow)}
        cycles = [whole.get(cycle.cycle_id, cycle) for cycle in standing]
        due = await beside_loop(partial(bills_of, cycles), items=len(cycles))
    elif _is_last_said(turn):
        taken = {bill.cycle_id for bill in await find_bills(contract_id, uow=uow)}
        due = [bill_of_its_own(turn.outcome.agreement, taken=taken)]
    noted = credit_penalty(turn.owed, _bills_of_cycles(due), turn.waiting)
    bills, carried = carry(due, [*turn.waiting, *noted])
    if bills:
        await _keep_bills(bills, uow=uow, now=now)
        await keep_corrections(noted, uow=uow, now=now)
        await keep_carried(carried, uow=uow)
    return bills, noted


def _is_last_said(turn: _Turn) -> bool:
    """Say whether adjustments wait for a bill, and there will be no other."""
    return all(cycle.cycle_id in turn.billed for cycle in turn.outcome.cycles) and any(
        correction.kind is CorrectionKind.ADJUSTMENT and correction.left for correction in turn.waiting
    )


async def _keep_bills(bills: Sequence[BillingCycle], *, uow: UnitOfWork, now: datetime) -> None:
    rows = [bill_row(bill) | {"issued_at": now} for bill in bills]
    await uow.connection.execute(insert(billing_cycles), rows)
    gathered = (
        {
            "settlement_cycle": cycle_key(bill.contract_id, cycle_id),
            "billing_cycle": bill_key(bill.contract_id, bill.cycle_id),
        }
        for bill in bills
        for cycle_id in bill.settlement_cycle_ids
    )
    await write_rows(uow.connection, insert(billed_cycles), gathered)


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
