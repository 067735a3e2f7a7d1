"""cancel: the contract ends; what was delivered until now is still settled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.cancelling import end_contract
from bpp.orders import get_contract, keep
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.fields import Field
from trading.lifecycle import ContractEvent
from trading.mapping import wire_of
from trading.wheeling import Side


async def cancel(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the order as ended; before delivery its quantity can be sold to others again.

    Raises: OrderNotFound, AlreadyCancelled, CancellationNotAllowed.
    """
    wire = wire_of(inbound.profile.name)
    order_id, reason = wire.read_order_id(inbound.message), wire.read_reason(inbound.message)
    contract = await get_contract(inbound, uow, order_id=order_id, named_at=Field.REFERENCE)
    ended, _ = await end_contract(bpp, contract, uow, side=Side.BUYER, reason=reason, now=now)
    return await keep(ended, inbound, uow, event=ContractEvent.CANCEL, now=now, reason=str(reason) or None)
