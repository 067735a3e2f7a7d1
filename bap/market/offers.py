"""What sellers have, as apps are told: one offer a resource and terms, whatever wire it came on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, Field

from bap.market.amounts import (
    Amount,
    Instant,
    KwhText,
    Span,
    plain,
    tell_energy,
    tell_money,
    tell_price,
    tell_span,
)
from kernel.clock import format_instant
from kernel.ids import derived_id
from kernel.interval import Interval
from trading.charging.connector import Connector
from trading.geometry import GeometryKind
from trading.listing import ListedOffer, Listing
from trading.offer import Provider, Resource
from trading.place import Place
from trading.terms import PricingModel

_MODELS: Final = {
    PricingModel.PER_KWH: "per_kwh",
    PricingModel.TIME_OF_DAY: "by_time_of_day",
    PricingModel.SUBSCRIPTION: "subscription",
    PricingModel.FIXED: "fixed",
}


class SellerView(BaseModel):
    """Who sells: the people, and the platform that they sell through."""

    id: str
    name: str
    platform: str = Field(description="What to name under `sellers` in a search.")


class HoursView(BaseModel):
    """What a kWh costs within some hours of every day, by the seller's clock."""

    start: str = Field(examples=["09:00"])
    end: str = Field(examples=["17:00"])
    price_per_kwh: Amount


class PriceView(BaseModel):
    """What it costs."""

    model: str = Field(description="per_kwh, by_time_of_day, subscription or fixed.")
    per_kwh: Amount
    hours: list[HoursView] = Field(default_factory=list, description="Hours with prices of their own.")
    flat: Amount | None = Field(
        None, description="What is due whatever flows: a fee for each period, or all."
    )
    wheeling: Amount | None = Field(None, description="What the grid takes for each settlement.")
    wheeling_for: str | None = None


class PlaceView(BaseModel):
    """Where it is; an area has no one position."""

    latitude: str | None = None
    longitude: str | None = None
    address: str | None = None


class ConnectorView(BaseModel):
    """The plug of a charging station."""

    type: str = Field(examples=["CCS2"])
    kw: str = Field(description="The most power, in kilowatts.", examples=["60"])
    current: str | None = Field(None, description="ac_single_phase, ac_3_phase or dc.")
    can_be_reserved: bool
    station: str | None = None
    amenities: list[str] = Field(default_factory=list)


class OfferView(BaseModel):
    """Something that can be bought."""

    id: str = Field(description="The same in every search that finds it.")
    name: str
    what: str = Field(description="What is sold.")
    description: str
    seller: SellerView
    source: str = Field(description="solar, battery, grid, hybrid or renewable.")
    handed_over: str = Field(description="By the grid (grid_injection), ev_charging, battery_swap or v2g.")
    price: PriceView
    kwh_available: KwhText
    kwh_minimum: KwhText | None = None
    kwh_maximum: KwhText | None = None
    produced: Span = Field(description="When the energy is to be had.")
    window: Span | None = Field(
        None,
        description="Where the offer is for a part of that time: an order by it lies within this, and is for "
        "all of this if it names no window.",
    )
    valid_until: Instant | None = Field(None, description="Until when it can be ordered, where that is told.")
    place: PlaceView | None = None
    connector: ConnectorView | None = Field(None, description="Of a charging station alone.")
    found_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOffer:
    """An offer as it is told, what its seller calls it, and within what it is delivered."""

    view: OfferView
    names: dict[str, str]
    price: Decimal
    resource: Resource
    delivery: Interval


def read_offers(listings: Sequence[Listing], *, bpp_id: str) -> Iterator[FoundOffer]:
    """Yield every offer of some catalogues whose resource and seller stand beside it.

    `bpp_id` told of them; one that indexes others says of each catalogue where it is sold.
    """
    for listing in listings:
        platform = listing.platform or bpp_id
        resources = {resource.id: resource for resource in listing.resources}
        providers = {provider.id: provider for provider in listing.providers}
        for offer in listing.offers:
            resource = resources.get(offer.resource_id)
            if resource is not None and resource.provider_id in providers:
                yield _tell(offer, resource, providers[resource.provider_id], platform)


def _tell(offer: ListedOffer, resource: Resource, provider: Provider, bpp_id: str) -> FoundOffer:
    delivery = _delivery(offer, resource)
    return FoundOffer(
        view=OfferView(
            id=str(derived_id(bpp_id, resource.provider_id, resource.id, offer.id)),
            name=offer.name,
            what=resource.name,
            description=offer.description,
            seller=SellerView(id=provider.id, name=provider.name, platform=bpp_id),
            source=resource.source.source_type.value.lower(),
            handed_over=resource.source.delivery_mode.value.lower(),
            price=_price(offer),
            kwh_available=tell_energy(resource.available),
            kwh_minimum=offer.minimum and tell_energy(offer.minimum),
            kwh_maximum=offer.maximum and tell_energy(offer.maximum),
            produced=tell_span(resource.production),
            window=None if delivery == resource.production else tell_span(delivery),
            valid_until=offer.validity and format_instant(offer.validity.end),
            place=resource.place and _place(resource.place),
            connector=resource.connector and _connector(resource.connector),
        ),
        names={"bpp_id": bpp_id, "provider": provider.id, "resource": resource.id, "offer": offer.id},
        price=offer.terms.price.per_kwh,
        resource=resource,
        delivery=delivery,
    )


def _delivery(offer: ListedOffer, resource: Resource) -> Interval:
    """Return within what energy flows that an order by the offer is for.

    Where an offer says a time when nothing is produced, that is what it says.
    """
    said = offer.delivery or resource.production
    return said.intersection(resource.production) or said


def _connector(connector: Connector) -> ConnectorView:
    return ConnectorView(
        type=connector.type.value,
        kw=plain(connector.max_power),
        current=connector.power_type and connector.power_type.value.lower(),
        can_be_reserved=connector.reservable,
        station=connector.station_id,
        amenities=list(connector.amenities),
    )


def _price(offer: ListedOffer) -> PriceView:
    terms = offer.terms
    currency = terms.price.currency.code
    return PriceView(
        model=_MODELS[terms.pricing_model],
        per_kwh=tell_price(terms.price),
        hours=[
            HoursView(
                start=f"{rate.start:%H:%M}",
                end=f"{rate.end:%H:%M}",
                price_per_kwh=Amount(amount=plain(rate.rate), currency=currency),
            )
            for rate in terms.hours
        ],
        flat=terms.flat and tell_money(terms.flat),
        wheeling=terms.wheeling and tell_money(terms.wheeling),
        wheeling_for=terms.wheeling_description or None,
    )


def _place(place: Place) -> PlaceView:
    at: tuple[Any, ...] = next(place.geometry.positions(), (None, None))
    is_spot = place.geometry.kind is GeometryKind.POINT and at[0] is not None
    address = place.address
    lines = (
        []
        if address is None
        else [address.street, address.postal_code, address.locality, address.region, address.country]
    )
    return PlaceView(
        longitude=plain(at[0]) if is_spot else None,
        latitude=plain(at[1]) if is_spot else None,
        address=", ".join(line for line in lines if line) or None,
    )
