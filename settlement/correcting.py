"""Later runs of cycles and corrections of bills, kept: nothing of either is ever changed.

The contract's account has to be locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, insert, select

from kernel.errors import NodeError
from settlement.corrections import FIRST_CORRECTION, BillCorrection, Carried, reversal
from settlement.cycles import CycleStatus
from settlement.events import ISSUED, Change, record_changes
from settlement.payments.issuing import post_issued
from settlement.payments.posting import Parties
from settlement.rows import bill_key, correction_from, correction_key, correction_row, run_row
from settlement.runs import Revision, run_id
from settlement.store import lock_account
from settlement.tables import bill_corrections, billing_cycles, carried_corrections, settlement_runs
from storage.unit_of_work import UnitOfWork

CORRECTED: Final = "CORRECTED"
"""What happens to a settled cycle whose readings were revised."""


class CorrectionNotFound(NodeError):
    """The bill has no such correction."""

    code, http_status, retryable = "BILL_CORRECTION_NOT_FOUND", 404, False


class CorrectionAlreadyReversed(NodeError):
    """The correction was taken back before, or takes another one back."""

    code, http_status, retryable = "BILL_CORRECTION_REVERSED", 409, False


async def find_corrections(
    contract_id: str, *, uow: UnitOfWork, bill_id: str | None = None
) -> list[BillCorrection]:
    """Return the corrections of the contract's bills, or of the one of that id, in order."""
    carried = (
        select(func.coalesce(func.sum(carried_corrections.c.amount_minor), 0))
        .where(carried_corrections.c.correction == bill_corrections.c.id)
        .scalar_subquery()
    )
    bill = billing_cycles.c
    query = (
        select(bill_corrections, bill.contract_id, bill.cycle_id, bill.currency, carried.label("carried"))
        .join(billing_cycles, bill_corrections.c.bill == bill.id)
        .where(bill.contract_id == contract_id)
        .order_by(bill.period_start, bill.cycle_id, bill_corrections.c.run)
    )
    if bill_id is not None:
        query = query.where(bill.cycle_id == bill_id)
    return [correction_from(row) for row in (await uow.connection.execute(query)).mappings()]


async def keep_runs(revisions: Sequence[Revision], *, uow: UnitOfWork, now: datetime) -> list[Change]:
    """Keep the next run of each cycle, and return what changed by that."""
    if revisions:
        rows = [run_row(revision) | {"recorded_at": now} for revision in revisions]
        await uow.connection.execute(insert(settlement_runs), rows)
    return [
        Change(
            subject=run_id(revision.revised),
            event=CORRECTED,
            old_status=None,
            new_status=CycleStatus.SETTLED,
        )
        for revision in revisions
    ]


async def keep_corrections(
    corrections: Sequence[BillCorrection], *, uow: UnitOfWork, now: datetime
) -> list[Change]:
    """Keep the corrections, and return what changed by that."""
    if corrections:
        rows = [correction_row(correction) | {"issued_at": now} for correction in corrections]
        await uow.connection.execute(insert(bill_corrections), rows)
    return changes_of_corrections(corrections)


def changes_of_corrections(corrections: Iterable[BillCorrection]) -> list[Change]:
    """Return what changes as these corrections are issued."""
    return [
        Change(
            subject=f"{correction.bill_id}-r{correction.run}",
            event=correction.kind,
            old_status=None,
            new_status=ISSUED,
        )
        for correction in corrections
    ]


async def keep_carried(carried: Iterable[Carried], *, uow: UnitOfWork) -> None:
    """Keep which bills took up which parts of corrections."""
    rows = [
        {
            "correction": correction_key(part.correction),
            "billing_cycle": bill_key(part.correction.contract_id, part.bill_id),
            "amount_minor": part.minor,
        }
        for part in carried
    ]
    if rows:
        await uow.connection.execute(insert(carried_corrections), rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """Which correction of a bill is to be taken back, who says so, and why."""

    contract_id: str
    bill_id: str
    run: int
    actor: str
    reason: str


async def reverse_correction(
    asked: Reversal, *, parties: Parties, uow: UnitOfWork, now: datetime
) -> BillCorrection:
    """Take a wrong correction back by one of the opposite kind that names it, and return that.

    It is taken up by bills as every other. A credit note is on the ledger at once, as what the payee of
    `parties` owes the payer; an adjustment comes onto it with the bill that asks for it.
    Raises: CorrectionNotFound, CorrectionAlreadyReversed, TransferMismatch, DayIsSealed.
    """
    contract_id, bill_id, run = asked.contract_id, asked.bill_id, asked.run
    await lock_account(contract_id, uow=uow)
    corrections = await find_corrections(contract_id, uow=uow, bill_id=bill_id)
    wrong = next((found for found in corrections if found.run == run), None)
    if wrong is None:
        raise CorrectionNotFound(f"bill {bill_id[:64]} of {contract_id} has no correction {run}")
    if wrong.reverses is not None or any(found.reverses == run for found in corrections):
        raise CorrectionAlreadyReversed(f"correction {run} of bill {bill_id} cannot be taken back any more")
    back = reversal(wrong, run=FIRST_CORRECTION + len(corrections), reason=asked.reason)
    changes = await keep_corrections([back], uow=uow, now=now)
    await record_changes(contract_id, changes, uow=uow, now=now, reason=asked.reason, actor=asked.actor)
    if back.kind.is_credit:
        await post_issued(notes={correction_key(back): parties}, uow=uow, now=now)
    return back
