"""What a buyer asks for, read from whatever wire it came on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.interval import EmptyInterval, Interval
from kernel.money import Money
from kernel.mrid import MridInvalid, canonical_mrid
from kernel.plain_text import searchable
from trading.charges import Percent, Value
from trading.fields import Field
from trading.offer import Catalogue, Offer, Resource
from trading.refusals import FieldInvalid, FieldMissing, OtherMeter, OwnMeter, QuoteChanged, WindowUnavailable
from trading.spatial import SpatialFilter
from trading.terms import PaymentTiming

BEST_RATING: Final = Decimal(5)
WORST_RATING: Final = Decimal(0)
"""The scale of a rating that names none."""


class SessionWish(StrEnum):
    """What an update may want of a charging session."""

    START = "START"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class FinderFee:
    """What the buyer's platform gets of a charging session, as EvChargingSession names it."""

    type: str
    value: Decimal

    @classmethod
    def of(cls, value: Value) -> FinderFee:
        if isinstance(value, Percent):
            return cls("PERCENTAGE", value.of_energy)
        return cls("AMOUNT", value.amount if isinstance(value, Money) else value.per_kwh)

    def __str__(self) -> str:
        return f"{self.value:f} %" if self.type == "PERCENTAGE" else f"{self.value:f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order as a buyer asks for it; None is what it leaves open.

    `buyer_utility` is the subscriber id of the utility that serves the buyer. `code` makes it cheaper.
    `contracted` is the quantity that the contract's attributes repeat. `total` is the price that the
    buyer expects, in major units of `currency`. `as_sent` is the whole order. `vehicle_power` is what the
    vehicle that is to be charged takes at most, in kW.
    """

    order_id: str | None = None
    seller: str | None = None
    buyer_id: str | None = None
    resource_id: str | None = None
    offer_id: str | None = None
    quantity: Energy | None = None
    contracted: Energy | None = None
    target_meter: str | None = None
    trade_start: datetime | None = None
    trade_end: datetime | None = None
    buyer_utility: str | None = None
    payment: PaymentTiming | None = None
    code: str | None = None
    total: Decimal | None = None
    currency: str | None = None
    as_sent: Mapping[str, Any] = field(default_factory=dict)
    finder_fee: FinderFee | None = None
    session: SessionWish | None = None
    vehicle_power: Decimal | None = None


MOST_WORDS: Final = 20
"""How many different words one search looks for at most."""


def read_words(text: str, *, path: str) -> tuple[str, ...]:
    """Return the different words of a text that stands at `path`, in small letters. Raises: FieldInvalid."""
    words = tuple(dict.fromkeys(searchable(text).split()))
    if len(words) > MOST_WORDS:
        raise FieldInvalid(
            f"{len(words)} words are looked for", path=path, hint=f"Name {MOST_WORDS} words at most."
        )
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What a buyer looks for: words that must all occur, a JSONPath over items, places, and a time.

    What is found is where all of `places` say, and can be had in the whole of `window`, by an offer that is
    for all of that; others are not told of it.
    """

    words: tuple[str, ...] = ()
    expression: str | None = None
    places: tuple[SpatialFilter, ...] = ()
    window: Interval | None = None


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
class RatingSummary:
    """What ratings come to: how many there are, and their mean out of five, None if there are none."""

    count: int
    mean: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What support is asked about: what kind of thing it is, and its id."""

    category: str
    target_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketNote:
    """Under which id support knows of an inquiry, how far it has come, and what was said to it last."""

    id: str
    status: str
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What an order is about, found in the catalogue: it can be sold as it stands."""

    resource: Resource
    offer: Offer
    quantity: Energy
    window: Interval


def require_one_quantity(request: OrderRequest) -> None:
    """Raises: QuoteChanged, if a new order names two different quantities."""
    if request.contracted is not None and request.quantity != request.contracted:
        raise QuoteChanged(
            "the ordered quantity and contractedQuantity differ",
            path=Field.CONTRACTED,
            hint="Write the same quantity in both, or leave contractedQuantity out.",
        )


