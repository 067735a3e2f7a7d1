"""track: a link to follow the delivery by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.customer_care.tracking_links import TrackingLinks
from bpp.orders.contracts import get_order
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.fields import Field
from trading.mapping import wire_of


async def track(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return where the delivery can be followed; who knows the link may, until some time after it is over.

    Raises: OrderNotFound.
    """
    wire = wire_of(inbound.profile.name)
    order_id = wire.read_track(inbound.message)
    lines = await get_order(inbound, uow, order_id=order_id, named_at=Field.TRACKED, lock=False)
    contract = lines[0]
    link = await TrackingLinks(uow.connection).make(contract, new=str(bpp.new_id()), now=now)
    return wire.write_tracking(contract, url=f"{bpp.url.rstrip('/')}/track/{link}")
