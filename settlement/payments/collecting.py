"""Issued bills that are not paid, and the next step of each, taken once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Text, bindparam, text

from settlement.bills import BillEvent, BillStatus
from settlement.events import Change, record_changes
from settlement.payments.due_dates import PaymentTerms
from settlement.payments.dunning import (
    STEPS,
    Collected,
    CollectionStep,
    CollectionTerms,
    DunningEvent,
    find_step,
)
from settlement.payments.overdue import ACTOR, PendingBill, mark_overdue
from settlement.store import lock_account
from storage.unit_of_work import UnitOfWork

_OPEN: Final = text("""
    SELECT b.id, b.contract_id, b.cycle_id, b.issued_at, b.status, c.zone,
           array_remove(array_agg(e.event), NULL) AS taken, coalesce(max(e.at), b.issued_at) AS last_at
    FROM billing_cycles AS b JOIN contracts AS c ON c.id = b.contract_id
    LEFT JOIN settlement_events AS e
      ON e.contract_id = b.contract_id AND e.subject = b.cycle_id AND e.event = ANY(:steps)
    WHERE b.status <> 'PAID' AND b.issued_at <= :issued_by
      AND (CAST(:contract AS text) IS NULL OR b.contract_id = :contract)
    GROUP BY b.id, c.zone ORDER BY b.issued_at, b.id
""").bindparams(bindparam("steps", list(STEPS), ARRAY(Text)))
_SLACK: Final = timedelta(days=2)  # a local day begins up to a day earlier, and clocks are changed


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenStep:
    """What was done about a bill."""

    bill_id: str
    step: CollectionStep


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenBill:
    id: UUID
    contract_id: str
    bill_id: str
    collected: Collected


async def list_collectable(*, terms: CollectionTerms, uow: UnitOfWork, now: datetime) -> list[str]:
    """Return the contracts of which a bill needs something done at `now`, the oldest bills' first."""
    shortest = timedelta(days=max(terms.days - terms.reminder_days, 0)) - _SLACK
    bills = await _find_open(None, uow=uow, issued_by=now - shortest)
    due = (bill.contract_id for bill in bills if find_step(bill.collected, terms, now=now))
    return list(dict.fromkeys(due))


async def take_steps(
    contract_id: str, terms: CollectionTerms, *, uow: UnitOfWork, now: datetime
) -> list[TakenStep]:
    """Do what is to be done about each bill of a contract, as it stands by now, and return what it was.

    What somebody else did meanwhile, or a payment made needless, is not done.
    """
    await lock_account(contract_id, uow=uow)
    taken: list[TakenStep] = []
    for bill in await _find_open(contract_id, uow=uow, issued_by=now):
        step = find_step(bill.collected, terms, now=now)
        if step is not None:
            await _take(bill, step, terms.in_zone(bill.collected.zone), uow=uow, now=now)
            taken.append(TakenStep(bill_id=bill.bill_id, step=step))
    return taken


async def _take(
    bill: _OpenBill, step: CollectionStep, by: PaymentTerms, *, uow: UnitOfWork, now: datetime
) -> None:
    if step is BillEvent.FELL_DUE:
        await mark_overdue(_pending(bill), by, uow=uow, now=now)
        return
    status = bill.collected.status
    change = Change(subject=bill.bill_id, event=step, old_status=status, new_status=status)
    word = "is" if step is DunningEvent.REMINDED else "was"
    reason = f"it {word} due on {by.due_date(bill.collected.issued_at)}"
    await record_changes(bill.contract_id, [change], uow=uow, now=now, reason=reason, actor=ACTOR)


def _pending(bill: _OpenBill) -> PendingBill:
    issued_at = bill.collected.issued_at
    return PendingBill(id=bill.id, contract_id=bill.contract_id, bill_id=bill.bill_id, issued_at=issued_at)


async def _find_open(contract_id: str | None, *, uow: UnitOfWork, issued_by: datetime) -> Sequence[_OpenBill]:
    values = {"contract": contract_id, "issued_by": issued_by}
    return [_bill(row) for row in (await uow.connection.execute(_OPEN, values)).mappings()]


def _bill(row: RowMapping) -> _OpenBill:
    return _OpenBill(
        id=row["id"],
        contract_id=row["contract_id"],
        bill_id=row["cycle_id"],
        collected=Collected(
            issued_at=row["issued_at"],
            status=BillStatus(row["status"]),
            zone=row["zone"],
            taken=row["taken"],
            last_at=row["last_at"],
        ),
    )
