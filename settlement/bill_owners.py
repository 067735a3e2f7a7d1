"""Whose bill a bill's id means: many contracts have a bill of the same month."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from kernel.errors import NodeError
from settlement.bills import BillNotFound
from settlement.tables import billing_cycles
from storage.unit_of_work import UnitOfWork

_NAMED: Final = 5


class BillAmbiguous(NodeError):
    """Several contracts have a bill of that id."""

    code, http_status, retryable = "BILL_AMBIGUOUS", 409, False


async def find_contract_of(bill_id: str, *, uow: UnitOfWork) -> str:
    """Return the id of the only contract that has a bill of this id. Raises: BillNotFound, BillAmbiguous."""
    query = (
        select(billing_cycles.c.contract_id)
        .where(billing_cycles.c.cycle_id == bill_id)
        .order_by(billing_cycles.c.contract_id)
        .limit(_NAMED + 1)
    )
    found: list[str] = list((await uow.connection.execute(query)).scalars())
    if not found:
        raise BillNotFound(f"no contract has a bill {bill_id[:64]}", path="bill")
    if len(found) > 1:
        more = ", …" if len(found) > _NAMED else ""
        raise BillAmbiguous(
            f"several contracts have a bill {bill_id}",
            path="bill",
            hint=f"Say which contract: {', '.join(found[:_NAMED])}{more}.",
        )
    return found[0]
