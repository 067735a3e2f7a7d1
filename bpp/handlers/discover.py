"""discover: what is on offer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.platform import Bpp
from bpp.plugs import find_out_of_order
from kernel.energy import ZERO_ENERGY
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.mapping import wire_of
from trading.stock import Stock


async def discover(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Return the part of the catalogue that can be bought now and matches what is looked for.

    Raises: FilterUnreadable, SearchUnsupported, FieldInvalid, FieldMissing.
    """
    wire = wire_of(inbound.profile.name)
    criteria = wire.read_criteria(inbound.message)
    left = await Stock(uow.connection).left_of_wanted(now=now)
    out_of_order = await find_out_of_order(uow)
    found = await bpp.showcase.find(
        bpp.catalogue,
        criteria,
        wire=wire,
        left=dict(left) | dict.fromkeys(out_of_order, ZERO_ENERGY),
        now=now,
        sells_past=bpp.sells_past,
    )
    return wire.write_catalog(found, bpp_id=bpp.subscriber_id, bpp_url=bpp.url)
