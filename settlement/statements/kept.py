"""What is kept of a bill: the runs that it and those it corrects were made of, with when each came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from settlement.bills import BillingCycle, BillNotFound
from settlement.correcting import find_corrections
from settlement.corrections import BillCorrection
from settlement.cycles import SettlementCycle
from settlement.rows import bill_key, correction_key
from settlement.store import find_bills, find_runs
from settlement.tables import (
    bill_corrections,
    billing_cycles,
    carried_corrections,
    settlement_cycles,
    settlement_runs,
)
from storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """A run of a settled cycle, and when it was settled."""

    cycle: SettlementCycle
    settled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBill:
    """A bill, and when it was issued."""

    bill: BillingCycle
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """The part of a correction that a bill took up, in minor units, and when that was issued."""

    bill_id: str
    issued_at: datetime
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCorrection:
    """A correction, when it was issued, and which bills took it up, in their order."""

    correction: BillCorrection
    issued_at: datetime
    taken_up: tuple[TakenUp, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStatement:
    """A bill with the bills whose corrections it took up, their corrections, and all runs of their cycles."""

    bill: KeptBill
    corrected: tuple[KeptBill, ...]
    corrections: tuple[KeptCorrection, ...]
    runs: tuple[KeptRun, ...]


async def find_kept(contract_id: str, bill_id: str, *, uow: UnitOfWork) -> KeptStatement:
    """Return what is kept of a bill. Raises: BillNotFound."""
    bills = {each.bill.cycle_id: each for each in await _bills(contract_id, uow)}
    if bill_id not in bills:
        raise BillNotFound(f"the order {contract_id} has no bill {bill_id[:64]}")
    corrections = await _corrections(contract_id, uow)
    concerned = {bill_id} | {
        each.correction.bill_id
        for each in corrections
        if any(part.bill_id == bill_id for part in each.taken_up)
    }
    cycles = {cycle for each in concerned for cycle in bills[each].bill.settlement_cycle_ids}
    return KeptStatement(
        bill=bills[bill_id],
        corrected=tuple(each for name, each in bills.items() if name in concerned - {bill_id}),
        corrections=tuple(each for each in corrections if each.correction.bill_id in concerned),
        runs=tuple(await _runs(contract_id, cycles, uow)),
    )


async def _bills(contract_id: str, uow: UnitOfWork) -> list[KeptBill]:
    query = select(billing_cycles.c.id, billing_cycles.c.issued_at).where(
        billing_cycles.c.contract_id == contract_id
    )
    issued = {row.id: row.issued_at for row in await uow.connection.execute(query)}
    return [
        KeptBill(bill=bill, issued_at=issued[bill_key(contract_id, bill.cycle_id)])
        for bill in await find_bills(contract_id, uow=uow)
    ]


async def _runs(contract_id: str, cycles: set[str], uow: UnitOfWork) -> list[KeptRun]:
    of_contract = settlement_cycles.c.contract_id == contract_id
    first = select(settlement_cycles.c.cycle_id, settlement_cycles.c.run, settlement_cycles.c.settled_at)
    later = select(settlement_cycles.c.cycle_id, settlement_runs.c.run, settlement_runs.c.recorded_at).join(
        settlement_cycles, settlement_runs.c.cycle == settlement_cycles.c.id
    )
    came = {
        (cycle_id, run): at
        for query in (first, later)
        for cycle_id, run, at in await uow.connection.execute(query.where(of_contract))
    }
    return [
        KeptRun(cycle=run, settled_at=came[run.cycle_id, run.run])
        for run in await find_runs(contract_id, uow=uow, among=cycles)
    ]


async def _corrections(contract_id: str, uow: UnitOfWork) -> list[KeptCorrection]:
    correction, carried, bill = bill_corrections.c, carried_corrections.c, billing_cycles.c
    issued = {
        row.id: row.issued_at
        for row in await uow.connection.execute(
            select(correction.id, correction.issued_at)
            .join_from(bill_corrections, billing_cycles, correction.bill == bill.id)
            .where(bill.contract_id == contract_id)
        )
    }
    parts = (
        await uow.connection.execute(
            select(carried.correction, bill.cycle_id, bill.issued_at, carried.amount_minor)
            .join_from(carried_corrections, billing_cycles, carried.billing_cycle == bill.id)
            .where(bill.contract_id == contract_id)
            .order_by(bill.issued_at, bill.period_start, bill.cycle_id)
        )
    ).all()
    return [
        KeptCorrection(
            correction=each,
            issued_at=issued[key],
            taken_up=tuple(
                TakenUp(bill_id=part.cycle_id, issued_at=part.issued_at, minor=part.amount_minor)
                for part in parts
                if part.correction == key
            ),
        )
        for each in await find_corrections(contract_id, uow=uow)
        for key in [correction_key(each)]
    ]
