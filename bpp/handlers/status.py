"""status: how the order stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.orders.contracts import get_order
from bpp.orders.telling import tell
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.fields import Field
from trading.mapping import wire_of


async def status(_bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the order with what was delivered, settled and billed so far. Raises: OrderNotFound."""
    order_id = wire_of(inbound.profile.name).read_order_id(inbound.message)
    contracts = await get_order(inbound, uow, order_id=order_id, named_at=Field.REFERENCE, lock=False)
    return await tell(contracts[0], uow, now=now)
