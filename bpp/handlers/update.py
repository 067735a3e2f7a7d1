"""update: another quantity, before delivery begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.orders import get_contract, keep, require_same, write_order
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import Contract
from trading.mapping import v2_rc as wire
from trading.refusals import QuoteChanged, UpdateInconsistent, UpdateTargetInvalid
from trading.request import OrderRequest
from trading.stock import Stock


async def update(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the order for its new quantity, at the price of the same terms.

    Raises: OrderNotFound, UpdateNotAllowed, UpdateInconsistent, UpdateTargetInvalid, QuantityUnavailable.
    """
    request = wire.read_order(inbound.message)
    contract = await get_contract(inbound, uow, order_id=request.order_id)
    _require_only_quantity(contract, request)
    quantity = request.quantity
    if quantity is None or quantity == contract.quantity:
        return {"order": await write_order(contract, uow, now=now)}
    changed = decisions.change_quantity(contract, quantity, now=now)
    bpp.catalogue.get_offer(contract.resource_id, contract.offer_id).require_quantity(quantity)
    await Stock(uow.connection).hold(
        contract.id,
        resource_id=contract.resource_id,
        quantity=quantity,
        now=now,
        until=None if contract.is_binding else contract.hold_until,
    )
    reason = f"{contract.quantity} became {quantity}"
    return await keep(changed, inbound, uow, event="UPDATE", now=now, reason=reason)


def _require_only_quantity(contract: Contract, request: OrderRequest) -> None:
    """Raises: UpdateInconsistent, if it is about something else; UpdateTargetInvalid, if about terms."""
    if (request.seller, request.resource_id) != (contract.provider_id, contract.resource_id):
        raise UpdateInconsistent(
            f"the order {contract.id} is for {contract.resource_id} of {contract.provider_id}",
            path="$.message.order",
            hint="Cancel it and order anew.",
        )
    try:
        require_same(contract, replace(request, quantity=None, total=None))
    except QuoteChanged as error:
        raise UpdateTargetInvalid(
            f"only the quantity can be changed: {error.message}", path=error.path, hint=error.hint
        ) from error
