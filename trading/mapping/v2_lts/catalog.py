"""What is on offer, as on_discover tells it: a catalogue for each provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.interval import Interval
from kernel.money import Money
from trading.excerpt import read_total
from trading.listing import ListedOffer, Listing
from trading.mapping.bags.charging_service import UNTOLD, Supply
from trading.mapping.bags.location import read_place, write_location
from trading.mapping.bags.offer import ToldPrice, open_for, read_offer, write_offer_terms
from trading.mapping.bags.resource import read_resource, write_resource
from trading.mapping.bags.stall_offer import write_stall_offer
from trading.mapping.find import Json, find_object, find_objects, find_text, reading
from trading.mapping.v2_lts.flows import read_expected, write_expected
from trading.mapping.v2_lts.time_series import (
    read_offered,
    read_price,
    read_prices,
    write_offered,
    write_prices,
)
from trading.offer import Provider, Resource

_PRICE: Final = "price"
_PRICES: Final = "prices"
_FLAT: Final = "flat"
_NETWORK: Final = "NETWORK"
_PLACES: Final = "availableAt"
"""The official place of it is the provider; filters are applied to resources, which have their own."""


def write_catalog(listing: Listing, *, bpp_id: str, bpp_url: str) -> Json:
    """Return the message of an on_discover; the catalogues of one listing share its code."""
    shared = _shared(listing, bpp_id=bpp_id, bpp_url=bpp_url) | {"isActive": True}
    return {
        "catalogs": [shared | _catalog(provider, listing, bpp_id=bpp_id) for provider in listing.providers]
    }


def write_published_id(listing: Listing, provider: Provider) -> str:
    """Return the id that the catalogue of a provider is published under, whoever else sells."""
    return f"{listing.id}/{provider.id}"


def write_emptied_catalog(provider: Provider, listing: Listing, *, bpp_id: str, bpp_url: str) -> Json:
    """Return the catalogue of a provider that sells nothing any more."""
    return _shared(listing, bpp_id=bpp_id, bpp_url=bpp_url) | {
        "id": write_published_id(listing, provider),
        "provider": _provider(provider),
        "resources": [],
        "offers": [],
        "isActive": False,
    }


def read_provider_listing(catalog: Json) -> Listing:
    """Return what one catalogue lists. Raises: LookupError, TypeError, ValueError, FieldInvalid."""
    return _read_listing(_listing_id(catalog), [catalog])


def _shared(listing: Listing, *, bpp_id: str, bpp_url: str) -> Json:
    """Return what the catalogues of one listing have in common."""
    return {
        "descriptor": {"name": listing.name, "code": listing.id}
        | ({"shortDesc": listing.remark} if listing.remark else {}),
        "bppId": bpp_id,
        "bppUri": bpp_url,
    }


def write_items(listing: Listing) -> list[Json]:
    """Return the resources, which filters are applied to."""
    return [_resource(resource) for resource in listing.resources]


def read_catalog(message: Mapping[str, Any]) -> list[Listing]:
    """Return what the catalogues of an on_discover list, each listing once. Raises: FieldInvalid."""
    with reading("the catalogue"):
        listings: dict[str, list[Json]] = {}
        for catalog in message["catalogs"]:
            listings.setdefault(_listing_id(catalog), []).append(catalog)
        return [
            replace(_read_listing(identifier, catalogs), total=read_total(*map(_short, catalogs)))
            for identifier, catalogs in listings.items()
        ]


def _catalog(provider: Provider, listing: Listing, *, bpp_id: str) -> Json:
    mine = [resource for resource in listing.resources if resource.provider_id == provider.id]
    return {
        "id": listing.id if len(listing.providers) == 1 else f"{listing.id}/{provider.id}",
        "provider": _provider(provider) | _sites(mine),
        "resources": [_resource(resource) for resource in mine],
        "offers": [
            _offer(offer, resource, listing, bpp_id=bpp_id)
            for resource in mine
            for offer in listing.offers_of(resource)
        ],
    }


def _provider(provider: Provider) -> Json:
    return {"id": provider.id, "descriptor": {"name": provider.name}}


def _sites(resources: list[Resource]) -> Json:
    """Return where a provider's resources are, each site once; nothing if nobody says where."""
    sites = dict.fromkeys(resource.place for resource in resources if resource.place is not None)
    return {_PLACES: [write_location(site) for site in sites]} if sites else {}


def _resource(resource: Resource) -> Json:
    return {
        "id": resource.id,
        "descriptor": {"name": resource.name},
        "resourceAttributes": write_resource(resource),
    } | _sites([resource])


