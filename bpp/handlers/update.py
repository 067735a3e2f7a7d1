"""update: another quantity, before delivery begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bpp.orders import get_contract, keep, require_same, tell
from bpp.platform import Bpp
from bpp.prepaid import require_quantity_open
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import Contract
from trading.curtailments import CurtailmentStore
from trading.fields import Field
from trading.mapping import wire_of
from trading.refusals import QuoteChanged, UpdateInconsistent, UpdateNotAllowed, UpdateTargetInvalid
from trading.request import OrderRequest
from trading.stock import Stock


async def update(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the order for its new quantity, at the price of the same terms.

    Raises: OrderNotFound, UpdateNotAllowed, UpdateInconsistent, UpdateTargetInvalid, QuantityUnavailable.
    """
    request = wire_of(inbound.profile.name).read_order(inbound.message)
    contract = await get_contract(inbound, uow, order_id=request.order_id)
    _require_only_quantity(contract, request)
    quantity = request.quantity
    if quantity is None or quantity == contract.quantity:
        return await tell(contract, uow, now=now)
    if await CurtailmentStore(uow.connection).find_cut(contract.id) is not None:
        raise UpdateNotAllowed(f"the order {contract.id} was curtailed", hint="Cancel it and order anew.")
    require_quantity_open(contract)
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
    seller, item = request.seller or contract.provider_id, request.resource_id or contract.resource_id
    if (seller, item) != (contract.provider_id, contract.resource_id):
        raise UpdateInconsistent(
            f"the order {contract.id} is for {contract.resource_id} of {contract.provider_id}",
            path=Field.ORDER,
            hint="Cancel it and order anew.",
        )
    try:
        require_same(contract, replace(request, quantity=None, total=None))
    except QuoteChanged as error:
        raise UpdateTargetInvalid(
            f"only the quantity can be changed: {error.message}", path=error.path, hint=error.hint
        ) from error
