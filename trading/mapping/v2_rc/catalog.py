"""What is on offer, as on_discover tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.currency import Currency
from kernel.interval import Interval
from kernel.money import Money
from schemas import iris
from trading.excerpt import read_total
from trading.listing import ListedOffer, Listing
from trading.mapping.bags.amounts import DoesNotAddUp
from trading.mapping.bags.charging_service import UNTOLD, Supply
from trading.mapping.bags.location import read_place, write_location
from trading.mapping.bags.offer import ToldPrice, open_for, read_offer, told_price, write_offer_terms
from trading.mapping.bags.resource import read_resource, write_resource
from trading.mapping.find import Json, find_object, find_text, reading
from trading.offer import Provider, Resource
from trading.quote import ComponentType
from trading.rates import Price

_PLACES: Final = "beckn:availableAt"
_WINDOWS: Final = "beckn:availabilityWindow"
_VALIDITY: Final = "beckn:validity"


def write_catalog(listing: Listing, *, bpp_id: str, bpp_url: str) -> Json:
    """Return the message of an on_discover; a listing of nothing makes no catalogue."""
    if not listing.resources:
        return {"catalogs": []}
    return {"catalogs": [write_whole_catalog(listing, bpp_id=bpp_id, bpp_url=bpp_url)]}


def write_whole_catalog(listing: Listing, *, bpp_id: str, bpp_url: str) -> Json:
    """Return the catalogue of a listing, also of one of nothing."""
    return {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Catalog",
        "beckn:id": listing.id,
        "beckn:descriptor": write_descriptor(listing.name)
        | ({"beckn:shortDesc": listing.remark} if listing.remark else {}),
        "beckn:bppId": bpp_id,
        "beckn:bppUri": bpp_url,
        "beckn:isActive": True,
        "beckn:items": write_items(listing),
        "beckn:offers": [write_offer(offer) for offer in listing.offers],
    }


def write_items(listing: Listing) -> list[Json]:
    """Return the items, which filters are applied to."""
    return [_item(resource, listing) for resource in listing.resources]


def write_descriptor(name: str) -> Json:
    """Return a name as the wire carries it."""
    return {"@type": "beckn:Descriptor", "schema:name": name}


def write_offer(offer: ListedOffer) -> Json:
    """Return an offer with its price and its terms."""
    accepted = write_accepted_offer(
        offer_id=offer.id,
        name=offer.name,
        provider_id=offer.provider_id,
        resource_id=offer.resource_id,
        attributes=write_offer_terms(offer),
    )
    if offer.description:
        accepted["beckn:descriptor"] |= {"beckn:longDesc": offer.description}
    if offer.terms.is_session and offer.validity is not None:
        accepted[_VALIDITY] = _write_period(offer.validity)
    return accepted | {"beckn:price": _write_price(told_price(offer.terms))}


def write_accepted_offer(
    *, offer_id: str, name: str, provider_id: str, resource_id: str, attributes: Mapping[str, Any]
) -> Json:
    """Return an offer of one item on the terms that `attributes` hold."""
    return {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Offer",
        "beckn:id": offer_id,
        "beckn:descriptor": write_descriptor(name),
        "beckn:provider": provider_id,
        "beckn:items": [resource_id],
        "beckn:offerAttributes": dict(attributes),
    }


def _write_price(told: ToldPrice) -> Json:
    """Return what the first kWh costs; what is due anyway is told as a part of it."""
    currency = told.price.currency.code
    written: Json = {
        "currency": currency,
        "value": told.first_kwh,
        "applicableQuantity": {"unitQuantity": 1, "unitText": "kWh", "unitCode": "KWH"},
    }
    if told.flat is not None:
        parts = (
            (ComponentType.UNIT, told.price.per_kwh, "for each kWh that is not included"),
            (ComponentType.FEE, told.flat.amount, "whatever flows"),
        )
        written["components"] = [
            {"type": kind.value, "value": value, "currency": currency, "description": words}
            for kind, value, words in parts
        ]
    return written


def read_price(price: Mapping[str, Any]) -> ToldPrice:
    """Return what an offer costs. Raises: LookupError, ValueError."""
    currency = Currency(price["currency"])
    parts = {part["type"]: Decimal(part["value"]) for part in price.get("components", ())}
    if ComponentType.FEE not in parts:
        return ToldPrice(Price(per_kwh=Decimal(price["value"]), currency=currency))
    flat = Money.of(parts[ComponentType.FEE], currency)
    told = ToldPrice(Price(per_kwh=parts[ComponentType.UNIT], currency=currency), flat)
    if told.first_kwh != Decimal(price["value"]):
        raise DoesNotAddUp(f"the parts of a price add up to {told.first_kwh}, not to {price['value']}")
    return told


def read_catalog(message: Mapping[str, Any]) -> list[Listing]:
    """Return the catalogues of an on_discover. Raises: FieldInvalid."""
    with reading("the catalogue"):
        return [
            replace(read_listing(catalog), total=read_total(_short(catalog)))
            for catalog in message["catalogs"]
        ]


def _item(resource: Resource, listing: Listing) -> Json:
    item = {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Item",
        "beckn:id": resource.id,
        "beckn:descriptor": write_descriptor(resource.name),
        "beckn:provider": _provider(listing.provider_of(resource)) | _rating(listing, resource.provider_id),
        "beckn:isActive": True,
        "beckn:itemAttributes": write_resource(resource),
        **_rating(listing, resource.id),
    }
    if resource.place is not None:
        item[_PLACES] = [{"@type": "beckn:Location"} | write_location(resource.place)]
    if resource.connector is not None:
        item[_WINDOWS] = [_write_period(resource.production)]
    return item | ({"beckn:networkId": list(listing.networks)} if listing.networks else {})


def _rating(listing: Listing, identifier: str) -> Json:
    """Return what buyers think of it, nothing if nobody said so."""
    given = listing.ratings.get(identifier)
    if given is None or given.mean is None:
        return {}
    told = {"@type": "beckn:Rating", "beckn:ratingValue": given.mean, "beckn:ratingCount": given.count}
    return {"beckn:rating": told}


def _provider(provider: Provider) -> Json:
    return {"beckn:id": provider.id, "beckn:descriptor": write_descriptor(provider.name)}


def read_listing(catalog: Mapping[str, Any]) -> Listing:
    """Return what one catalogue lists. Raises: LookupError, TypeError, ValueError, FieldInvalid."""
    items: Sequence[Json] = catalog["beckn:items"]
    providers = {item["beckn:provider"]["beckn:id"]: item["beckn:provider"] for item in items}
    return Listing(
        id=catalog["beckn:id"],
        name=_name(catalog),
        providers=tuple(Provider(id=key, name=_name(provider)) for key, provider in providers.items()),
        resources=tuple(_read_item(item) for item in items),
        offers=tuple(_read_offer(offer) for offer in catalog.get("beckn:offers", [])),
        networks=tuple(items[0].get("beckn:networkId", ())) if items else (),
        platform=find_text(catalog, "beckn:bppId"),
    )


def _read_item(item: Mapping[str, Any]) -> Resource:
    return read_resource(
        item["beckn:itemAttributes"],
        resource_id=item["beckn:id"],
        name=_name(item),
        provider_id=item["beckn:provider"]["beckn:id"],
        place=read_place(item, _PLACES),
        beside=_read_supply(item),
    )


def _read_supply(item: Mapping[str, Any]) -> Supply:
    """Return when something can be had; how much, RC does not tell of a service."""
    window = _read_period(find_object(item, _WINDOWS, 0))
    return UNTOLD if window is None else replace(UNTOLD, production=window)


def _write_period(interval: Interval) -> Json:
    return {
        "@type": "beckn:TimePeriod",
        "schema:startDate": format_instant(interval.start),
        "schema:endDate": format_instant(interval.end),
    }


def _read_period(period: Mapping[str, Any]) -> Interval | None:
    """Return a period of dates; one of hours of the day says nothing of which days."""
    start, end = period.get("schema:startDate"), period.get("schema:endDate")
    return Interval(parse_instant(start), parse_instant(end)) if start and end else None


def _read_offer(offer: Mapping[str, Any]) -> ListedOffer:
    read = read_offer(
        offer["beckn:offerAttributes"],
        offer_id=offer["beckn:id"],
        name=_name(offer),
        provider_id=offer["beckn:provider"],
        resource_id=offer["beckn:items"][0],
        told=read_price(offer["beckn:price"]),
        description=find_text(offer, "beckn:descriptor", "beckn:longDesc") or "",
    )
    return open_for(read, _read_period(find_object(offer, _VALIDITY)))


def _short(catalog: Mapping[str, Any]) -> str | None:
    return find_text(catalog, "beckn:descriptor", "beckn:shortDesc")


def _name(thing: Mapping[str, Any]) -> str:
    return find_text(thing, "beckn:descriptor", "schema:name") or ""
