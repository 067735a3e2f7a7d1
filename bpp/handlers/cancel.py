"""cancel: the contract ends; what was delivered until now is still settled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.orders import get_contract, keep
from bpp.platform import Bpp
from bpp.prepaid import end_advance
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading import contract as decisions
from trading.contract import delivery_has_begun
from trading.fields import Field
from trading.lifecycle import ContractEvent
from trading.mapping import wire_of
from trading.stock import Stock


async def cancel(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the order as ended; before delivery its quantity can be sold to others again.

    Raises: OrderNotFound, AlreadyCancelled, CancellationNotAllowed.
    """
    order_id = wire_of(inbound.profile.name).read_order_id(inbound.message)
    contract = await get_contract(inbound, uow, order_id=order_id, named_at=Field.REFERENCE)
    ended = decisions.cancel(contract, now=now)
    if not delivery_has_begun(contract, now=now):
        await Stock(uow.connection).release(contract.id, resource_id=contract.resource_id)
        await end_advance(contract, uow, seller=bpp.subscriber_id, now=now)
    return await keep(ended, inbound, uow, event=ContractEvent.CANCEL, now=now)
