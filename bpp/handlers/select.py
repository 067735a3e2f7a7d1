"""select: what it would cost. Nothing is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bpp.orders.lines import NO_COUNTERS, Counters, countered_by, require_quantities, select_lines
from bpp.orders.promoting import promote_lines
from bpp.orders.selection import require_meter_open
from bpp.platform import Bpp
from kernel.energy import ZERO_ENERGY
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.mapping import wire_of
from trading.mapping.lines import read_lines, write_quoted
from trading.meter_shares import MeterShare
from trading.order_lines import Ordered
from trading.order_view import hull
from trading.quote import quote_energy
from trading.request import Selection
from trading.stock import Stock


async def select(
    bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime, *, counters: Counters = NO_COUNTERS
) -> Mapping[str, Any]:
    """Return the order with its price; a line of which its seller has a counter, as that says.

    Raises: a refusal, if it could not be bought as it stands.
    """
    wire = wire_of(inbound.profile.name)
    ordered = read_lines(wire, inbound.message)
    require_quantities(ordered)
    found = await select_lines(bpp, ordered, uow, now=now)
    promoted = await promote_lines(ordered, found, uow, bap_id=inbound.sender, now=now)
    selections = countered_by(promoted, counters)
    await _require_left(ordered, selections, uow, now=now)
    quotes = [
        quote_energy(each.quantity, each.offer.terms, window=each.window, zone=each.offer.zone)
        for each in selections
    ]
    return {wire.ORDER_KEY: write_quoted(wire, ordered, selections, quotes)}


async def _require_left(
    ordered: Ordered, selections: Sequence[Selection], uow: UnitOfWork, *, now: datetime
) -> None:
    """Let pass what stock and meters have for each line, and for all lines of a resource together.

    Raises: QuantityUnavailable, ShareUnavailable, MeterSharedOtherwise.
    """
    stock = Stock(uow.connection)
    before: dict[str, list[Selection]] = {}
    for line, selection in enumerate(selections, start=1):
        resource, window = selection.resource, selection.window
        same = before.setdefault(resource.id, [])
        same.append(selection)
        percent = selection.offer.terms.share_percent
        with ordered.at(line):
            await stock.require(resource.id, selection.quantity, window=window, now=now)
            if len(same) > 1:
                total = sum((each.quantity for each in same), ZERO_ENERGY)
                around = hull([each.window for each in same])
                await stock.require(resource.id, total, window=around, now=now)
            wanted = MeterShare(mrid=resource.source.mrid, window=window, percent=percent)
            await require_meter_open(wanted, uow, now=now)
