"""What is on offer, as on_search tells it: items and offers under their provider.

The energy rides in the bags that 2.0 has for it; what of them is text is repeated in tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.excerpt import read_total
from trading.listing import ListedOffer, Listing
from trading.mapping.bags.amounts import plain, read_span, write_span
from trading.mapping.bags.charging_service import UNTOLD, Supply
from trading.mapping.bags.offer import open_for, read_offer, told_price, write_offer_terms
from trading.mapping.bags.resource import read_resource, write_resource
from trading.mapping.find import Json, find_object, find_objects, find_text, reading
from trading.mapping.v1_1.location import read_location, write_location
from trading.mapping.v1_1.measure import read_measure, write_measure
from trading.mapping.v1_1.price import read_price, write_flat, write_price
from trading.mapping.v1_1.tags import find_values, write_group, write_tags
from trading.offer import Provider, Resource

_NETWORKS: Final = "networks"
_NETWORK: Final = "network"


def write_catalog(listing: Listing, *, bpp_id: str, bpp_url: str) -> Json:
    """Return the message of an on_search; who sells is said by its context."""
    del bpp_id, bpp_url
    return {
        "catalog": {
            "descriptor": {"name": listing.name, "code": listing.id}
            | ({"short_desc": listing.remark} if listing.remark else {}),
            "providers": [_provider(provider, listing) for provider in listing.providers],
        }
    }


def write_items(listing: Listing) -> list[Json]:
    """Return the items, which filters are applied to."""
    return [_item(resource, listing) for resource in listing.resources]


def write_offer(offer: ListedOffer) -> Json:
    """Return an offer with its terms; its price stands beside it."""
    terms, told = write_offer_terms(offer), told_price(offer.terms)
    written = {
        "id": offer.id,
        "descriptor": {"name": offer.name} | ({"long_desc": offer.description} if offer.description else {}),
        "item_ids": [offer.resource_id],
        "tags": [write_tags("terms", terms), *write_flat(told)],
        "price": write_price(told),
        "offerAttributes": terms,
    }
    return written | ({"time": {"range": write_span(offer.validity)}} if offer.validity else {})


def read_catalog(message: Mapping[str, Any]) -> list[Listing]:
    """Return the catalogue of an on_search, nothing if nothing is in it. Raises: FieldInvalid."""
    with reading("the catalogue"):
        catalog = message["catalog"]
        providers = find_objects(catalog, "providers")
        if not providers:
            return []
        listing = Listing(
            id=find_text(catalog, "descriptor", "code") or "",
            name=_name(catalog),
            providers=tuple(Provider(id=provider["id"], name=_name(provider)) for provider in providers),
            resources=tuple(
                _read_item(item, provider)
                for provider in providers
                for item in find_objects(provider, "items")
            ),
            offers=tuple(
                _read_offer(offer, provider)
                for provider in providers
                for offer in find_objects(provider, "offers")
            ),
            networks=find_values(providers[0], group=_NETWORKS, code=_NETWORK),
            total=read_total(find_text(catalog, "descriptor", "short_desc")),
        )
        return [listing]


def _provider(provider: Provider, listing: Listing) -> Json:
    mine = [resource for resource in listing.resources if resource.provider_id == provider.id]
    written: Json = {
        "id": provider.id,
        "descriptor": {"name": provider.name},
        **_rating(listing, provider.id),
        "items": [_item(resource, listing) for resource in mine],
        "offers": [write_offer(offer) for resource in mine for offer in listing.offers_of(resource)],
    }
    locations = [write_location(entry.place, entry.id) for entry in mine if entry.place is not None]
    if locations:
        written["locations"] = locations
    if listing.networks:
        written["tags"] = [write_group(_NETWORKS, [(_NETWORK, name) for name in listing.networks])]
    return written


def _rating(listing: Listing, identifier: str) -> Json:
    """Return the mean of what buyers think of it out of five, nothing if nobody said so."""
    given = listing.ratings.get(identifier)
    return {} if given is None or given.mean is None else {"rating": plain(given.mean)}


def _item(resource: Resource, listing: Listing) -> Json:
    bag = write_resource(resource)
    written = {
        "id": resource.id,
        "descriptor": {"name": resource.name},
        **_rating(listing, resource.id),
        "quantity": {"available": {"measure": write_measure(resource.available)}},
        "time": {"range": write_span(resource.production)},
        "tags": [write_tags("energy", bag)],
        "itemAttributes": bag,
    }
    if resource.place is not None:
        written["location_ids"] = [resource.id]
    offers = listing.offers_of(resource)
    return written | ({"price": write_price(told_price(offers[0].terms))} if len(offers) == 1 else {})


def _read_item(item: Mapping[str, Any], provider: Mapping[str, Any]) -> Resource:
    return read_resource(
        item["itemAttributes"],
        resource_id=item["id"],
        name=_name(item),
        provider_id=provider["id"],
        place=read_location(provider, item.get("location_ids", ())),
        beside=_read_supply(item),
    )


def _read_supply(item: Mapping[str, Any]) -> Supply:
    span, measure = find_object(item, "time", "range"), find_object(item, "quantity", "available", "measure")
    available = read_measure(measure, path="quantity.available.measure")
    return Supply(
        available=available or UNTOLD.available, production=read_span(span) if span else UNTOLD.production
    )


def _read_offer(offer: Mapping[str, Any], provider: Mapping[str, Any]) -> ListedOffer:
    read = read_offer(
        offer["offerAttributes"],
        offer_id=offer["id"],
        name=_name(offer),
        description=find_text(offer, "descriptor", "long_desc") or "",
        provider_id=provider["id"],
        resource_id=offer["item_ids"][0],
        told=read_price(offer["price"], beside=offer),
    )
    return open_for(read, read_span(span) if (span := find_object(offer, "time", "range")) else None)


def _name(thing: Mapping[str, Any]) -> str:
    return find_text(thing, "descriptor", "name") or ""
