"""What an operator names: an order with all its lines, or one line by its number after the order's id.

`ORDER` is all of an order; `ORDER.1` is its first line, whose contract has the id of the order, `ORDER.2` is
its second line, and so on. The contract of an order of one line has either name.
"""

from __future__ import annotations

from typing import Final

from kernel.clock import format_instant
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.order_lines import line_name
from trading.refusals import LineNotNamed

_FIRST: Final = ".1"


async def find_meant(named: str, uow: UnitOfWork, *, lock: bool = False) -> list[Contract]:
    """Return the contract of the line that is named, or of every line of the order that is.

    `lock` holds them until the unit of work ends. Raises: OrderNotFound.
    """
    store = ContractStore(uow.connection)
    contract = await store.get(named.removesuffix(_FIRST))
    if named == contract.order_id and contract.lines > 1:
        return await store.find_lines(contract, lock=lock)
    if named not in {contract.id, line_name(contract.order_id, contract.line)}:
        return [await store.get(named)]  # which is not there: no line has lines
    return [await store.get(contract.id, lock=True) if lock else contract]


async def get_meant_line(named: str, uow: UnitOfWork, *, lock: bool = False) -> Contract:
    """Return the contract that is named where only one can be meant. Raises: OrderNotFound, LineNotNamed."""
    contracts = await find_meant(named, uow)
    if len(contracts) > 1:
        listed = "; ".join(_described(each) for each in contracts)
        raise LineNotNamed(
            f"the order {named} has {len(contracts)} lines, and this is done to one of them",
            hint=f"Name the line: {listed}.",
        )
    return await ContractStore(uow.connection).get(contracts[0].id, lock=True) if lock else contracts[0]


def _described(contract: Contract) -> str:
    start, end = format_instant(contract.window.start), format_instant(contract.window.end)
    return (
        f"{line_name(contract.order_id, contract.line)} is {contract.quantity} of {contract.resource_id} "
        f"by {contract.offer_id} from {start} until {end}"
    )
