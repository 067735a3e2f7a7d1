"""What a seller would take in place of an order: the nearest quantity, window and payment that it sells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bpp.platform import Bpp
from kernel.energy import ZERO_ENERGY, Energy
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.counter_terms import has_counter_terms, nearest_payment, nearest_quantity, nearest_window
from trading.offer import Catalogue, Resource
from trading.order_lines import Ordered
from trading.request import OrderRequest, open_window
from trading.stock import Stock


async def countered_lines(
    bpp: Bpp, ordered: Ordered, uow: UnitOfWork, *, now: datetime, but: Sequence[Contract]
) -> Ordered:
    """Return the order with what the seller would take in place of each line; `but` are what it replaces.

    A line has what those before it leave. Raises: ItemNotFound, OfferNotFound, OfferAmbiguous.
    """
    stock, own = Stock(uow.connection), [each.id for each in but]
    lines: list[OrderRequest] = []
    for line, request in ordered.each():
        with ordered.at(line):
            lines.append(await _countered(bpp.catalogue, request, stock, lines, now=now, own=own))
    return replace(ordered, lines=tuple(lines))


async def _countered(
    catalogue: Catalogue,
    request: OrderRequest,
    stock: Stock,
    before: Sequence[OrderRequest],
    *,
    now: datetime,
    own: Sequence[str],
) -> OrderRequest:
    if request.resource_id is None:
        return request
    resource = catalogue.get_resource(request.resource_id)
    offer = catalogue.get_offer(resource.id, request.offer_id)
    if not has_counter_terms(offer):
        return request
    fitting = nearest_payment(nearest_window(request, resource, offer), offer)
    window = open_window(fitting, resource, offer)
    left = await stock.left(resource.id, now=now, window=window, own=own)
    taken = [each for each in before if _shares(catalogue, resource, fitting, each)]
    less = sum((each.quantity or ZERO_ENERGY for each in taken), ZERO_ENERGY)
    return nearest_quantity(fitting, offer, left=Energy(max(0, (left - less).watt_hours)))


def _shares(catalogue: Catalogue, resource: Resource, one: OrderRequest, other: OrderRequest) -> bool:
    """Say whether what one line has of a resource another line cannot have."""
    if other.resource_id != resource.id:
        return False
    if not resource.profile and resource.forecasting is None:
        return True
    windows = [
        open_window(each, resource, catalogue.get_offer(resource.id, each.offer_id)) for each in (one, other)
    ]
    first, second = windows
    return first is None or second is None or first.overlaps(second)
