"""status: how the order stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.orders import get_contract, write_order
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.mapping import v2_rc as wire


async def status(_bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the order with what was delivered, settled and billed so far. Raises: OrderNotFound."""
    order_id = wire.read_order_id(inbound.message)
    contract = await get_contract(inbound, uow, order_id=order_id, lock=False)
    return {"order": await write_order(contract, uow, now=now)}
