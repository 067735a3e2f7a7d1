"""What a buyer asks for, read from whatever wire it came on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from kernel.energy import Energy
from kernel.interval import EmptyInterval, Interval
from kernel.mrid import MridInvalid, canonical_mrid
from trading.offer import Catalogue, Offer, Resource
from trading.refusals import FieldInvalid, FieldMissing, OwnMeter, WindowUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order as a buyer asks for it; None is what it leaves open.

    `total` is the price that the buyer expects, in major units of `currency`. `as_sent` is the whole order.
    """

    order_id: str | None
    seller: str
    buyer_id: str
    resource_id: str
    offer_id: str | None
    quantity: Energy | None
    target_meter: str | None = None
    trade_start: datetime | None = None
    trade_end: datetime | None = None
    total: Decimal | None = None
    currency: str | None = None
    as_sent: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What a buyer looks for: words that must all occur, and a JSONPath over items."""

    words: tuple[str, ...] = ()
    expression: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a buyer thinks of an order, an item or a provider, on its own scale."""

    target_id: str
    category: str
    value: Decimal
    worst: Decimal
    best: Decimal
    feedback: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an order is about, found in the catalogue: it can be sold as it stands."""

    resource: Resource
    offer: Offer
    quantity: Energy
    window: Interval


def find_selection(catalogue: Catalogue, request: OrderRequest, *, now: datetime) -> Selection:
    """Return what `request` is about.

    Raises: a refusal that says what of it is not to be had.
    """
    catalogue.get_provider(request.seller)
    resource = catalogue.get_resource(request.resource_id)
    offer = catalogue.get_offer(resource.id, request.offer_id)
    if request.seller != resource.provider_id:
        catalogue.get_provider(resource.provider_id)
        raise FieldInvalid(
            f"the item {resource.id} is sold by {resource.provider_id}",
            path="$.message.order['beckn:seller']",
        )
    if request.quantity is None:
        raise FieldMissing(
            "the order does not say how much",
            path="$.message.order['beckn:orderItems'][0]['beckn:quantity']",
            hint='Write it like {"unitQuantity": 10, "unitText": "kWh"}.',
        )
    offer.require_open(now)
    offer.require_quantity(request.quantity)
    window = trade_window(request, resource)
    return Selection(resource=resource, offer=offer, quantity=request.quantity, window=window)


def trade_window(request: OrderRequest, resource: Resource) -> Interval:
    """Return when the energy is to flow: as asked for, else as it is produced.

    Raises: WindowUnavailable, if some of that lies outside the production.
    """
    production = resource.production
    start = request.trade_start or production.start
    end = request.trade_end or production.end
    path = "$.message.order['beckn:orderAttributes'].tradeStartTime"
    hint = f"The item is produced from {production.start.isoformat()} until {production.end.isoformat()}."
    try:
        window = Interval(start, end)
    except EmptyInterval as error:
        raise WindowUnavailable("the trade ends before it starts", path=path, hint=hint) from error
    if window.start < production.start or window.end > production.end:
        raise WindowUnavailable("nothing is produced in part of that window", path=path, hint=hint)
    return window


def target_meter_of(request: OrderRequest, resource: Resource) -> str:
    """Return the buyer's meter. Raises: FieldMissing, FieldInvalid, OwnMeter."""
    path = "$.message.order['beckn:orderAttributes'].targetMeterId"
    if request.target_meter is None:
        raise FieldMissing(
            "the order does not name the meter that takes the energy",
            path=path,
            hint="Put an EnergyTradeContract with targetMeterId into beckn:orderAttributes.",
        )
    try:
        mrid = canonical_mrid(request.target_meter, lenient=True)
    except MridInvalid as error:
        raise FieldInvalid(error.message, path=path, hint=error.hint) from error
    if mrid == resource.source.mrid:
        raise OwnMeter(
            "the energy would flow from a meter to itself", path=path, hint="Name the buyer's own meter."
        )
    return request.target_meter