def find_selection(catalogue: Catalogue, request: OrderRequest, *, now: datetime) -> Selection:
    """Return what `request` is about.

    Raises: a refusal that says what of it is not to be had.
    """
    if request.seller is not None:
        catalogue.get_provider(request.seller)
    if request.resource_id is None:
        raise FieldMissing("the order does not say what is bought", path=Field.ITEM)
    resource = catalogue.get_resource(request.resource_id)
    offer = catalogue.get_offer(resource.id, request.offer_id)
    if request.seller not in (None, resource.provider_id):
        raise FieldInvalid(f"the item {resource.id} is sold by {resource.provider_id}", path=Field.SELLER)
    if request.quantity is None:
        raise FieldMissing("the order does not say how much", path=Field.QUANTITY, hint="Name it in kWh.")
    offer.require_open(now)
    offer.require_quantity(request.quantity)
    offer = offer.paid(request.payment)
    window = trade_window(request, resource, offer)
    return Selection(resource=resource, offer=offer, quantity=request.quantity, window=window)


def open_window(request: OrderRequest, resource: Resource, offer: Offer | None) -> Interval | None:
    """Return when the energy is to flow, whether it can or not; None if that ends before it starts.

    What the order leaves open is as the offer has it, else as the energy is produced.
    """
    usual = delivery_of(resource, offer)
    try:
        return Interval(request.trade_start or usual.start, request.trade_end or usual.end)
    except EmptyInterval:
        return None


def delivery_of(resource: Resource, offer: Offer | None) -> Interval:
    """Return within what energy flows that is sold by an offer; None is an offer that there is no more."""
    return resource.production if offer is None or offer.delivery is None else offer.delivery


def trade_window(request: OrderRequest, resource: Resource, offer: Offer | None) -> Interval:
    """Return when the energy is to flow: as asked for, else as it is offered.

    Raises: WindowUnavailable, if some of that lies outside the production, or what the offer is for.
    """
    production, delivery = resource.production, delivery_of(resource, offer)
    path = Field.TRADE_START
    hint = f"The item is produced from {production.start.isoformat()} until {production.end.isoformat()}."
    window = open_window(request, resource, offer)
    if window is None:
        raise WindowUnavailable("the trade ends before it starts", path=path, hint=hint)
    if window.start < production.start or window.end > production.end:
        raise WindowUnavailable("nothing is produced in part of that window", path=path, hint=hint)
    if offer is not None and window.intersection(delivery) != window:
        raise WindowUnavailable(
            f"the offer {offer.id} is for what is delivered from {format_instant(delivery.start)} until "
            f"{format_instant(delivery.end)}",
            path=path,
            hint="Choose a window within that, or another offer.",
        )
    return window


def target_meter_of(request: OrderRequest, resource: Resource) -> str:
    """Return the buyer's meter; where energy is metered once, that is the resource's own.

    Raises: FieldMissing, FieldInvalid, OwnMeter, OtherMeter.
    """
    path = Field.METER
    is_metered_once = resource.source.delivery_mode.is_metered_once
    if request.target_meter is None and is_metered_once:
        return resource.source.meter_id
    if request.target_meter is None:
        raise FieldMissing(
            "the order does not name the meter that takes the energy",
            path=path,
            hint="Put an EnergyTradeContract with targetMeterId there.",
        )
    try:
        mrid = canonical_mrid(request.target_meter, lenient=True)
    except MridInvalid as error:
        raise FieldInvalid(error.message, path=path, hint=error.hint) from error
    if is_metered_once:
        _require_own(mrid, resource)
    elif mrid == resource.source.mrid:
        raise OwnMeter(
            "the energy would flow from a meter to itself", path=path, hint="Name the buyer's own meter."
        )
    return request.target_meter


def _require_own(mrid: str, resource: Resource) -> None:
    if mrid != resource.source.mrid:
        raise OtherMeter(
            f"the energy of {resource.id} is metered where it is handed over, and nowhere else",
            path=Field.METER,
            hint="Leave the meter out of the order.",
        )
