"""Searching the catalogue: words, JSONPath over items, places and a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import simplejson

from bpp.filters import Filters
from bpp.places import lie_there
from kernel.interval import Interval
from trading.fields import Field
from trading.listing import Listing
from trading.mapping.wire import Wire
from trading.offer import Resource
from trading.request import Criteria


def search(listing: Listing, criteria: Criteria, *, wire: Wire) -> Listing:
    """Return the part of the listing that matches all of the criteria, in its order.

    Words are looked for in what things are called; a JSONPath is applied to the items as `wire`
    writes them, and so are those of geometries. Raises: FilterUnreadable, FieldInvalid.
    """
    chosen = _chosen(listing, criteria, wire)
    return listing.only(
        tuple(
            resource
            for index, resource in enumerate(listing.resources)
            if index in chosen
            and _is_produced(resource, criteria.window)
            and _has_words(resource, listing, criteria.words)
        )
    )


def _chosen(listing: Listing, criteria: Criteria, wire: Wire) -> set[int]:
    """Return the numbers of the resources that pass the filter and lie where they shall."""
    chosen = set(range(len(listing.resources)))
    targets = sum(len(condition.targets) for condition in criteria.places)
    items = _items(listing, wire) if targets or criteria.expression is not None else []
    filters = Filters(items=len(items), targets=targets)
    if criteria.expression is not None:
        compiled = filters.compile(criteria.expression, example=wire.FILTER_EXAMPLE, path=Field.FILTER)
        chosen &= {match.parts[0] for match in compiled.matches(items) if match.parts}
    for condition in criteria.places:
        chosen &= lie_there(listing, items, condition, filters=filters)
    return chosen


def _items(listing: Listing, wire: Wire) -> list[dict[str, Any]]:
    """Return the items as any JSON reader has them: the filter's own numbers are not Decimals either."""
    plain: list[dict[str, Any]] = json.loads(simplejson.dumps(wire.write_items(listing), use_decimal=True))
    return plain


def _is_produced(resource: Resource, window: Interval | None) -> bool:
    """Say whether the energy can be had in the whole of `window`."""
    return window is None or window.covered_by([resource.production])


def _has_words(resource: Resource, listing: Listing, words: Sequence[str]) -> bool:
    if not words:
        return True
    source, provider = resource.source, listing.provider_of(resource)
    texts = [resource.name, provider.name, *(offer.name for offer in listing.offers_of(resource))]
    texts += [source.source_type.value, source.delivery_mode.value]
    texts += [source.certification.status] if source.certification else []
    text = " ".join(texts).casefold()
    return all(word in text for word in words)
