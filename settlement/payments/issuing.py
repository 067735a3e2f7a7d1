"""Bills and credit notes on the ledger, from the unit of work in which they are issued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select

from kernel.currency import Currency
from kernel.money import Money
from settlement.corrections import CREDITS, CorrectionKind
from settlement.ledger.entries import Transfer
from settlement.ledger.ledger import Ledger
from settlement.payments.posting import (
    Issued,
    Parties,
    bill_entry,
    credit_note_entry,
    credit_used_entry,
    penalty_credit_entry,
)
from settlement.payments.tables import returned_payment_bills
from settlement.tables import bill_corrections, billing_cycles, carried_corrections
from storage.unit_of_work import UnitOfWork

_NONE: Final[Mapping[UUID, Parties]] = MappingProxyType({})


async def post_issued(
    *,
    bills: Mapping[UUID, Parties] = _NONE,
    notes: Mapping[UUID, Parties] = _NONE,
    beside: Sequence[Sequence[Transfer]] = (),
    uow: UnitOfWork,
    now: datetime,
) -> None:
    """Put issued bills and credit notes on the ledger, and what the bills took up of credit notes.

    What is there stays as it is. A bill of a returned payment is there by its return. `beside` are groups of
    transfers that are recorded with them, so that all accounts are locked at once and in order.
    Raises: TransferMismatch, if one is there as other parties'.
    """
    found = {row.id: _bill(row, bills[row.id]) for row in await _read_bills(bills, uow=uow)}
    used = await _read_used(bills, uow=uow)
    owing = {row.correction: bills[row.billing_cycle] for row in used} | dict(notes)
    entries = [
        *(bill_entry(bill) for bill in found.values() if bill.amount.minor),
        *[_note_entry(row, owing[row.id]) for row in await _read_notes(owing, uow=uow)],
        *_uses(used, found),
        *(transfer for group in beside for transfer in group),
    ]
    if entries:
        ledger = Ledger(uow)
        await ledger.open(*(side for entry in entries for side in (entry.debit, entry.credit)))
        groups = [[transfer.id for transfer in group] for group in beside]
        await ledger.record(entries, now=now, groups=groups)


def _uses(used: Sequence[Row[Any]], bills: Mapping[UUID, Issued]) -> Iterator[Transfer]:
    for row in used:
        bill = bills[row.billing_cycle]
        part = Money(row.amount_minor, bill.amount.currency)
        yield credit_used_entry(bill, note=row.correction, used=part)


def _bill(row: Row[Any], parties: Parties) -> Issued:
    return Issued(
        id=row.id,
        parties=parties,
        amount=Money(row.total_minor, Currency(row.currency)),
        ref=f"{row.contract_id} {row.cycle_id}",
        at=row.issued_at,
    )


def _note_entry(row: Row[Any], parties: Parties) -> Transfer:
    note = Issued(
        id=row.id,
        parties=parties,
        amount=Money(row.amount_minor, Currency(row.currency)),
        ref=f"{row.contract_id} {row.cycle_id}-r{row.run}",
        at=row.issued_at,
    )
    if row.kind != CorrectionKind.PENALTY_CREDIT:
        return credit_note_entry(note)
    penalty = row.explanation["penalty"]
    return penalty_credit_entry(note, cycle=f"{row.contract_id} {penalty['cycle']}", run=penalty["run"])


async def _read_bills(bills: Mapping[UUID, Parties], *, uow: UnitOfWork) -> Sequence[Row[Any]]:
    if not bills:
        return ()
    returned = select(returned_payment_bills.c.bill)
    query = (
        select(billing_cycles)
        .where(billing_cycles.c.id.in_(bills), billing_cycles.c.id.not_in(returned))
        .order_by(billing_cycles.c.id)
    )
    return (await uow.connection.execute(query)).all()


async def _read_used(bills: Mapping[UUID, Parties], *, uow: UnitOfWork) -> Sequence[Row[Any]]:
    """Return what these bills took up of credit notes."""
    if not bills:
        return ()
    carried = carried_corrections.c
    query = (
        select(carried_corrections)
        .join(bill_corrections, carried.correction == bill_corrections.c.id)
        .where(carried.billing_cycle.in_(bills), bill_corrections.c.kind.in_(CREDITS))
        .order_by(carried.billing_cycle, carried.correction)
    )
    return (await uow.connection.execute(query)).all()


async def _read_notes(notes: Mapping[UUID, Parties], *, uow: UnitOfWork) -> Sequence[Row[Any]]:
    if not notes:
        return ()
    bill = billing_cycles.c
    query = (
        select(bill_corrections, bill.contract_id, bill.cycle_id, bill.currency)
        .join(billing_cycles, bill_corrections.c.bill == bill.id)
        .where(bill_corrections.c.id.in_(notes))
        .order_by(bill_corrections.c.id)
    )
    return (await uow.connection.execute(query)).all()
