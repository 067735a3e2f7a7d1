"""One published catalogue as it is told in one generation, ready to be searched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import simplejson

from discovery.catalogue_form import FORMS, SplitCatalogue, with_seller
from kernel.interval import Interval
from search.facts import Fact
from search.sites import write_shape
from trading.listing import Listing
from trading.mapping import publication_wire_of, wire_of
from trading.mapping.find import Json
from trading.mapping.geojson import write_geometry

Key = tuple[str, str]
"""Who published a catalogue, and its id there."""

_SENDERS: Final[Mapping[str, tuple[str, str]]] = {
    "v2_rc": ("beckn:bppId", "beckn:bppUri"),
    "v2_lts": ("bppId", "bppUri"),
}
_FOR_US_ALONE: Final = "publishDirectives"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A catalogue as it was published last; `change` grows with every publication of any.

    `sent_at` is when its publisher wrote so, by its own clock; None if that is not known.
    """

    bpp_id: str
    catalogue_id: str
    bpp_url: str
    profile: str
    body: Mapping[str, Any] = field(repr=False)
    version: int
    is_active: bool
    validity: Interval
    published_at: datetime
    change: int
    sent_at: datetime | None = None

    @property
    def key(self) -> Key:
        return self.bpp_id, self.catalogue_id

    def is_good(self, now: datetime) -> bool:
        """Say whether it may be told at `now`."""
        return self.is_active and now in self.validity

    def understood(self) -> Listing | None:
        """Return what is traded here of it, None if that cannot be read."""
        [read] = publication_wire_of(self.profile).read_publication({"catalogs": [self.body]})
        return read.listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A catalogue in its parts; `offered` are the places of each item's offers among `offers`.

    `deliveries` are the windows of offers that have one, by their places.
    """

    published: Published
    parts: SplitCatalogue = field(repr=False)
    items: Sequence[bytes] = field(repr=False)
    offers: Sequence[bytes] = field(repr=False)
    offered: Mapping[str, Sequence[int]] = field(repr=False)
    deliveries: Mapping[int, Interval] = field(repr=False)
    facts: Sequence[Fact] = field(repr=False)

    def told(self, numbers: Iterable[int], *, window: Interval | None) -> Json:
        """Return the catalogue with these of its items, in their order, and what is offered of them.

        With a `window` that are the offers that are for the whole of it.
        """
        items = [simplejson.loads(self.items[number], use_decimal=True) for number in sorted(numbers)]
        places = {place for item in items for place in self.offered.get(self.parts.form.id_of(item), ())}
        fitting = [place for place in sorted(places) if self._is_for(place, window)]
        offers = [simplejson.loads(self.offers[place], use_decimal=True) for place in fitting]
        return self.parts.joined(items, offers)

    def _is_for(self, place: int, window: Interval | None) -> bool:
        """Say whether an offer is for the whole of a window."""
        delivery = self.deliveries.get(place)
        return window is None or delivery is None or window.intersection(delivery) == window


def shelves_of(published: Published, profile: str) -> Iterator[Shelf]:
    """Return the catalogue as `profile` tells it; nothing if it cannot be told so."""
    listing = published.understood()
    for document in _documents(published, listing, profile):
        yield _shelf(published, document, listing, profile)


def _documents(published: Published, listing: Listing | None, profile: str) -> list[Json]:
    if published.profile == profile:
        body = {key: value for key, value in published.body.items() if key != _FOR_US_ALONE}
        id_key, url_key = _SENDERS[profile]
        return [body | {id_key: published.bpp_id, url_key: published.bpp_url}]
    if listing is None or not listing.resources:
        return []
    sender = {"bpp_id": published.bpp_id, "bpp_url": published.bpp_url}
    message = wire_of(profile).write_catalog(listing, **sender)
    if "catalogs" in message:
        found: list[Json] = message["catalogs"]
        return found
    return [with_seller(provider, **sender) for provider in message["catalog"]["providers"]]


def _shelf(published: Published, document: Json, listing: Listing | None, profile: str) -> Shelf:
    parts = FORMS[profile].split(document)
    form = parts.form
    offered: dict[str, list[int]] = {}
    for place, offer in enumerate(parts.offers):
        for item_id in form.named_by(offer, form.offered):
            offered.setdefault(item_id, []).append(place)
    known = {resource.id: resource for resource in listing.resources} if listing else {}
    narrow = {offer.id: offer.delivery for offer in listing.offers if offer.delivery} if listing else {}
    windows = ((place, narrow.get(form.id_of(offer))) for place, offer in enumerate(parts.offers))
    deliveries = {place: window for place, window in windows if window is not None}
    facts = []
    for item in parts.items:
        resource = known.get(form.id_of(item))
        places = offered.get(form.id_of(item), ())
        offers = (parts.offers[place] for place in places)
        is_narrow = all(place in deliveries for place in places)
        site = parts.place_of(item)
        if site is None and resource is not None and resource.place is not None:
            site = write_geometry(resource.place.geometry)
        written = None if site is None else write_shape(site)
        facts.append(
            Fact(
                text=parts.text_of(item, offers),
                place=written,
                production=None if resource is None else resource.production,
                deliveries=[deliveries[place] for place in places] if is_narrow else (),
            )
        )
    return Shelf(
        published=published,
        parts=SplitCatalogue(form=form, head=parts.head, items=[], offers=[], sites=parts.sites),
        items=[_written(item) for item in parts.items],
        offers=[_written(offer) for offer in parts.offers],
        offered=offered,
        deliveries=deliveries,
        facts=facts,
    )


def _written(document: Json) -> bytes:
    return simplejson.dumps(document, use_decimal=True).encode()
