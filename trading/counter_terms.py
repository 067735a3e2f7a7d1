"""What a seller would take in place of an order that it cannot take as it stands. Pure."""

from __future__ import annotations

from dataclasses import replace

from kernel.energy import Energy
from kernel.interval import EmptyInterval, Interval
from trading.offer import Offer, Resource
from trading.request import OrderRequest

_LEAST = Energy(1)


def counter(request: OrderRequest, resource: Resource, offer: Offer, *, left: Energy) -> OrderRequest:
    """Return the order with the quantity and the window that come nearest to those asked for.

    Only an offer that `counters` does so. The quantity is at least its minimum, and at most its maximum and
    what is `left`; the window is the part of it in which the resource is produced. Where there is no such
    quantity or window it stays as asked for, to be refused; so does all that is sold in sessions.
    """
    if not offer.counters or offer.terms.session is not None:
        return request
    return _nearest_window(_nearest_quantity(request, offer, left), resource)


def describe(asked: OrderRequest, taken: OrderRequest) -> str | None:
    """Return in words what becomes what, None if nothing does."""
    names = ("quantity", "trade_start", "trade_end")
    pairs = [(getattr(asked, name), getattr(taken, name)) for name in names]
    return ", ".join(f"{old} became {new}" for old, new in pairs if old not in (None, new)) or None


def _nearest_quantity(request: OrderRequest, offer: Offer, left: Energy) -> OrderRequest:
    least, most = offer.minimum or _LEAST, min(left, offer.maximum or left)
    if request.quantity is None or most < least:
        return request
    taken = max(least, min(request.quantity, most))
    if taken == request.quantity:
        return request
    return replace(request, quantity=taken, contracted=request.contracted and taken, total=None)


def _nearest_window(request: OrderRequest, resource: Resource) -> OrderRequest:
    production = resource.production
    start, end = request.trade_start or production.start, request.trade_end or production.end
    try:
        shared = Interval(start, end).intersection(production)
    except EmptyInterval:
        return request
    if shared is None or (shared.start, shared.end) == (start, end):
        return request
    return replace(request, trade_start=shared.start, trade_end=shared.end)
