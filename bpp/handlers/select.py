"""select: what it would cost. Nothing is held."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpp.platform import Bpp
from bpp.selection import as_countered, find_sellable, fit_slot, require_meter_open
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.mapping import wire_of
from trading.meter_shares import MeterShare
from trading.quote import quote_energy
from trading.request import require_one_quantity
from trading.seller_counter import SellerCounter
from trading.stock import Stock


async def select(
    bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime, *, counter: SellerCounter | None = None
) -> Mapping[str, Any]:
    """Return the order with its price; where its seller has a `counter`, as that says.

    Raises: a refusal, if it could not be bought as it stands.
    """
    wire = wire_of(inbound.profile.name)
    request = wire.read_order(inbound.message)
    require_one_quantity(request)
    offered = await fit_slot(find_sellable(bpp, request, now=now), request, uow, now=now)
    selection = as_countered(offered, counter)
    stock, offer = Stock(uow.connection), selection.offer
    await stock.require(selection.resource.id, selection.quantity, window=selection.window, now=now)
    wanted = MeterShare(
        mrid=selection.resource.source.mrid, window=selection.window, percent=offer.terms.share_percent
    )
    await require_meter_open(wanted, uow, now=now)
    quote = quote_energy(selection.quantity, offer.terms, window=selection.window, zone=offer.zone)
    return {wire.ORDER_KEY: wire.write_quote_order(request, selection, quote)}