def _offer(offer: ListedOffer, resource: Resource, listing: Listing, *, bpp_id: str) -> Json:
    series = write_offered(resource.production, price=offer.terms.price, available=resource.available)
    price = {"id": _PRICE, "status": {"code": "OFFERED"}, "considerationAttributes": series}
    written: Json = {
        "id": offer.id,
        "descriptor": {"name": offer.name} | ({"longDesc": offer.description} if offer.description else {}),
        "provider": _provider(listing.provider_of(resource)),
        "resourceIds": [offer.resource_id],
        "considerations": [price, *_prices(offer), *_flat(offer)],
        "offerAttributes": write_offer_terms(offer)
        if offer.terms.stall is None
        else write_stall_offer(offer.terms.stall, operator=bpp_id),
    }
    if listing.networks:
        written["availableTo"] = [{"type": _NETWORK, "id": network} for network in listing.networks]
    if offer.validity is not None:
        start, end = offer.validity.start, offer.validity.end
        written["validity"] = {"startDate": format_instant(start), "endDate": format_instant(end)}
    return written


def _prices(offer: ListedOffer) -> list[Json]:
    """Return the price of each interval as a consideration of its own, none if there are no such prices."""
    prices, currency = offer.terms.by_interval, offer.terms.price.currency
    if prices is None:
        return []
    series = write_prices(prices, currency=currency)
    return [{"id": _PRICES, "status": {"code": "OFFERED"}, "considerationAttributes": series}]


def _flat(offer: ListedOffer) -> list[Json]:
    """Return what is due whatever flows as a consideration of its own, none if nothing is."""
    flat = offer.terms.flat
    if flat is None:
        return []
    return [write_expected(flat.amount, flat.currency.code) | {"id": _FLAT, "status": {"code": "OFFERED"}}]


def _listing_id(catalog: Mapping[str, Any]) -> str:
    return find_text(catalog, "descriptor", "code") or str(catalog["id"])


def _read_listing(identifier: str, catalogs: list[Json]) -> Listing:
    offers = [(offer, catalog) for catalog in catalogs for offer in find_objects(catalog, "offers")]
    return Listing(
        id=identifier,
        name=_name(catalogs[0]),
        providers=tuple(
            Provider(id=catalog["provider"]["id"], name=_name(catalog["provider"])) for catalog in catalogs
        ),
        resources=tuple(
            _read_resource(resource, catalog)
            for catalog in catalogs
            for resource in find_objects(catalog, "resources")
        ),
        offers=tuple(_read_offer(offer, catalog) for offer, catalog in offers),
        networks=_networks(offers[0][0]) if offers else (),
        platform=find_text(catalogs[0], "bppId"),
    )


def _read_resource(resource: Mapping[str, Any], catalog: Mapping[str, Any]) -> Resource:
    return read_resource(
        resource["resourceAttributes"],
        resource_id=resource["id"],
        name=_name(resource),
        provider_id=catalog["provider"]["id"],
        place=read_place(resource, _PLACES),
        beside=_read_supply(resource, catalog),
    )


def _read_supply(resource: Mapping[str, Any], catalog: Mapping[str, Any]) -> Supply:
    """Return how much there is and when, which offers tell."""
    for offer in find_objects(catalog, "offers"):
        if resource["id"] in offer["resourceIds"]:
            told = {entry["id"]: entry["considerationAttributes"] for entry in offer["considerations"]}
            production, available = read_offered(told[_PRICE])
            return Supply(available=available, production=production)
    return UNTOLD


def _read_offer(offer: Mapping[str, Any], catalog: Mapping[str, Any]) -> ListedOffer:
    told = {entry["id"]: entry["considerationAttributes"] for entry in offer["considerations"]}
    price = read_price(told[_PRICE])
    flat = read_expected(told[_FLAT]["revenueFlows"], path="") if _FLAT in told else None
    read = read_offer(
        offer["offerAttributes"],
        offer_id=offer["id"],
        name=_name(offer),
        description=find_text(offer, "descriptor", "longDesc") or "",
        provider_id=catalog["provider"]["id"],
        resource_id=offer["resourceIds"][0],
        told=ToldPrice(
            price,
            None if flat is None else Money.of(flat, price.currency),
            read_prices(told[_PRICES]) if _PRICES in told else None,
        ),
    )
    return open_for(read, _read_validity(find_object(offer, "validity")))


def _read_validity(validity: Mapping[str, Any]) -> Interval | None:
    start, end = validity.get("startDate"), validity.get("endDate")
    return Interval(parse_instant(start), parse_instant(end)) if start and end else None


def _networks(offer: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(entry["id"] for entry in find_objects(offer, "availableTo") if entry["type"] == _NETWORK)


def _short(catalog: Mapping[str, Any]) -> str | None:
    return find_text(catalog, "descriptor", "shortDesc")


def _name(thing: Mapping[str, Any]) -> str:
    return find_text(thing, "descriptor", "name") or ""
