"""Cycles and bills as they are kept in PostgreSQL, within one unit of work."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Text, any_, func, literal, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from kernel.energy import Energy
from settlement.bills import BillingCycle
from settlement.cycles import SettlementCycle
from settlement.rows import bill_from, cycle_from
from settlement.tables import billed_cycles, billing_cycles, settlement_cycles
from storage.unit_of_work import UnitOfWork

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('settlement ' || :contract, 0))")
_HEAVY: Final = ("lines", "explanation")
_WHOLE: Final = tuple(settlement_cycles.c)
_STANDING: Final = tuple(column for column in settlement_cycles.c if column.name not in _HEAVY)


async def lock_account(contract_id: str, *, uow: UnitOfWork) -> None:
    """Wait until nobody else changes the contract's cycles and bills, and keep others from it."""
    await uow.connection.execute(_LOCK, {"contract": contract_id})


async def find_cycles(
    contract_id: str, *, uow: UnitOfWork, among: Collection[str] | None = None
) -> list[SettlementCycle]:
    """Return the contract's settlement cycles, or some of them, with all that explains them, in order."""
    return await _read(contract_id, _WHOLE, uow=uow, among=among)


async def find_standing(contract_id: str, *, uow: UnitOfWork) -> list[SettlementCycle]:
    """Return how the contract's settlement cycles stand, without lines and explanations, in order of time."""
    return await _read(contract_id, _STANDING, uow=uow)


async def find_delivered(contract_id: str, *, uow: UnitOfWork) -> Energy:
    """Return what the contract's settled cycles delivered."""
    mine = settlement_cycles.c.contract_id == contract_id
    total = await uow.connection.scalar(select(func.sum(settlement_cycles.c.delivered_wh)).where(mine))
    return Energy(int(total or 0))


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


async def find_billed(contract_id: str, *, uow: UnitOfWork) -> frozenset[str]:
    """Return the ids of the contract's settlement cycles that are on a bill."""
    query = (
        select(settlement_cycles.c.cycle_id)
        .join(billed_cycles, billed_cycles.c.settlement_cycle == settlement_cycles.c.id)
        .where(settlement_cycles.c.contract_id == contract_id)
    )
    return frozenset((await uow.connection.execute(query)).scalars())


async def _read(
    contract_id: str,
    columns: Iterable[ColumnElement[Any]],
    *,
    uow: UnitOfWork,
    among: Collection[str] | None = None,
) -> list[SettlementCycle]:
    query = (
        select(*columns)
        .where(settlement_cycles.c.contract_id == contract_id)
        .order_by(settlement_cycles.c.period_start, settlement_cycles.c.cycle_id)
    )
    if among is not None:
        query = query.where(settlement_cycles.c.cycle_id == any_(literal(list(among), ARRAY(Text))))
    return [cycle_from(row) for row in (await uow.connection.execute(query)).mappings()]
