"""Cycles and bills as they are kept in PostgreSQL, within one unit of work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Final

from sqlalchemy import ARRAY, RowMapping, Text, any_, func, literal, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from kernel.energy import ZERO_ENERGY, Energy
from kernel.long_work import beside_loop
from settlement.bills import BillingCycle
from settlement.cycles import SettlementCycle
from settlement.rows import bill_from, cycle_from, standing_from
from settlement.runs import newest_runs
from settlement.tables import billed_cycles, billing_cycles, settlement_cycles, settlement_runs
from storage.unit_of_work import UnitOfWork

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('settlement ' || :contract, 0))")
_OF_PERIOD: Final = (
    "contract_id",
    "cycle_id",
    "period_start",
    "period_end",
    "metered_start",
    "metered_end",
    "status",
    "currency",
)
_OF_RUN: Final = ("run", "amount_minor", "delivered_wh", "basis")
_HEAVY: Final = ("lines", "explanation")
_IN_ORDER: Final = itemgetter("period_start", "cycle_id", "run")


async def lock_account(contract_id: str, *, uow: UnitOfWork) -> None:
    """Wait until nobody else changes the contract's cycles and bills, and keep others from it."""
    await uow.connection.execute(_LOCK, {"contract": contract_id})


async def find_cycles(
    contract_id: str, *, uow: UnitOfWork, among: Collection[str] | None = None
) -> list[SettlementCycle]:
    """Return the contract's settlement cycles, or some of them, by the run that counts.

    With all that explains them, in order of time.
    """
    return newest_runs(await find_runs(contract_id, uow=uow, among=among))


async def find_runs(
    contract_id: str, *, uow: UnitOfWork, among: Collection[str] | None = None
) -> list[SettlementCycle]:
    """Return every run of the contract's settlement cycles, or of some of them, with all that explains it.

    In order of time, the first run of each cycle before the others.
    """
    return await _read(contract_id, _HEAVY, uow=uow, among=among)


async def find_billable(
    contract_id: str, among: Collection[str], *, uow: UnitOfWork
) -> list[SettlementCycle]:
    """Return some of the contract's settlement cycles, by the run that counts: without what explains them."""
    return newest_runs(await _read(contract_id, ("lines",), uow=uow, among=among))


async def find_standing(contract_id: str, *, uow: UnitOfWork) -> list[SettlementCycle]:
    """Return how the contract's settlement cycles stand: `find_cycles` without lines and explanations."""
    return newest_runs(await find_standing_runs(contract_id, uow=uow))


async def find_standing_runs(contract_id: str, *, uow: UnitOfWork) -> list[SettlementCycle]:
    """Return every run of the contract's settlement cycles: `find_runs` without lines and explanations."""
    return await _read(contract_id, (), uow=uow)


async def find_delivered(contract_id: str, *, uow: UnitOfWork) -> Energy:
    """Return what the contract's settled cycles delivered."""
    standing = await find_standing(contract_id, uow=uow)
    return sum((cycle.delivered for cycle in standing), ZERO_ENERGY)


async def find_bills(contract_id: str, *, uow: UnitOfWork, bill_id: str | None = None) -> list[BillingCycle]:
    """Return the contract's bills, or the one of that id, in order of time."""
    in_order = aggregate_order_by(settlement_cycles.c.cycle_id, settlement_cycles.c.period_start)
    gathered = (
        select(func.array_agg(in_order))
        .join(billed_cycles, billed_cycles.c.settlement_cycle == settlement_cycles.c.id)
        .where(billed_cycles.c.billing_cycle == billing_cycles.c.id)
        .scalar_subquery()
    )
    query = (
        select(billing_cycles, gathered.label("gathered"))
        .where(billing_cycles.c.contract_id == contract_id)
        .order_by(billing_cycles.c.period_start, billing_cycles.c.cycle_id)
    )
    if bill_id is not None:
        query = query.where(billing_cycles.c.cycle_id == bill_id)
    return [bill_from(row) for row in (await uow.connection.execute(query)).mappings()]


async def find_billed(contract_id: str, *, uow: UnitOfWork) -> dict[str, str]:
    """Return the id of the bill that each of the contract's settlement cycles is on, if it is on one."""
    query = (
        select(settlement_cycles.c.cycle_id.label("cycle"), billing_cycles.c.cycle_id.label("bill"))
        .join(billed_cycles, billed_cycles.c.settlement_cycle == settlement_cycles.c.id)
        .join(billing_cycles, billed_cycles.c.billing_cycle == billing_cycles.c.id)
        .where(settlement_cycles.c.contract_id == contract_id)
        .order_by(settlement_cycles.c.period_start)
    )
    return {row.cycle: row.bill for row in await uow.connection.execute(query)}


async def _read(
    contract_id: str,
    heavy: Sequence[str],
    *,
    uow: UnitOfWork,
    among: Collection[str] | None = None,
) -> list[SettlementCycle]:
    first = select(*(settlement_cycles.c[name] for name in (*_OF_PERIOD, *_OF_RUN, *heavy)))
    later = select(
        *(settlement_cycles.c[name] for name in _OF_PERIOD),
        *(settlement_runs.c[name] for name in (*_OF_RUN, *heavy)),
    ).join(settlement_cycles, settlement_runs.c.cycle == settlement_cycles.c.id)
    rows: list[RowMapping] = []
    for query in (first, later):
        found = query.where(settlement_cycles.c.contract_id == contract_id)
        if among is not None:
            found = found.where(settlement_cycles.c.cycle_id == any_(literal(list(among), ARRAY(Text))))
        rows += (await uow.connection.execute(found)).mappings()
    return await beside_loop(partial(_cycles_of, rows, heavy), items=len(rows))


def _cycles_of(rows: Iterable[RowMapping], heavy: Sequence[str]) -> list[SettlementCycle]:
    read = cycle_from if heavy else standing_from
    return [read(row) for row in sorted(rows, key=_IN_ORDER)]
