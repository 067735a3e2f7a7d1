"""Whose bill a bill's id means: many contracts have a bill of the same month."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from kernel.errors import NodeError
from settlement.bills import BillNotFound
from settlement.tables import billing_cycles
from storage.unit_of_work import UnitOfWork
from trading.order_lines import named_bill, read_cycle_id
from trading.tables import contracts

_NAMED: Final = 5


class BillAmbiguous(NodeError):
    """Several contracts have a bill of that id."""

    code, http_status, retryable = "BILL_AMBIGUOUS", 409, False


async def find_bill_named(bill_id: str, *, contract: str | None, uow: UnitOfWork) -> tuple[str, str]:
    """Return whose bill is meant, and its id there: of the contract named, else the only one there is.

    A bill of a line is named as its buyer is told of it, or by its own id where nobody is told one so.
    Raises: BillNotFound, BillAmbiguous.
    """
    if contract is not None:
        return named_bill(contract, bill_id)
    if not bill_id.isprintable():  # PostgreSQL takes no NUL
        raise BillNotFound(f"no contract has a bill {bill_id[:64]!r}", path="bill")
    line, own_id = read_cycle_id(bill_id)
    found = await _find_owners(own_id, uow, of_line=line)
    if not found and line == 1:
        found = await _find_owners(own_id, uow)
    if not found:
        raise BillNotFound(f"no contract has a bill {bill_id[:64]}", path="bill")
    if len(found) > 1:
        more = ", …" if len(found) > _NAMED else ""
        raise BillAmbiguous(
            f"several contracts have a bill {bill_id}",
            path="bill",
            hint=f"Say which contract: {', '.join(found[:_NAMED])}{more}.",
        )
    return found[0], own_id


async def _find_owners(bill_id: str, uow: UnitOfWork, *, of_line: int | None = None) -> list[str]:
    """Return contracts that have a bill of this id: of all, or of those that are such a line of an order."""
    query = (
        select(billing_cycles.c.contract_id)
        .where(billing_cycles.c.cycle_id == bill_id)
        .order_by(billing_cycles.c.contract_id)
        .limit(_NAMED + 1)
    )
    if of_line is not None:
        query = query.join(contracts, contracts.c.id == billing_cycles.c.contract_id)
        query = query.where(contracts.c.line == of_line)
    return list((await uow.connection.execute(query)).scalars())
