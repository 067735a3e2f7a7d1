"""What a seller would take in place of an order that it cannot take as it stands. Pure."""

from __future__ import annotations

from dataclasses import replace

from kernel.energy import Energy
from trading.offer import Offer, Resource
from trading.request import OrderRequest, delivery_of, open_window

_LEAST = Energy(1)


def has_counter_terms(offer: Offer) -> bool:
    """Say whether an order is answered with what comes nearest to it: of what is sold in sessions none is."""
    return offer.counters and offer.terms.session is None


def describe(asked: OrderRequest, taken: OrderRequest) -> str | None:
    """Return in words what becomes what, None if nothing does."""
    names = ("quantity", "trade_start", "trade_end", "payment")
    pairs = [(getattr(asked, name), getattr(taken, name)) for name in names]
    return ", ".join(f"{old} became {new}" for old, new in pairs if old not in (None, new)) or None


def nearest_quantity(request: OrderRequest, offer: Offer, *, left: Energy) -> OrderRequest:
    """Return the order with the quantity that comes nearest to the one asked for.

    It is at least the offer's minimum, and at most its maximum and what is `left`. Where there is no such
    quantity it stays as asked for, to be refused.
    """
    least, most = offer.minimum or _LEAST, min(left, offer.maximum or left)
    if request.quantity is None or most < least:
        return request
    taken = max(least, min(request.quantity, most))
    if taken == request.quantity:
        return request
    return replace(request, quantity=taken, contracted=request.contracted and taken, total=None)


def nearest_payment(request: OrderRequest, offer: Offer) -> OrderRequest:
    """Return the order paid as it asks for where the offer has that, else in the offer's usual way."""
    if request.payment is None or request.payment in offer.allowed_payments:
        return request
    return replace(request, payment=offer.terms.payment)


def nearest_window(request: OrderRequest, resource: Resource, offer: Offer) -> OrderRequest:
    """Return the order for the part of its window in which the offer delivers, if there is any."""
    asked = open_window(request, resource, offer)
    shared = asked and asked.intersection(delivery_of(resource, offer))
    if shared is None or shared == asked:
        return request
    return replace(request, trade_start=shared.start, trade_end=shared.end)
